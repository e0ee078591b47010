import type { MarketParameters } from './parameters.js';

/** What one panel did. */
export interface Panel {
  /** What enough of them said; nothing where neither side had enough, so that the contest lapses. */
  readonly verdict: 'invalid' | 'valid' | undefined;
  /** Honest verifiers drawn: each computes. */
  readonly honest: number;
  readonly lazy: number;
  /** Signers that are paid, by what they are: as many as decide. */
  readonly paidHonest: number;
  readonly paidLazy: number;
}

/** How many verifiers decide: more than half. */
export function threshold({ jury }: Pick<MarketParameters, 'jury'>): number {
  return Math.floor(jury / 2) + 1;
}

/**
 * Draws a panel: honest verifiers say the truth, lazy ones "invalid". Signers are paid in the order of their seats, as many
 * as decide.
 * @param lazyShare share of the bonded verifiers that are lazy now
 * @param seat a number from 0 to below 1 for each seat
 */
export function judge(
  market: MarketParameters,
  isInvalid: boolean,
  lazyShare: number,
  seat: (index: number) => number,
): Panel {
  const decide = threshold(market);
  const isLazy = Array.from({ length: market.jury }, (_, index) => seat(index) < lazyShare);
  const lazy = isLazy.filter(Boolean).length;
  const honest = market.jury - lazy;
  const sayInvalid = isInvalid ? market.jury : lazy;
  const verdict = verdictOf(sayInvalid, market.jury - sayInvalid, decide);
  // lazy ones always say "invalid", honest ones what is true
  const agreed = isLazy.filter((one) => (one || isInvalid) === (verdict === 'invalid'));
  const paid = verdict === undefined ? [] : agreed.slice(0, decide);
  const paidLazy = paid.filter(Boolean).length;
  return { verdict, honest, lazy, paidHonest: paid.length - paidLazy, paidLazy };
}

function verdictOf(invalid: number, valid: number, decide: number): Panel['verdict'] {
  if (invalid >= decide) return 'invalid';
  return valid >= decide ? 'valid' : undefined;
}
