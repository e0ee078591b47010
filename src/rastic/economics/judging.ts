import { CERTAIN, type Chance, divideRound, divideUp } from './chance.js';

/** What decides whether a verifier that judges without looking comes out ahead. Money in base units. */
export interface JudgingTerms {
  readonly fee: bigint;
  /** What it costs to compute a verdict. */
  readonly cost: bigint;
  readonly bond: bigint;
  /** Share of judged jobs that are planted, so that who guesses is wrong in half of them. */
  readonly planted: Chance;
  /** How often a guess is wrong in the others. */
  readonly guessWrong: Chance;
  /**
   * How often a wrong verdict is put before the second jury, which takes the bond; 0 for "invalid" because of what was or was
   * not delivered in time, which no jury can look at later.
   */
  readonly rejudged: Chance;
}

/** What looking and guessing bring. Money in base units. */
export interface JudgingAnswer {
  /** How often a guess is wrong: m/2 + (1 − m)·e. */
  readonly error: Chance;
  /** Fee less cost. */
  readonly honest: bigint;
  /** (1 − e′)·v − e′·r·D. */
  readonly lazy: bigint;
  readonly guessingPays: boolean;
  /** The least bond at which guessing does not pay; nothing where no bond is enough. */
  readonly breakEvenBond?: bigint;
}

/** Guessing is right with probability 1 − e′ and then paid, wrong with e′ and then costs the bond if it is judged again. */
export function judging(terms: JudgingTerms): JudgingAnswer {
  const { fee, cost, bond, planted, guessWrong, rejudged } = terms;
  const error = divideRound(
    planted * CERTAIN + 2n * (CERTAIN - planted) * guessWrong,
    2n * CERTAIN,
  );
  const scale = CERTAIN * CERTAIN;
  const lazy = (CERTAIN - error) * fee * CERTAIN - error * rejudged * bond;
  const honest = fee - cost;
  const perBond = error * rejudged;
  const missing = (CERTAIN - error) * fee * CERTAIN - honest * scale;
  const least = perBond > 0n ? divideUp(missing, perBond) : undefined;
  return {
    error,
    honest,
    lazy: divideRound(lazy, scale),
    guessingPays: lazy > honest * scale,
    ...(least === undefined ? {} : { breakEvenBond: least > 0n ? least : 0n }),
  };
}
