import { joinSignals } from '../../base/index.js';
import type { Host, PeerId } from '../../network/index.js';
import type { JobSpec } from '../spec.js';
import { Conversation } from './Conversation.js';
import type { NeighbourFacts } from './checkFrames.js';

/** Milliseconds for short words: facts, calibration, showing what was committed to. */
export const SHORT = 10_000;
/** Conversations begun at once. */
const AT_ONCE = 8;

/** A neighbour with the model, with which a conversation is open. */
export interface Ready {
  readonly conversation: Conversation;
  readonly facts: NeighbourFacts;
}

/** Finds those among a node's neighbours that can be asked about a job's output, best first. */
export class Gathering {
  readonly #host: Host;
  readonly #rank: PeerId[];
  readonly #job: JobSpec;
  #facts: NeighbourFacts | undefined;

  constructor(host: Host, rank: readonly PeerId[], job: JobSpec) {
    this.#host = host;
    this.#rank = [...rank];
    this.#job = job;
  }

  /** What most of those found first say of the model; undefined while nobody was found. */
  get facts(): NeighbourFacts | undefined {
    return this.#facts;
  }

  /**
   * Up to so many neighbours that have the model and say the same of it, each with an open conversation; nobody twice.
   * @param isWelcome what else must hold of one
   * @throws AbortError when the signal aborts
   */
  async gather(
    wanted: number,
    isWelcome: (facts: NeighbourFacts) => boolean,
    signal: AbortSignal,
  ): Promise<Ready[]> {
    const fitting: Ready[] = [];
    while (fitting.length < wanted && this.#rank.length > 0) {
      const ready = await this.#begin(wanted - fitting.length, signal);
      this.#facts ??= commonFacts(ready);
      for (const one of ready) {
        if (this.#isSame(one.facts) && isWelcome(one.facts)) fitting.push(one);
        else one.conversation.end();
      }
      if (signal.aborted) for (const { conversation } of fitting) conversation.end();
      signal.throwIfAborted();
    }
    return fitting;
  }

  /** Up to so many conversations with neighbours that have the model, whatever they say of it; fewer on abort. */
  async #begin(wanted: number, signal: AbortSignal): Promise<Ready[]> {
    const { model, file, calibration } = this.#job;
    const ready: Ready[] = [];
    while (ready.length < wanted && this.#rank.length > 0 && !signal.aborted) {
      const batch = this.#rank.splice(0, Math.min(AT_ONCE, wanted - ready.length));
      const name = { model, file, calibration };
      const begun = await within(signal, SHORT, (soon) =>
        Promise.allSettled(batch.map((peer) => Conversation.begin(this.#host, peer, name, soon))),
      );
      ready.push(...begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    }
    return ready;
  }

  #isSame(facts: NeighbourFacts): boolean {
    return this.#facts !== undefined && areAlike(facts, this.#facts);
  }
}

/** Does something under a signal that aborts with another one, or after so many milliseconds. */
export async function within<T>(
  signal: AbortSignal,
  milliseconds: number,
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = joinSignals(signal, AbortSignal.timeout(milliseconds));
  try {
    return await work(limit.signal);
  } finally {
    limit.release();
  }
}

function areAlike(a: NeighbourFacts, b: NeighbourFacts): boolean {
  return a.vocabularySize === b.vocabularySize && a.contextLength === b.contextLength;
}

/** What the greatest number of neighbours say of the model. */
function commonFacts(ready: readonly Ready[]): NeighbourFacts | undefined {
  const support = (facts: NeighbourFacts): number =>
    ready.filter((other) => areAlike(facts, other.facts)).length;
  const all = ready.map(({ facts }) => facts);
  return all.reduce<NeighbourFacts | undefined>(
    (best, facts) => (best && support(best) >= support(facts) ? best : facts),
    undefined,
  );
}
