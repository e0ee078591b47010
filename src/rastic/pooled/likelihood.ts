import { type CalibrationPair, type MarginCounts, WIDE_TAU } from '../calibration.js';
import { BEYOND, MARGIN_CLASSES, marginClass } from './marginClass.js';

/**
 * No class above zero is held for rarer than this in honest sellers, however few were seen: one margin of a kind that no
 * calibration showed, from a machine that nobody had, is then no proof alone.
 */
const LEAST_HONEST = 1e-4;
/** Share of tokens with a margin above zero in the default alternative: half beyond τ, half evenly within. */
const ALTERNATIVE_FLIPS = 0.02;

/** An alternative in which nearly every token differs is none: it comes of too few honest ones. */
const MOST_FLIPS = 0.99;

/**
 * No token counts more than this against a seller, whatever a calibration says: it takes more than one even where that was
 * forged to make honest sellers look rare.
 */
export const MOST_AGAINST = 4.6;
/** No token counts more than this for a seller, so that a test takes tens of tokens to end in its favour. */
export const MOST_FOR = 0.1;

/** Probabilities of the classes of margins; they sum to 1. */
export type ClassChances = readonly number[];

/** What another model is held for where none was measured, and in part where one was: other models differ otherwise. */
export const DEFAULT_ALTERNATIVE: ClassChances = Array.from({ length: MARGIN_CLASSES }, (_, i) => {
  if (i === 0) return 1 - ALTERNATIVE_FLIPS;
  return i === BEYOND ? ALTERNATIVE_FLIPS / 2 : ALTERNATIVE_FLIPS / 2 / (BEYOND - 1);
});

function smoothed(counts: readonly number[], least: number): ClassChances {
  const total = counts.reduce((sum, each) => sum + each, 0);
  const chances = counts.map((count) => Math.max(least, (count + 1) / (total + MARGIN_CLASSES)));
  const above = chances.slice(1).reduce((sum, each) => sum + each, 0);
  // a model whose every token differs would leave nothing for zero
  if (above >= 1) return chances.map((chance) => chance / (chances[0]! + above));
  return [1 - above, ...chances.slice(1)];
}

/** Both sides of the test for outputs of one kind. */
export interface Hypotheses {
  /** Honest: what was counted, plus one of each class, and no class above zero below {@link LEAST_HONEST}. */
  readonly honest: ClassChances;
  /**
   * Another model: half the nearest cheaper one that was measured, half {@link DEFAULT_ALTERNATIVE}, and of no class above
   * zero less than twice what honest ones show: so a margin above zero never speaks for a seller, nor one of zero against it.
   * Brought so near to the honest one that ln(p₁/p₀) lies from −{@link MOST_FOR} to {@link MOST_AGAINST} in every class.
   */
  readonly other: ClassChances;
}

/**
 * The hypotheses for outputs at temperature 0, or above it, by a calibration of the seller's and the verifier's class. Where
 * so few honest margins were counted that nothing can be told from them, or the tolerance is so wide that another model may
 * lie within it ({@link WIDE_TAU}), both are the same, and nothing is learnt.
 */
export function hypothesesFor(pair: CalibrationPair, isGreedy: boolean): Hypotheses {
  const of = (counts: MarginCounts): readonly number[] =>
    isGreedy ? counts.greedy : counts.sampled;
  const honest = smoothed(of(pair.margins), LEAST_HONEST);
  const cheaper = pair.cheaper && smoothed(of(pair.cheaper.margins), 0);
  const above = DEFAULT_ALTERNATIVE.map((chance, i) => {
    if (i === 0) return 0;
    const most = Math.exp(MOST_AGAINST) * honest[i]!;
    const least = 2 * honest[i]!;
    return Math.min(most, Math.max(least, cheaper ? (chance + cheaper[i]!) / 2 : chance));
  });
  const flips = above.reduce((sum, each) => sum + each, 0);
  if (flips >= MOST_FLIPS || pair.tauMicro > WIDE_TAU * 1_000_000) return { honest, other: honest };
  return { honest, other: nearer(honest, [1 - flips, ...above.slice(1)]) };
}

/** As much of the way from one to the other as lets a margin of zero count {@link MOST_FOR} at most. */
function nearer(honest: ClassChances, other: ClassChances): ClassChances {
  const furthest = -Math.expm1(-MOST_FOR) * honest[0]!;
  const way = honest[0]! - other[0]!;
  if (way <= furthest) return other;
  return honest.map((chance, i) => chance + (furthest / way) * (other[i]! - chance));
}

/** ln(p₁/p₀) of one margin: above zero it speaks for another model. */
export function logRatio(
  { honest, other }: Hypotheses,
  margin: number | undefined,
  tau: number,
): number {
  const each = marginClass(margin, tau);
  return Math.log(other[each]! / honest[each]!);
}
