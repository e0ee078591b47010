import { descendingByCount, descendingByMass } from './descending.js';
import type { Sampling } from './sampling.js';

/** Tokens that top-k and top-p leave, with their tempered logits; parallel arrays. */
export interface Candidates {
  readonly tokens: Uint32Array;
  /** z / T for each of `tokens`, binary64. */
  readonly scaled: Float64Array;
}

/** Room for the order in which masses are added up, when looking for where top-p may end. */
const ROUNDING = 1e-9;

function scaledOf(logits: Float32Array, temperature: number): Float64Array {
  const scaled = new Float64Array(logits.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = logits[i]! / temperature;
  return scaled;
}

function pick(scaled: Float64Array, tokens: Uint32Array): Float64Array {
  const picked = new Float64Array(tokens.length);
  for (let i = 0; i < picked.length; i++) picked[i] = scaled[tokens[i]!]!;
  return picked;
}

function weightsOf(scaled: Float64Array, top: number): { weights: Float64Array; total: number } {
  const weights = new Float64Array(scaled.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = Math.exp(scaled[i]! - top);
    weights[i] = weight;
    total += weight;
  }
  return { weights, total };
}

/**
 * How many of the tokens, descending, top-p keeps: those before which the softmax mass is below p.
 * @param scaled tempered logits in descending order; maybe only the first of them
 * @param total sum of e^(scaled − first) over all tokens that take part
 */
function nucleusSize(scaled: Float64Array, total: number, p: number): number {
  const top = scaled[0]!;
  let before = 0;
  let size = 0;
  while (size < scaled.length && before < p) before += Math.exp(scaled[size++]! - top) / total;
  return size;
}

function greatest(values: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/**
 * Tempers one row of logits and cuts it by top-k, then top-p (DESIGN 6, in this order, in binary64).
 * @param logits one row, as many as the vocabulary; finite
 * @param sampling with a temperature above zero
 * @returns tokens descending by logit, the smaller id first among equals; by id where nothing is cut
 */
export function candidatesOf(logits: Float32Array, sampling: Sampling): Candidates {
  const all = scaledOf(logits, sampling.temperatureMilli / 1000);
  const cutByK = sampling.topK > 0 && sampling.topK < all.length;
  const p = sampling.topPMilli / 1000;
  if (cutByK) {
    // no two different float32 become equal when divided in binary64, so logits and z/T stand in the same order
    const tokens = descendingByCount(logits, sampling.topK);
    const scaled = pick(all, tokens);
    if (p >= 1) return { tokens, scaled };
    const size = nucleusSize(scaled, weightsOf(scaled, scaled[0]!).total, p);
    return { tokens: tokens.subarray(0, size), scaled: scaled.subarray(0, size) };
  }
  if (p >= 1) return { tokens: Uint32Array.from(all.keys()), scaled: all };
  const { weights, total } = weightsOf(all, greatest(all));
  const tokens = descendingByMass(logits, weights, (p + ROUNDING) * total);
  const scaled = pick(all, tokens);
  const size = nucleusSize(scaled, total, p);
  return { tokens: tokens.subarray(0, size), scaled: scaled.subarray(0, size) };
}
