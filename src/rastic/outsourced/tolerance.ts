import { type Calibration, defaultTau, LEAST_TAU_MICRO, toleranceFor } from '../calibration.js';

/**
 * Tolerance τ, in millionths of a logit, at which neighbours are asked: the greatest that the calibration knows between a
 * class the seller may have and one of the neighbours'; the stated default without a calibration.
 * @returns undefined where the calibration does not know a pair
 */
export function outsourcedTau(
  calibration: Calibration | undefined,
  sellers: readonly string[],
  neighbours: readonly string[],
): number | undefined {
  if (!calibration) return defaultTau(...sellers, ...neighbours) * 1_000_000;
  let greatest = LEAST_TAU_MICRO;
  for (const seller of sellers) {
    for (const neighbour of neighbours) {
      const tau = toleranceFor(calibration, seller, neighbour);
      if (tau === undefined) return undefined;
      greatest = Math.max(greatest, Math.round(tau * 1_000_000));
    }
  }
  return greatest;
}
