import { createHash } from 'node:crypto';

/** Numbers that a label fixes, so that a run can be repeated: SHA-256 in counter mode. */
export class Draw {
  #label;
  #count = 0;
  #left = Buffer.alloc(0);

  constructor(label) {
    this.#label = label;
  }

  bytes(count) {
    while (this.#left.length < count) {
      const block = createHash('sha256')
        .update(`${this.#label}/${this.#count++}`)
        .digest();
      this.#left = Buffer.concat([this.#left, block]);
    }
    const taken = this.#left.subarray(0, count);
    this.#left = this.#left.subarray(count);
    return new Uint8Array(taken);
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit) {
    return Math.floor((Buffer.from(this.bytes(4)).readUInt32LE(0) / 2 ** 32) * limit);
  }

  between(least, most) {
    return least + this.below(most - least + 1);
  }

  of(list) {
    return list[this.below(list.length)];
  }
}
