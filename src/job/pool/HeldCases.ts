import type { AnyMessage } from '../messages.js';
import { CaseEntries } from './CaseEntries.js';
import type { Placement } from './JobEntries.js';
import type { Entry } from './view.js';

/** Bounds of the cases in a pool. */
export interface CaseBounds {
  /** Cases kept at once. */
  readonly cases: number;
  /** Bytes of all that is said about them. */
  readonly caseBytes: number;
}

/** The cases of a pool, by id, in a room of their own: what is said of them takes no room from jobs. */
export class HeldCases {
  readonly #bounds: CaseBounds;
  readonly #cases = new Map<string, CaseEntries>();

  constructor(bounds: CaseBounds) {
    this.#bounds = bounds;
  }

  get(id: string): CaseEntries | undefined {
    return this.#cases.get(id);
  }

  values(): IterableIterator<CaseEntries> {
    return this.#cases.values();
  }

  /** Ids of all cases, sorted. */
  ids(): string[] {
    return [...this.#cases.keys()].sort();
  }

  get bytes(): number {
    return [...this.#cases.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Takes a message of a case. Where there are too many, the cases go whose coins are worth least, a coin being shared
   * evenly by all that it stands behind: one coin does not fill every place. That may be its own, and then it is among
   * what is gone itself.
   */
  place(entry: Entry, worth: bigint): Placement {
    const { jobId, type }: AnyMessage = entry.message;
    const held = this.#cases.get(jobId);
    if (!held && type !== 'appeal') return { status: 'wait' };
    const own = held ?? new CaseEntries(jobId);
    const placed = own.place(entry, worth);
    if (placed.status !== 'kept') return placed;
    this.#cases.set(jobId, own);
    const gone = [...placed.gone];
    while (this.#cases.size > this.#bounds.cases || this.bytes > this.#bounds.caseBytes) {
      const worst = this.#worst();
      this.#cases.delete(worst.id);
      gone.push(...worst.entries());
    }
    return { ...placed, gone };
  }

  /** Drops what no longer stands. @returns what went */
  retain(id: string, stands: (entry: CaseEntries) => Entry[]): Entry[] {
    const held = this.#cases.get(id);
    if (!held) return [];
    const gone = stands(held);
    if (!held.isEmpty) return gone;
    this.#cases.delete(id);
    return [...gone, ...held.entries()];
  }

  remove(id: string): CaseEntries | undefined {
    const held = this.#cases.get(id);
    this.#cases.delete(id);
    return held;
  }

  /** How many cases each coin stands behind. */
  #uses(): Map<string, number> {
    const uses = new Map<string, number>();
    for (const held of this.#cases.values()) {
      // two appeals of one case count its coin once
      const coins = new Set([...held.coins()].map(({ coin }) => coin));
      for (const coin of coins) uses.set(coin, (uses.get(coin) ?? 0) + 1);
    }
    return uses;
  }

  #worst(): CaseEntries {
    const uses = this.#uses();
    const ranked = [...this.#cases.values()].map((held) => {
      const shares = [...held.coins()].map(({ coin, worth }) => worth / BigInt(uses.get(coin)!));
      return { held, share: shares.reduce((most, share) => (share > most ? share : most), 0n) };
    });
    ranked.sort((a, b) =>
      a.share === b.share ? (a.held.id < b.held.id ? -1 : 1) : a.share > b.share ? -1 : 1,
    );
    return ranked.at(-1)!.held;
  }
}
