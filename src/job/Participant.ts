import { setMaxListeners } from 'node:events';
import { isUnreachable, messageOf } from '../base/index.js';
import type { ChainClient, KeyPair, NetworkParameters, Wallet } from '../chain/index.js';
import { JobEvents, type JobRole } from './JobEvents.js';
import type { JobModel } from './jobModel.js';
import { NodeAbsence } from './NodeAbsence.js';
import { PoolMirror } from './pool/PoolMirror.js';
import { pause } from './sending.js';

/** What clients, workers and verifiers are made from. */
export interface ParticipantOptions {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** Holds the key's coins, and pays fees. */
  readonly wallet: Wallet;
  /** Signs messages and contracts; its address receives. */
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  /** Where this participant's records of jobs are kept. */
  readonly directory: string;
  /** Milliseconds between two looks at chain and pool; 300 unless stated. */
  readonly interval?: number;
}

/** One who takes part in jobs: looks at chain and pool again and again, and does what is next. */
export abstract class Participant extends JobEvents {
  protected readonly chain: ChainClient;
  protected readonly params: NetworkParameters;
  protected readonly wallet: Wallet;
  protected readonly key: KeyPair;
  protected readonly models: readonly JobModel[];
  protected readonly mirror: PoolMirror;
  protected readonly interval: number;
  readonly #problems = new Map<string, string>();
  readonly #waits = new Map<string, number>();
  /** Ends the wait before the next look; does nothing but note itself while a look goes on. */
  #wake: (() => void) | undefined;
  #isAwake = false;
  readonly #absence = new NodeAbsence({
    away: (detail) => this.emit({ role: this.role, step: 'problem', detail }),
    back: () => this.emit({ role: this.role, step: 'back' }),
  });
  protected abstract readonly role: JobRole;

  constructor(options: ParticipantOptions) {
    super();
    this.chain = options.chain;
    this.params = options.params;
    this.wallet = options.wallet;
    this.key = options.key;
    this.models = options.models;
    this.interval = options.interval ?? 300;
    this.mirror = new PoolMirror(options.chain);
  }

  /** Looks once, and does what can be done now. @param tip height of the chain */
  protected abstract look(tip: number, signal: AbortSignal): Promise<void>;

  /**
   * Takes part until the signal aborts. A node that is away is told as a `problem` event, and as a `back` event when it
   * answers again; one job that goes wrong is told as a `problem` event, too. Both are tried again.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.guarded(undefined, async () => {
        const tip = await this.tip();
        await this.mirror.refresh(tip);
        await this.look(tip, signal);
      });
      await this.#nap(signal);
    }
  }

  /** Has the next look begin at once. */
  protected wake(): void {
    this.#isAwake = true;
    this.#wake?.();
  }

  async #nap(signal: AbortSignal): Promise<void> {
    const nap = new AbortController();
    const end = (): void => nap.abort();
    this.#wake = end;
    // as many take part on one signal as please: no leak, which Node would warn of after ten
    setMaxListeners(0, signal);
    signal.addEventListener('abort', end);
    if (this.#isAwake || signal.aborted) end();
    await pause(this.interval, nap.signal);
    signal.removeEventListener('abort', end);
    this.#isAwake = false;
    this.#wake = undefined;
  }

  /** Height of the chain; asked before each look, so that a node that has come back is seen here. */
  protected async tip(): Promise<number> {
    const height = await this.chain.height();
    this.#absence.end();
    return height;
  }

  /** Does something for one job; what goes wrong is told once, and tried again at the next look. */
  protected async guarded(jobId: string | undefined, body: () => Promise<void>): Promise<void> {
    const where = jobId ?? '';
    try {
      await body();
      this.#problems.delete(where);
    } catch (thrown) {
      if (thrown instanceof Error && thrown.name === 'AbortError') return;
      if (this.#absence.note(thrown)) return;
      const detail = messageOf(thrown);
      if (this.#problems.get(where) === detail) return;
      this.#problems.set(where, detail);
      const passing = isUnreachable(thrown) ? ' (tried again until it answers)' : '';
      this.emit({
        role: this.role,
        step: 'problem',
        ...(jobId === undefined ? {} : { jobId }),
        detail: `${detail}${passing}`,
      });
    }
  }

  /**
   * Does something for one job, where only a node that is away is no reason to give up: that is told once.
   * @returns undefined while it is away
   */
  protected async untilThere<T>(jobId: string, body: () => Promise<T>): Promise<T | undefined> {
    let result: T | undefined;
    let lasting: { readonly thrown: unknown } | undefined;
    await this.guarded(jobId, async () => {
      try {
        result = await body();
      } catch (thrown) {
        if (isUnreachable(thrown)) throw thrown;
        lasting = { thrown };
      }
    });
    if (lasting) throw lasting.thrown;
    return result;
  }

  /** Tells, once per height, that a job needs the chain to reach a height. */
  protected waitFor(jobId: string, untilHeight: number, detail: string): void {
    if (this.#waits.get(jobId) === untilHeight) return;
    this.#waits.set(jobId, untilHeight);
    this.emit({ role: this.role, step: 'waiting', jobId, untilHeight, detail });
  }
}
