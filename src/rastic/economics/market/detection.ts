import { divergenceDetection, divergenceOf } from '../detection.js';
import type { MarketParameters, SellerKind, Strategy } from './parameters.js';

/** How often a check of this strategy finds what a seller of this kind does when it cheats, or does not. */
export function findingChance(
  market: MarketParameters,
  kind: SellerKind,
  cheats: boolean,
  strategy: Strategy,
): number {
  if (!cheats) return market.falseAccusation;
  // the end is looked at by every check
  if (kind === 'truncate' || strategy !== 'sample')
    return kind === 'truncate' ? 1 : market.detection;
  // the first and the last are looked at besides
  const positions = Math.min(market.samples + 2, market.tokens);
  return divergenceDetection(divergenceOf(market.detection, market.tokens), positions);
}

/** Wald's sequential test over jobs: what each one adds to the log-likelihood ratio, and where it says "leave". */
export interface LeaveTest {
  readonly found: number;
  readonly clean: number;
  readonly leaveAt: number;
}

/** Detection by which both hypotheses stay possible, whatever is asked for. */
const SURE = 0.999_999;

/**
 * The test of a cheat that is found with the market's detection against an honest seller that is accused with the first
 * error rate. It starts again whenever the ratio falls below one, so a seller that turns bad is noticed as fast as a new one.
 */
export function leaveTest({
  detection,
  falseAccusation,
  leaveErrors,
}: MarketParameters): LeaveTest {
  const [leave, stay] = leaveErrors;
  const honest = Math.max(falseAccusation, leave);
  const cheat = Math.min(Math.max(detection, 2 * honest), SURE);
  return {
    found: Math.log(cheat / honest),
    clean: Math.log((1 - cheat) / (1 - honest)),
    leaveAt: Math.log((1 - stay) / leave),
  };
}
