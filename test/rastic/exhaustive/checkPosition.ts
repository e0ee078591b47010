import type { GumbelNoise, Sampling } from '#src/model/index.js';
import { argmax } from '#src/model/index.js';
import { flipBound } from '#src/rastic/flipBound.js';
import type { PositionCheck } from '#src/rastic/index.js';
import { ROUNDING, shiftBounds } from './shiftBounds.js';

/** Greatest Gumbel noise that 32 bits can give (u closest to 1), with room for rounding. */
const GREATEST_NOISE = 23;

function allFinite(logits: Float32Array): boolean {
  for (let i = 0; i < logits.length; i++) if (!Number.isFinite(logits[i]!)) return false;
  return true;
}

/** Best perturbed score z/T + g among the first `count` of `tokens`; noise is made only where it could still win. */
function bestScore(
  scaled: (rank: number) => number,
  tokens: ArrayLike<number>,
  count: number,
  position: number,
  noise: GumbelNoise,
): { score: number; token: number } {
  let score = Number.NEGATIVE_INFINITY;
  let token = -1;
  for (let rank = 0; rank < count; rank++) {
    if (scaled(rank) + GREATEST_NOISE < score) continue;
    const candidate = scaled(rank) + noise.at(position, tokens[rank]!);
    if (candidate > score || (candidate === score && tokens[rank]! < token)) {
      score = candidate;
      token = tokens[rank]!;
    }
  }
  return { score, token };
}

/**
 * The check as it is written in DESIGN 6, which sorts and weighs the whole vocabulary. The fast one must say the same.
 *
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
  if (!allFinite(logits)) return { kind: 'non-finite' };
  if (sampling.temperatureMilli === 0) {
    const best = argmax(logits);
    return { kind: 'margin', margin: logits[best]! - logits[token]!, flipBound: 1, best };
  }
  const temperature = sampling.temperatureMilli / 1000;
  const bounds = shiftBounds(logits, token, sampling, tau);
  const scaled = (rank: number): number => logits[bounds.order[rank]!]! / temperature;
  const best = bestScore(scaled, bounds.order, bounds.nominal, position, noise).token;
  if (!bounds.possible) return { kind: 'excluded', best };
  const certain = bestScore(scaled, bounds.order, bounds.certain, position, noise).score;
  const own = logits[token]! / temperature + noise.at(position, token);
  const byRank = Float64Array.from(
    bounds.order.subarray(0, bounds.reachable),
    (id) => logits[id]! / temperature,
  );
  const delta = tau / temperature + 2 * ROUNDING;
  return {
    kind: 'margin',
    margin: temperature * (certain - own),
    flipBound: flipBound(byRank, bounds.certain, bounds.reachable, delta),
    best,
  };
}
