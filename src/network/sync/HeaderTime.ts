/** Milliseconds that one answer may take. */
const ANSWER = 20_000;
/** Milliseconds that all answers of a peer may take together, and what each header adds: 40 kB a second at the least. */
const PATIENCE = 60_000;
const PER_HEADER = 2;

/**
 * How long a peer may take to show its headers. Each answer in time is not enough: a branch has up to 131 of them, and
 * whoever gives each at the last moment would hold up others for most of an hour. Only the time spent waiting counts,
 * not that in which this node checks what came.
 */
export class HeaderTime {
  #left: number;

  /** @param patience milliseconds before any header has come */
  constructor(patience = PATIENCE) {
    this.#left = patience;
  }

  /** Milliseconds that the next answer may take. */
  get next(): number {
    return Math.max(1, Math.min(ANSWER, this.#left));
  }

  /** Headers came. */
  earn(headers: number): void {
    this.#left += headers * PER_HEADER;
  }

  /** Time was spent waiting. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds;
  }

  /** Waits for an answer, and counts how long that took. */
  async of<T>(ask: (timeout: number) => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await ask(this.next);
    } finally {
      this.spend(performance.now() - began);
    }
  }
}
