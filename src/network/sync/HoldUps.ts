/** Milliseconds for which a peer may hold up others altogether. */
const MOST = 5_000;
/** What a peer that holds up others sends in a second at least, so that it does not count: blocks, or bytes. */
const BLOCKS_PER_SECOND = 400;
const BYTES_PER_SECOND = 1_000_000;
/** Part of the time in which it sends so much that is taken off again. */
const FORGIVEN = 1 / 25;
/** Milliseconds for which a peer that is too slow is not asked, twice as long each time, up to the longest. */
const REST = { first: 2_000, longest: 64_000 } as const;

/**
 * For how long a peer has held up others that have nothing to do. It adds up from one block to the next: whoever sends a
 * block now and then is found out like one that sends none.
 */
export class HoldUps {
  #sum = 0;
  #rest: number = REST.first;
  #blocks = 0;
  #bytes = 0;

  /** Notes a block that came. */
  noteBlock(bytes: number): void {
    this.#blocks += 1;
    this.#bytes += bytes;
  }

  /**
   * Notes the time since this was called last. Returns whether the peer is too slow.
   * @param milliseconds how long that is
   * @param isHoldingUp whether others have nothing to do until the block comes that the peer owes
   */
  look(milliseconds: number, isHoldingUp: boolean): boolean {
    const seconds = milliseconds / 1_000;
    const sendsWell =
      this.#blocks >= BLOCKS_PER_SECOND * seconds || this.#bytes >= BYTES_PER_SECOND * seconds;
    this.#blocks = 0;
    this.#bytes = 0;
    if (sendsWell) this.#sum = Math.max(0, this.#sum - milliseconds * FORGIVEN);
    else if (isHoldingUp) this.#sum += milliseconds;
    if (this.#sum === 0) this.#rest = REST.first;
    return isHoldingUp && !sendsWell && this.#sum > MOST;
  }

  /** Milliseconds for which the peer is to be left alone now. */
  nextRest(): number {
    const rest = this.#rest;
    this.#rest = Math.min(REST.longest, rest * 2);
    return rest;
  }
}
