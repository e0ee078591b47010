import { CERTAIN, type Chance, divideRound, divideUp } from './chance.js';

/** What decides whether a buyer that found a wrong token should contest. Money in base units. */
export interface ContestTerms {
  /** What the answer cost: count · price, given back on a conviction. */
  readonly paid: bigint;
  readonly verifierFee: bigint;
  readonly verifiers: number;
  /** Fees of the transactions that the buyer sends: the contest and, if nobody else does, the verdict's. */
  readonly transactionFees: bigint;
  /** Chance that the jury convicts. */
  readonly conviction: Chance;
  /** Chance that it clears the seller instead; the rest lapses, and the bond comes back. */
  readonly clearing: Chance;
}

/** What a contest costs and when it pays. Money in base units. */
export interface ContestAnswer {
  /** All verifiers' fees: locked for the contest, lost if the seller is cleared. */
  readonly bond: bigint;
  /** w·R − l·b − f, to the nearest unit. */
  readonly expected: bigint;
  readonly pays: boolean;
  /** The least price of an answer at which contesting pays; nothing where there is none. */
  readonly breakEvenPaid?: bigint;
}

/** A conviction gives R and the bond back, a clearing costs the bond, either costs the fees (docs/contracts.md). */
export function contesting(terms: ContestTerms): ContestAnswer {
  const { paid, verifierFee, verifiers, transactionFees, conviction, clearing } = terms;
  const bond = verifierFee * BigInt(verifiers);
  const spent = clearing * bond + transactionFees * CERTAIN;
  const scaled = conviction * paid - spent;
  return {
    bond,
    expected: divideRound(scaled, CERTAIN),
    pays: scaled > 0n,
    ...(conviction > 0n ? { breakEvenPaid: divideUp(spent + 1n, conviction) } : {}),
  };
}

/** What the inspection game between one buyer and one seller settles at. */
export interface InspectionAnswer {
  /** Share of jobs that the buyer checks, so that the seller gains nothing by cheating; nothing where none is enough. */
  readonly auditRate?: Chance;
  /** Share of jobs that the seller cheats in, so that the buyer gains nothing by checking more. */
  readonly cheatingRate?: Chance;
}

/**
 * The mixed equilibrium of the inspection game: the buyer checks just often enough (a* = G/(d·w·(S + V))), the seller cheats
 * just often enough to make checking worth its price (q* = c/(d·E), E the expected result of a contest).
 * @param auditCost what one check costs the buyer, base units
 * @param breakEvenAudit from `cheating`
 */
export function inspection(
  auditCost: bigint,
  detection: Chance,
  contest: ContestAnswer,
  breakEvenAudit: Chance | undefined,
): InspectionAnswer {
  const worth = detection * contest.expected;
  const rate = worth > 0n ? divideUp(auditCost * CERTAIN * CERTAIN, worth) : undefined;
  return {
    ...(breakEvenAudit === undefined ? {} : { auditRate: breakEvenAudit }),
    ...(rate !== undefined && rate <= CERTAIN ? { cheatingRate: rate } : {}),
  };
}
