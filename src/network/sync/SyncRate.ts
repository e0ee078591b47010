/** Milliseconds over which the rate is taken. */
const SPAN = 20_000;
/** Milliseconds between two samples. */
const STEP = 500;

interface Sample {
  readonly at: number;
  readonly height: number;
}

/** How many blocks a second a node connects, over the last seconds. */
export class SyncRate {
  #samples: Sample[] = [];
  readonly #now: () => number;

  /** @param now milliseconds from any start */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Notes how high the chain is; a pause, or a step back, begins anew. */
  note(height: number): void {
    const at = this.#now();
    const last = this.#samples.at(-1);
    if (last && (at - last.at > SPAN || height < last.height)) this.#samples = [];
    if (last && at - last.at < STEP && this.#samples.length > 0) return;
    this.#samples.push({ at, height });
    while (at - this.#samples[0]!.at > SPAN) this.#samples.shift();
  }

  /** Blocks per second up to a height that was reached now; undefined before enough is known. */
  of(height: number): number | undefined {
    const [first] = this.#samples;
    const seconds = first ? (this.#now() - first.at) / 1_000 : 0;
    if (!first || seconds < 1 || height <= first.height) return undefined;
    return (height - first.height) / seconds;
  }
}
