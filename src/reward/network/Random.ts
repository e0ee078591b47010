import { sha256, utf8 } from '../../base/index.js';
import { philoxWord } from '../../model/index.js';

/**
 * A reproducible stream of whole numbers: Philox4x32-10 (Salmon et al. 2011) in counter mode, keyed by the SHA-256 of a
 * text. All of its arithmetic is on integers, so a seed gives the same numbers on every machine. Nothing secret hangs
 * on it.
 */
export class Random {
  readonly #key0: number;
  readonly #key1: number;
  #low = 0;
  #high = 0;

  constructor(seed: string) {
    const view = new DataView(Uint8Array.from(sha256(utf8(seed))).buffer);
    this.#key0 = view.getInt32(0, true);
    this.#key1 = view.getInt32(4, true);
  }

  /** The next word, from 0 to 2³² − 1. */
  word(): number {
    const word = philoxWord(this.#low, this.#high, this.#key0, this.#key1);
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
    return word;
  }

  /**
   * A whole number from 0 on, below `bound`, each as likely: what would favour some is drawn again.
   * @param bound from 1 to 2⁵³ − 1
   */
  below(bound: number): number {
    if (bound <= 1) return 0;
    if (bound <= 2 ** 32) {
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const word = this.word();
        if (word < limit) return word % bound;
      }
    }
    const limit = 2 ** 53 - (2 ** 53 % bound);
    for (;;) {
      const wide = (this.word() >>> 11) * 2 ** 32 + this.word();
      if (wide < limit) return wide % bound;
    }
  }
}
