import { BitmodelError, EXIT } from '../../base/index.js';

/** The error rates that a sequential test is held to. */
export interface ErrorRates {
  /** Share of honest sellers that are ever left, at most. */
  readonly falseLeave: number;
  /** Share of dishonest ones that pass one test, at most. */
  readonly missed: number;
}

/** Unless flags say otherwise. */
export const DEFAULT_ERROR_RATES: ErrorRates = { falseLeave: 0.001, missed: 0.05 };

/** How a seller stands after what was seen of it. */
export interface SequentialState {
  /** Tests that ended for the seller. */
  readonly passed: number;
  /** Σ ln(p₁/p₀) of the test under way: above zero it speaks for another model. */
  readonly evidence: number;
  /** Ended against the seller; nothing more is counted. */
  readonly left: boolean;
}

/** Nothing was seen yet. */
export const UNSEEN: SequentialState = { passed: 0, evidence: 0, left: false };

/** @throws BitmodelError `BAD_ERROR_RATE` unless both lie above 0 and below ½ */
export function checkErrorRates({ falseLeave, missed }: ErrorRates): void {
  for (const rate of [falseLeave, missed]) {
    if (rate > 0 && rate < 0.5) continue;
    throw new BitmodelError('BAD_ERROR_RATE', `${rate} is no error rate of a test.`, {
      next: 'Give a number above 0 and below 0.5, such as 0.001',
      exitCode: EXIT.usage,
    });
  }
}

/**
 * Wald's bounds of the test that follows `passed` others (A. Wald, "Sequential Tests of Statistical Hypotheses", 1945): it
 * ends against the seller at the upper one, for it at the lower one. Test m may be wrong about an honest seller with
 * probability falseLeave/(m(m + 1)); these add up to falseLeave over however many tests.
 */
export function waldBounds(
  { falseLeave, missed }: ErrorRates,
  passed: number,
): { readonly lower: number; readonly upper: number } {
  const alpha = falseLeave / ((passed + 1) * (passed + 2));
  // ln(1/α) and ln β hold wherever a step lands beyond them; Wald's (1 − β)/α and β/(1 − α) only nearly
  return { lower: Math.log(missed), upper: -Math.log(alpha) };
}

/**
 * One step of the test.
 * @param ratio ln(p₁/p₀) of what was seen
 */
export function observe(
  state: SequentialState,
  ratio: number,
  rates: ErrorRates = DEFAULT_ERROR_RATES,
): SequentialState {
  if (state.left) return state;
  const { lower, upper } = waldBounds(rates, state.passed);
  const evidence = state.evidence + ratio;
  if (evidence >= upper) return { ...state, evidence, left: true };
  if (evidence <= lower) return { passed: state.passed + 1, evidence: 0, left: false };
  return { ...state, evidence };
}
