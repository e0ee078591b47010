import { CERTAIN, type Chance, chanceNumber, divideRound, divideUp } from './chance.js';
import { overJobs } from './detection.js';

/** What decides whether a seller that cheats comes out ahead. Money in base units. */
export interface CheatingTerms {
  /** Share of its jobs that are checked. */
  readonly auditRate: Chance;
  /** How often a check finds the cheat. */
  readonly detection: Chance;
  /** How often a found cheat is convicted: the jury is honest and at work in time. */
  readonly conviction: Chance;
  /** What a conviction takes. */
  readonly stake: bigint;
  /** What a conviction takes besides: income that the name would have earned, the price of a new one. */
  readonly name: bigint;
  /** What one cheated job saves. */
  readonly gain: bigint;
  /** Jobs that the seller means to cheat in. */
  readonly jobs: number;
}

/** Whether cheating pays, and from where on it does not. Money in base units. */
export interface CheatingAnswer {
  /** Chance that one cheated job ends in a conviction: a · d · w. */
  readonly caught: number;
  /** Expected loss of one cheated job, a·d·w·(S + V), to the nearest unit. */
  readonly loss: bigint;
  /** G less that. */
  readonly perJob: bigint;
  readonly pays: boolean;
  /** The least stake at which cheating does not pay; nothing where no stake is enough. */
  readonly breakEvenStake?: bigint;
  /** The least audit rate at which it does not pay; nothing where even checking every job is not enough. */
  readonly breakEvenAudit?: Chance;
  /** Chance of at least one conviction in all jobs. */
  readonly caughtInJobs: number;
  /** Expected number of jobs until the first conviction. */
  readonly jobsUntilCaught: number;
  /** Expected result of all jobs if the first conviction ends it. */
  readonly total: bigint;
}

/**
 * Cheating in a job gains G for sure and loses S + V with probability a·d·w, so it pays exactly if G > a·d·w·(S + V)
 * (docs/rastic.md, "Economics"). Compared in whole numbers, so that the answer at the very edge is right.
 */
export function cheating(terms: CheatingTerms): CheatingAnswer {
  const { auditRate, detection, conviction, stake, name, gain, jobs } = terms;
  const scale = CERTAIN ** 3n;
  const chance = auditRate * detection * conviction;
  const at = stake + name;
  const caught = chanceNumber(auditRate) * chanceNumber(detection) * chanceNumber(conviction);
  const perAudit = detection * conviction;
  const leastAudit = perAudit * at > 0n ? divideUp(gain * scale, perAudit * at) : undefined;
  const perJob = divideRound(gain * scale - chance * at, scale);
  const soFar = caught > 0 ? overJobs(caught, jobs) / caught : jobs;
  return {
    caught,
    loss: divideRound(chance * at, scale),
    perJob,
    pays: gain * scale > chance * at,
    ...(chance > 0n ? { breakEvenStake: atLeastZero(divideUp(gain * scale, chance) - name) } : {}),
    ...(leastAudit !== undefined && leastAudit <= CERTAIN ? { breakEvenAudit: leastAudit } : {}),
    caughtInJobs: overJobs(caught, jobs),
    jobsUntilCaught: caught > 0 ? 1 / caught : Number.POSITIVE_INFINITY,
    // what is summed are the jobs until the first conviction, itself counted
    total: divideRound(
      (gain * scale - chance * at) * BigInt(Math.round(soFar * 1e6)),
      scale * 1_000_000n,
    ),
  };
}

function atLeastZero(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
