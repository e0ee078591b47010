import { EventEmitter } from 'node:events';

/** Who did something. */
export type JobRole = 'client' | 'worker' | 'verifier' | 'accuser';

/** What happened; in the order of DESIGN 5.2. */
export type JobStep =
  | 'ready'
  | 'announced'
  | 'offered'
  | 'suspect'
  | 'avoided'
  | 'chosen'
  | 'escrowed'
  | 'accepted'
  | 'started'
  | 'token'
  | 'self-checked'
  | 'committed'
  | 'claimed'
  | 'withdrawn'
  | 'opened'
  | 'checking'
  | 'checked'
  | 'left'
  | 'settled'
  | 'contested'
  | 'evidence'
  | 'counterproof'
  | 'judged'
  | 'slashed'
  | 'cleared'
  | 'lapsed'
  | 'appealed'
  | 'rejudged'
  | 'burnt'
  | 'released'
  | 'cancelled'
  | 'refunded'
  | 'closed'
  | 'retrying'
  | 'handed'
  | 'given-back'
  | 'sent-home'
  | 'waiting'
  | 'back'
  | 'problem';

/** One thing that happened to one job, for display. Only what belongs to the step is set. */
export interface JobEvent {
  readonly role: JobRole;
  readonly step: JobStep;
  /** Hex; absent for what belongs to no job. */
  readonly jobId?: string;
  /** The transaction that did it, printed id. */
  readonly txid?: string;
  /** Base units that the step moves or locks. */
  readonly amount?: bigint;
  /** Base units the step's transaction paid to miners. */
  readonly fee?: bigint;
  /** The other party's public key, hex. */
  readonly party?: string;
  /** Text decoded so far (`token`: the new piece; `opened`: the whole answer). */
  readonly text?: string;
  /** Tokens, or positions checked. */
  readonly count?: number;
  readonly total?: number;
  readonly seconds?: number;
  /** `suspect`: whether it is taken all the same. */
  readonly allowed?: boolean;
  /** One line for people: a verdict, a reason, a problem. */
  readonly detail?: string;
  /** `waiting`: nothing happens before the chain has this height; `suspect`: that of the block with the slash. */
  readonly untilHeight?: number;
}

/** Listens to events: what clients, workers and verifiers have in common. */
export class JobEvents {
  readonly #emitter = new EventEmitter<{ event: [JobEvent] }>();

  on(name: 'event', listener: (event: JobEvent) => void): this {
    this.#emitter.on(name, listener);
    return this;
  }

  off(name: 'event', listener: (event: JobEvent) => void): this {
    this.#emitter.off(name, listener);
    return this;
  }

  protected emit(event: JobEvent): void {
    this.#emitter.emit('event', event);
  }
}
