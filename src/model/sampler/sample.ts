import { argmax } from './argmax.js';
import { Cutter, isCut } from './candidates.js';
import { bestOf, bestOfAll } from './gumbelMax.js';
import type { GumbelNoise } from './noise.js';
import type { Sampling } from './sampling.js';

/** Room for one row at a time: drawing never waits, so this thread's calls share it. */
const cutter = new Cutter();

/**
 * The token that these logits, this sampling and this noise fix at an output position: argmax of z/T + g over what
 * top-k and top-p leave (the Gumbel-max trick); plain argmax of z at temperature 0. Ties go to the smaller id.
 * @param logits one row, as many as the vocabulary; finite
 * @param position output position, from 0
 * @param top the token with the largest logit, where it is known already (`finiteArgmax`)
 * @throws BitmodelError `VOCABULARY_TOO_LARGE`
 */
export function sampleToken(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
  top: number = argmax(logits),
): number {
  if (sampling.temperatureMilli === 0) return top;
  if (!isCut(sampling, logits.length)) {
    return bestOfAll(logits, top, sampling.temperatureMilli / 1000, position, noise).token;
  }
  const count = cutter.cut(logits, top, sampling);
  return bestOf(cutter.tokens, cutter.scaled, count, position, noise).token;
}
