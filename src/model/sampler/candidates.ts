import { argmax } from './argmax.js';
import { Descending } from './Descending.js';
import type { Sampling } from './sampling.js';

/** Tokens that top-k and top-p leave, with their tempered logits; parallel arrays. */
export interface Candidates {
  /** By logit, descending, the smaller id first among equals; by id where nothing is cut. */
  readonly tokens: Uint32Array;
  /** z / T for each of `tokens`, binary64. */
  readonly scaled: Float64Array;
}

/** Room for the order in which masses are added up, when looking for where top-p may end. */
const ROUNDING = 1e-9;

/** How finely z/T is divided when looking for where top-p may end, and how far below the greatest. */
const BINS_PER_UNIT = 8;
const BINS = 512;

/** Whether top-k or top-p leave anything out of a vocabulary of this size. */
export function isCut({ topK, topPMilli }: Sampling, size: number): boolean {
  return (topK > 0 && topK < size) || topPMilli < 1000;
}

/**
 * Cuts rows of logits by top-k, then top-p (DESIGN 6, in this order, in binary64). Its room is kept from row to row, since one
 * is cut for every token.
 */
export class Cutter {
  readonly #descending = new Descending();
  readonly #masses = new Float64Array(BINS);
  /** z/T of the tokens left; good until the next call, and beyond their number without meaning. */
  scaled = new Float64Array(0);

  /** The tokens left, as `scaled`. */
  get tokens(): Uint32Array {
    return this.#descending.tokens;
  }

  /**
   * Cuts one row.
   * @param logits one row, as many as the vocabulary; no NaN
   * @param top the token with the largest logit
   * @param sampling with a temperature above zero that is cut by top-k or top-p
   * @returns how many tokens are left, the first of `tokens`, descending
   * @throws BitmodelError `VOCABULARY_TOO_LARGE`
   */
  cut(logits: Float32Array, top: number, sampling: Sampling): number {
    const temperature = sampling.temperatureMilli / 1000;
    const p = sampling.topPMilli / 1000;
    if (sampling.topK === 0 || sampling.topK >= logits.length) {
      return this.#byMass(logits, top, temperature, p);
    }
    // no two different float32 become equal when divided in binary64, so logits and z/T stand in the same order
    const count = sampling.topK;
    this.#descending.byCount(logits, count);
    this.#temper(logits, temperature, count);
    if (p >= 1) return count;
    let total = 0;
    for (let rank = 0; rank < count; rank++) {
      total += Math.exp(this.scaled[rank]! - this.scaled[0]!);
    }
    return this.#nucleusSize(count, total, p);
  }

  #byMass(logits: Float32Array, top: number, temperature: number, p: number): number {
    const greatest = logits[top]! / temperature;
    const masses = this.#masses.fill(0);
    let total = 0;
    for (let i = 0; i < logits.length; i++) {
      const above = logits[i]! / temperature - greatest;
      const weight = Math.exp(above);
      total += weight;
      masses[Math.min(BINS - 1, -above * BINS_PER_UNIT) | 0]! += weight;
    }
    const enough = (p + ROUNDING) * total;
    let held = 0;
    let bins = 0;
    while (bins < BINS && held <= enough) held += masses[bins++]!;
    const least =
      bins === BINS
        ? Number.NEGATIVE_INFINITY
        : logits[top]! - (bins / BINS_PER_UNIT + ROUNDING) * temperature;
    const count = this.#descending.from(logits, least);
    this.#temper(logits, temperature, count);
    return this.#nucleusSize(count, total, p);
  }

  #temper(logits: Float32Array, temperature: number, count: number): void {
    if (this.scaled.length < count) this.scaled = new Float64Array(this.tokens.length);
    for (let rank = 0; rank < count; rank++) {
      this.scaled[rank] = logits[this.tokens[rank]!]! / temperature;
    }
  }

  /**
   * How many tokens top-p keeps: those before which the softmax mass is below p.
   * @param total sum of e^(scaled − first) over all tokens that take part
   */
  #nucleusSize(count: number, total: number, p: number): number {
    const { scaled } = this;
    const top = scaled[0]!;
    let before = 0;
    let size = 0;
    while (size < count && before < p) before += Math.exp(scaled[size++]! - top) / total;
    return size;
  }
}

/**
 * Tempers one row of logits and cuts it by top-k, then top-p, into arrays of their own.
 * @param logits one row, as many as the vocabulary; finite
 * @param sampling with a temperature above zero
 * @throws BitmodelError `VOCABULARY_TOO_LARGE`
 */
export function candidatesOf(logits: Float32Array, sampling: Sampling): Candidates {
  if (!isCut(sampling, logits.length)) {
    const temperature = sampling.temperatureMilli / 1000;
    return {
      tokens: Uint32Array.from(logits.keys()),
      scaled: Float64Array.from(logits, (logit) => logit / temperature),
    };
  }
  const cutter = new Cutter();
  const count = cutter.cut(logits, argmax(logits), sampling);
  return { tokens: cutter.tokens.slice(0, count), scaled: cutter.scaled.slice(0, count) };
}
