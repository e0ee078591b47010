import { argmax, candidatesOf, type GumbelNoise, type Sampling } from '../../model/index.js';
import { checkPosition } from '../margin.js';

/** By how many tolerances a wrong token must miss, so that the verifier's own rounding can't excuse it. */
const CLEARLY = 4;
/** Margin, in units of the logits, from which a wrong token is preferred: visible in a table, yet no nonsense. */
const TELLING = 1;

/** Tokens that the sampling leaves, each with its perturbed score z/T + g times T. */
function scores(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
): Map<number, number> {
  if (sampling.temperatureMilli === 0) return new Map(logits.entries());
  const temperature = sampling.temperatureMilli / 1000;
  const { tokens, scaled } = candidatesOf(logits, sampling);
  return new Map(
    Array.from(tokens, (token, i) => [
      token,
      temperature * (scaled[i]! + noise.at(position, token)),
    ]),
  );
}

/** Those that miss tellingly, closest first; then those that miss by less, farthest first. */
function byMargin(scored: ReadonlyMap<number, number>): number[] {
  let best = Number.NEGATIVE_INFINITY;
  for (const score of scored.values()) if (score > best) best = score;
  const descending = [...scored].sort(([, a], [, b]) => b - a);
  const telling = descending.filter(([, score]) => best - score >= TELLING);
  const close = descending.filter(([, score]) => best - score < TELLING).reverse();
  return [...telling, ...close].map(([token]) => token);
}

/** A false token, and the verdict kind it leads to where it isn't the answer's first. */
export interface WrongToken {
  readonly token: number;
  readonly kind: 'integrity' | 'sampling';
}

/**
 * A token that an honest seller could not have given at this position by any rounding within the tolerance: the least
 * conspicuous one whose margin is clear; where the sampling leaves no second token, the most probable of the excluded ones.
 * @param allowed tokens that may stand there, e.g. none that ends the answer
 * @returns undefined where no token qualifies
 */
export function wrongToken(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
  tau: number,
  allowed: (token: number) => boolean,
): WrongToken | undefined {
  const check = (token: number) =>
    checkPosition(logits, token, position, sampling, noise, CLEARLY * tau);
  const scored = scores(logits, position, sampling, noise);
  for (const token of byMargin(scored)) {
    const checked = check(token);
    const clear = checked.kind === 'margin' && checked.margin > CLEARLY * tau;
    if (clear && allowed(token)) return { token, kind: 'integrity' };
  }
  const excluded = Float32Array.from(logits, (logit, token) =>
    scored.has(token) ? Number.NEGATIVE_INFINITY : logit,
  );
  for (let tries = 0; tries < logits.length; tries++) {
    const token = argmax(excluded);
    if (excluded[token] === Number.NEGATIVE_INFINITY) return undefined;
    if (check(token).kind === 'excluded' && allowed(token)) return { token, kind: 'sampling' };
    excluded[token] = Number.NEGATIVE_INFINITY;
  }
  return undefined;
}
