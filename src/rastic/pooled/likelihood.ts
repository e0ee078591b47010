import type { CalibrationPair, MarginCounts } from '../calibration.js';
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
   */
  readonly other: ClassChances;
}

/**
 * The hypotheses for outputs at temperature 0, or above it, by a calibration of the seller's and the verifier's class. Where
 * so few honest margins were counted that nothing can be told from them, both are the same, and nothing is learnt.
 */
export function hypothesesFor(pair: CalibrationPair, isGreedy: boolean): Hypotheses {
  const of = (counts: MarginCounts): readonly number[] =>
    isGreedy ? counts.greedy : counts.sampled;
  const honest = smoothed(of(pair.margins), LEAST_HONEST);
  const cheaper = pair.cheaper && smoothed(of(pair.cheaper.margins), 0);
  const above = DEFAULT_ALTERNATIVE.map((chance, i) =>
    i === 0 ? 0 : Math.max(cheaper ? (chance + cheaper[i]!) / 2 : chance, 2 * honest[i]!),
  );
  const flips = above.reduce((sum, each) => sum + each, 0);
  if (flips >= MOST_FLIPS) return { honest, other: honest };
  return { honest, other: [1 - flips, ...above.slice(1)] };
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
