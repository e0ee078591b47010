/** Work for one model after another, bounded: who comes when it is full is sent away. */
export class CheckQueue {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param most how many may wait or be at work at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#waiting < this.#most;
  }

  /** Does something when all before it is done; whether they failed is their own affair. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }
}
