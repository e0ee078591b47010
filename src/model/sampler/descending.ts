/** Buckets by the upper half of a float's bits; fine enough that few values share the last one needed. */
const BUCKETS = 0x1_0000;

/** Bucket of a float32 by its bits, larger values in larger buckets; both zeros in one. */
function bucketOf(bits: number): number {
  if (bits < 0x8000_0000) return (bits >>> 16) + 0x8000;
  return bits === 0x8000_0000 ? 0x8000 : 0x7fff - ((bits >>> 16) - 0x8000);
}

function bitsOf(logits: Float32Array): Uint32Array {
  return new Uint32Array(logits.buffer, logits.byteOffset, logits.length);
}

/** Tokens of all buckets from `lowest` up, by logit, the smaller id first among equals. */
function sortedFrom(logits: Float32Array, lowest: number): Uint32Array {
  const bits = bitsOf(logits);
  const tokens: number[] = [];
  for (let i = 0; i < bits.length; i++) if (bucketOf(bits[i]!) >= lowest) tokens.push(i);
  return Uint32Array.from(tokens).sort((a, b) => logits[b]! - logits[a]! || a - b);
}

/** The largest bucket from which upwards the amounts add up to more than `enough`; 0 where all together do not. */
function lowestBucket(amounts: Float64Array, enough: number): number {
  let sum = 0;
  for (let bucket = BUCKETS - 1; bucket > 0; bucket--) {
    sum += amounts[bucket]!;
    if (sum > enough) return bucket;
  }
  return 0;
}

/**
 * The first `count` tokens in descending order of their logits (the smaller id first among equals). Vocabularies are
 * large and few tokens are wanted: one pass counts the logits by the upper half of their bits, and only what can be among
 * the first is sorted.
 * @param logits finite
 */
export function descendingByCount(logits: Float32Array, count: number): Uint32Array {
  const bits = bitsOf(logits);
  const counts = new Float64Array(BUCKETS);
  for (let i = 0; i < bits.length; i++) counts[bucketOf(bits[i]!)]! += 1;
  return sortedFrom(logits, lowestBucket(counts, count - 1)).subarray(0, count);
}

/**
 * The first tokens in descending order of their logits, at least as many as hold more than `mass` of the given weights.
 * @param weights one per token, not negative
 */
export function descendingByMass(
  logits: Float32Array,
  weights: Float64Array,
  mass: number,
): Uint32Array {
  const bits = bitsOf(logits);
  const sums = new Float64Array(BUCKETS);
  for (let i = 0; i < bits.length; i++) sums[bucketOf(bits[i]!)]! += weights[i]!;
  return sortedFrom(logits, lowestBucket(sums, mass));
}
