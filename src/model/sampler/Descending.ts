import { BitmodelError } from '../../base/index.js';

/** Ids that a key has room for beside the 32 bits of a logit: 21 bits, so that keys are whole numbers of binary64. */
const IDS = 2 ** 21;

/**
 * The first tokens of rows in descending order of their logits, the smaller id first among equals. Its room is kept from row
 * to row. A token is ordered by one number, logit and id in one: the native sort of numbers takes a fifth of the time of one
 * that calls back for each comparison.
 */
export class Descending {
  #keys = new Float64Array(0);
  /** The tokens in order, as many as the last call said; good until the next. */
  tokens = new Uint32Array(0);

  /**
   * The first `count` tokens.
   * @param count at least 1, at most as many as there are
   * @throws BitmodelError `VOCABULARY_TOO_LARGE`
   */
  byCount(logits: Float32Array, count: number): void {
    this.#grow(logits.length, count);
    const bits = bitsOf(logits);
    const keys = this.#keys;
    for (let i = 0; i < count; i++) keys[i] = keyOf(bits[i]!, i);
    for (let i = (count >> 1) - 1; i >= 0; i--) sink(keys, count, i);
    // the greatest key stands first, of the least token kept; a later one with the same logit comes after it
    let least = logits[idOf(keys[0]!)]!;
    for (let i = count; i < logits.length; i++) {
      if (logits[i]! <= least) continue;
      keys[0] = keyOf(bits[i]!, i);
      sink(keys, count, 0);
      least = logits[idOf(keys[0]!)]!;
    }
    this.#sort(count);
  }

  /** All tokens with a logit of at least `least`. @returns how many they are */
  from(logits: Float32Array, least: number): number {
    this.#grow(logits.length, logits.length);
    const bits = bitsOf(logits);
    let count = 0;
    for (let i = 0; i < logits.length; i++) {
      if (logits[i]! >= least) this.#keys[count++] = keyOf(bits[i]!, i);
    }
    this.#sort(count);
    return count;
  }

  #grow(size: number, count: number): void {
    if (size > IDS) {
      throw new BitmodelError('VOCABULARY_TOO_LARGE', `A vocabulary has at most ${IDS} tokens.`, {
        next: 'Use a model with fewer tokens',
      });
    }
    if (this.#keys.length >= count) return;
    this.#keys = new Float64Array(count);
    this.tokens = new Uint32Array(count);
  }

  #sort(count: number): void {
    const keys = this.#keys.subarray(0, count).sort();
    for (let i = 0; i < count; i++) this.tokens[i] = idOf(keys[i]!);
  }
}

function bitsOf(logits: Float32Array): Uint32Array {
  return new Uint32Array(logits.buffer, logits.byteOffset, logits.length);
}

/** Ascends as the tokens descend; both zeros are one. */
function keyOf(bits: number, id: number): number {
  const order = bits > 0x8000_0000 ? bits : 0x7fff_ffff - (bits & 0x7fff_ffff);
  return order * IDS + id;
}

function idOf(key: number): number {
  return key - Math.floor(key / IDS) * IDS;
}

/** Puts a key in its place in a heap of `count` with the greatest at the root. */
function sink(keys: Float64Array, count: number, from: number): void {
  const key = keys[from]!;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && keys[child + 1]! > keys[child]!) child += 1;
    if (keys[child]! <= key) break;
    keys[at] = keys[child]!;
    at = child;
  }
  keys[at] = key;
}
