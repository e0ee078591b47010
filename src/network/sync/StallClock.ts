/** Milliseconds without a byte from whoever holds up the window: at first, and at most (Bitcoin Core's). */
const STALL = { least: 2_000, most: 64_000, growth: 2, decay: 0.85 };
/** Milliseconds without a byte from any other that owes blocks. */
const QUIET = 20_000;
/** Milliseconds for which the next block may take altogether while others wait behind it. */
const HOLD_UP = 60_000;

/** For how long peers that owe blocks may send nothing: less for the one that the others wait for. */
export class StallClock {
  #stallTime = STALL.least;
  #heldUpSince = performance.now();

  /** The next block was connected, or another one became the next. */
  progress(): void {
    this.#heldUpSince = performance.now();
  }

  /** A block was connected: the next one may be expected sooner. */
  hasten(): void {
    this.progress();
    this.#stallTime = Math.max(STALL.least, this.#stallTime * STALL.decay);
  }

  /**
   * Whether a peer stalls.
   * @param quiet milliseconds without a byte from it
   * @param isHolder whether it owes the next block
   * @param hasOthers whether there are others who could be asked
   */
  isStalled(quiet: number, isHolder: boolean, hasOthers: boolean): boolean {
    if (!isHolder) return quiet > QUIET;
    return (
      quiet > this.#stallTime || (hasOthers && performance.now() - this.#heldUpSince > HOLD_UP)
    );
  }

  /** A peer was found to stall. One that is slow because all is slow must not make the next one fail as well. */
  noteStall(isHolder: boolean): void {
    if (isHolder) this.#stallTime = Math.min(STALL.most, this.#stallTime * STALL.growth);
    this.progress();
  }
}
