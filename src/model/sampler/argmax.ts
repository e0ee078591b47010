/** The token with the largest logit; the smaller id among equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  let most = logits[0]!;
  for (let i = 1; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > most) {
      most = logit;
      best = i;
    }
  }
  return best;
}

/**
 * The token with the largest logit and whether the row can be trusted, in one pass over it.
 * @returns the smaller id among equals; −1 where a logit is NaN or infinite, or there is none
 */
export function finiteArgmax(logits: Float32Array): number {
  let best = 0;
  let most = logits[0]!;
  // stay 0 as long as everything is finite; a comparison of each would take three times as long, and one sum instead of two
  // would wait for itself
  let zero = 0;
  let otherZero = 0;
  const even = logits.length & ~1;
  for (let i = 0; i < even; i += 2) {
    const one = logits[i]!;
    const other = logits[i + 1]!;
    zero += one * 0;
    otherZero += other * 0;
    if (one > most) {
      most = one;
      best = i;
    }
    if (other > most) {
      most = other;
      best = i + 1;
    }
  }
  if (even < logits.length) {
    const last = logits[even]!;
    zero += last * 0;
    if (last > most) best = even;
  }
  return zero + otherZero === 0 && logits.length > 0 ? best : -1;
}
