import {
  bestOf,
  bestOfAll,
  finiteArgmax,
  type GumbelNoise,
  isCut,
  type Sampling,
} from '../model/index.js';
import { flipBound, uncutFlipBound } from './flipBound.js';
import { ROUNDING } from './ranking.js';
import { shiftBounds } from './shiftBounds.js';

/** What one position says about the token that stands there. */
export type PositionCheck =
  | {
      /** The token is one that the sampling could have drawn. */
      readonly kind: 'margin';
      /**
       * By how much, in units of the logits, the best token that was certainly on offer beats the one that stands there;
       * −∞ where no token was certainly on offer. An honest seller within tolerance τ never shows more than τ.
       */
      readonly margin: number;
      /**
       * Upper bound on the probability, over the noise at this position, that an honest seller within τ shows a margin
       * above 0 here; 1 where nothing is known, as at temperature 0.
       */
      readonly flipBound: number;
      /** The token that the verifier's own logits give. */
      readonly best: number;
    }
  /** Top-k or top-p exclude the token under every shift within the tolerance. */
  | { readonly kind: 'excluded'; readonly best: number }
  /** A logit is NaN or infinite: nothing can be said. */
  | { readonly kind: 'non-finite' };

/**
 * Checks the token at one output position against the verifier's logits (DESIGN 6, "Margins, not equality").
 *
 * Let τ bound how far a seller's logits lie apart from the verifier's: each is shifted by at most τ/2. S⁺ holds the tokens
 * that top-k and top-p leave under some such shift, S⁻ those that they leave under every one. Whoever drew honestly drew
 * from S⁺, and against all of S⁻; so the margin T·(max over S⁻ of (z/T + g) − (z_y/T + g_y)) is at most τ.
 *
 * @param logits the verifier's row at this position; as many as the vocabulary
 * @param token the token that stands there; below the vocabulary's size
 * @param position output position, from 0
 * @param tau tolerance in units of the logits
 */
export function checkPosition(
  logits: Float32Array,
  token: number,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
  tau: number,
): PositionCheck {
  const top = finiteArgmax(logits);
  if (top < 0) return { kind: 'non-finite' };
  if (sampling.temperatureMilli === 0) {
    return { kind: 'margin', margin: logits[top]! - logits[token]!, flipBound: 1, best: top };
  }
  const temperature = sampling.temperatureMilli / 1000;
  const own = logits[token]! / temperature + noise.at(position, token);
  const delta = tau / temperature + 2 * ROUNDING;
  if (!isCut(sampling, logits.length)) {
    const best = bestOfAll(logits, top, temperature, position, noise);
    const flips = uncutFlipBound(logits, logits[top]!, temperature, delta);
    const margin = temperature * (best.score - own);
    return { kind: 'margin', margin, flipBound: flips, best: best.token };
  }
  const bounds = shiftBounds(logits, logits[top]!, token, sampling, tau);
  const { order, scaled, certain, reachable } = bounds;
  const best = bestOf(order, scaled, bounds.nominal, position, noise).token;
  if (!bounds.possible) return { kind: 'excluded', best };
  const { score } = bestOf(order, scaled, certain, position, noise);
  return {
    kind: 'margin',
    margin: temperature * (score - own),
    flipBound: flipBound(scaled, certain, reachable, delta),
    best,
  };
}
