import { BitmodelError, messageOf } from '../base/index.js';

/** Whom {@link NodeAbsence} tells. */
export interface AbsenceListener {
  /** No node answers. @param detail why, in one line */
  readonly away: (detail: string) => void;
  readonly back: () => void;
}

/** Tells once that the node does not answer, however many calls fail and for whatever reason, and once that it does again. */
export class NodeAbsence {
  readonly #listener: AbsenceListener;
  #isAway = false;

  constructor(listener: AbsenceListener) {
    this.#listener = listener;
  }

  /** Call it with what a call threw. @returns whether it says that the node is away */
  note(thrown: unknown): boolean {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'NODE_UNREACHABLE') return false;
    if (!this.#isAway) this.#listener.away(`${messageOf(thrown)} (tried again until it answers)`);
    this.#isAway = true;
    return true;
  }

  /** Call it when the node has answered. */
  end(): void {
    if (this.#isAway) this.#listener.back();
    this.#isAway = false;
  }
}
