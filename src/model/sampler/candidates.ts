import type { Sampling } from './sampling.js';

/** Tokens that top-k and top-p leave, with their tempered logits; parallel arrays. */
export interface Candidates {
  readonly tokens: Uint32Array;
  /** z / T for each of `tokens`, binary64. */
  readonly scaled: Float64Array;
}

/** Larger value first; among equals the smaller id first. */
function byValueThenId(values: Float64Array): (a: number, b: number) => number {
  return (a, b) => values[b]! - values[a]! || a - b;
}

/**
 * The `count` tokens that stand first by value, then id, in that order. Selects through a threshold before it sorts, since
 * vocabularies are large and `count` is small.
 */
function firstByValue(values: Float64Array, count: number): Uint32Array {
  const order = byValueThenId(values);
  if (count >= values.length) return Uint32Array.from(values, (_, i) => i).sort(order);
  const threshold = values.slice().sort()[values.length - count]!;
  const chosen: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i]! >= threshold) chosen.push(i);
  return Uint32Array.from(chosen.sort(order).slice(0, count));
}

/**
 * How many of the tokens, descending, top-p keeps: those before which the softmax mass is below p.
 * @param scaled tempered logits in descending order
 */
function nucleusSize(scaled: Float64Array, p: number): number {
  const top = scaled[0]!;
  let total = 0;
  for (const value of scaled) total += Math.exp(value - top);
  let before = 0;
  let size = 0;
  while (size < scaled.length && before < p) before += Math.exp(scaled[size++]! - top) / total;
  return size;
}

/**
 * Tempers one row of logits and cuts it by top-k, then top-p (DESIGN 6, in this order, in binary64).
 * @param logits one row, as many as the vocabulary; finite
 * @param sampling with a temperature above zero
 */
export function candidatesOf(logits: Float32Array, sampling: Sampling): Candidates {
  const temperature = sampling.temperatureMilli / 1000;
  const all = Float64Array.from(logits, (logit) => logit / temperature);
  const cutByK = sampling.topK > 0 && sampling.topK < all.length;
  const cutByP = sampling.topPMilli < 1000;
  if (!cutByK && !cutByP) return { tokens: Uint32Array.from(all, (_, i) => i), scaled: all };
  const ordered = firstByValue(all, cutByK ? sampling.topK : all.length);
  const scaled = Float64Array.from(ordered, (token) => all[token]!);
  const size = cutByP ? nucleusSize(scaled, sampling.topPMilli / 1000) : ordered.length;
  return { tokens: ordered.subarray(0, size), scaled: scaled.subarray(0, size) };
}
