import type { Sampling } from '../../model/index.js';
import type { CalibrationPair } from '../calibration.js';
import { hypothesesFor, logRatio } from './likelihood.js';

/** What a check says for the test over jobs. */
export interface SellerEvidence {
  /** ln(p₁/p₀) of each token that was checked, in order. */
  readonly ratios: readonly number[];
  /** Tokens with a margin above zero, or excluded by the sampling. */
  readonly flips: number;
}

/**
 * What the margins of a check say about whoever gave the answer (docs/rastic.md, "A test over jobs").
 * @param rows of the check, in order; up to its first false token, where there is one
 * @param pair calibration of the seller's and the verifier's class
 */
export function sellerEvidence(
  rows: readonly { readonly margin?: number }[],
  sampling: Sampling,
  pair: CalibrationPair,
): SellerEvidence {
  const sides = hypothesesFor(pair, sampling.temperatureMilli === 0);
  const tau = pair.tauMicro / 1_000_000;
  return {
    ratios: rows.map(({ margin }) => logRatio(sides, margin, tau)),
    flips: rows.filter(({ margin }) => margin === undefined || margin > 0).length,
  };
}
