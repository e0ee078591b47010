import type { Block } from '../codec/block.js';
import { coinsOf, unlockingBytesOf } from './connecting.js';

/**
 * What blocks may hold together to be connected, or left, in one go, in which nobody else has a turn: some tens of
 * milliseconds. Scripts may cost the more the longer those are that unlock, a tenth of a second in all.
 */
export const MOST_OF_A_LOT = { coins: 3_000, bytes: 500_000, unlockingBytes: 100_000 } as const;

/** Counts what blocks hold that may be connected, or left, in one go. */
export class BlockLot {
  #coins = 0;
  #bytes = 0;
  #unlockingBytes = 0;

  /** Whether a block of this size may still fit. */
  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= MOST_OF_A_LOT.bytes;
  }

  /**
   * Counts one more block; false when that is too much.
   * @param bytes its size
   */
  takes(block: Block, bytes: number): boolean {
    this.#coins += coinsOf(block);
    this.#bytes += bytes;
    this.#unlockingBytes += unlockingBytesOf(block);
    return (
      this.#coins <= MOST_OF_A_LOT.coins &&
      this.#bytes <= MOST_OF_A_LOT.bytes &&
      this.#unlockingBytes <= MOST_OF_A_LOT.unlockingBytes
    );
  }
}
