import { GREATEST_NOISE, type GumbelNoise, type Sampling } from '../../model/index.js';

/**
 * How far the best token beats the runner-up, in units of the logits: T·(first − second of z/T + g), at T = 0 the first
 * less the second of z. Top-k and top-p cut nothing here, so that no shift of the logits makes it jump: where each logit
 * moves by at most δ/2, the gap moves by at most δ.
 * @param logits one row of at least two finite numbers
 */
export function runnerUpGap(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
): number {
  const temperature = sampling.temperatureMilli / 1000;
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token++) {
    const plain = temperature === 0 ? logits[token]! : logits[token]! / temperature;
    // most tokens come in neither place even with the greatest noise, and need none made
    if (temperature > 0 && plain + GREATEST_NOISE < second) continue;
    const score = temperature === 0 ? plain : plain + noise.at(position, token);
    if (score > first) {
      second = first;
      first = score;
    } else if (score > second) second = score;
  }
  return (temperature || 1) * (first - second);
}
