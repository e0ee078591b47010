import { logPoissonTail } from './poissonTail.js';

/** What one checked position gives to the pool; rows of a verification are such. */
export interface PooledRow {
  /** In units of the logits. */
  readonly margin?: number;
  /**
   * Upper bound on the probability, over the noise at this position and given all before it, that an honest token shows a
   * margin above zero (docs/rastic.md, "Pooled evidence"). Absent or 1 where nothing can be said.
   */
  readonly flipBound?: number;
}

/** What the margins above zero of one output say together against the claim that an honest seller made it. */
export interface PooledEvidence {
  /** Positions that count: those whose bound is small enough to say something. */
  readonly positions: number;
  /** How many of them show a margin above zero. */
  readonly flips: number;
  /** Most flips that an honest seller shows on the average, in units of a Poisson process. */
  readonly mean: number;
  /** −log₁₀ of a bound on the probability that any honest output ever shows as much; at least 0. */
  readonly score: number;
}

/** Nothing was looked at. */
export const NO_EVIDENCE: PooledEvidence = { positions: 0, flips: 0, mean: 0, score: 0 };

/** Slashing takes p ≤ 10⁻⁹ (DESIGN 6): a client could search for unlucky prompts. */
export const SLASHING_SCORE = 9;
/**
 * A position with a larger bound is left out. Which ones count is known before their noise is, so leaving some out is no
 * choice among results.
 */
const MOST_FLIP_BOUND = 0.1;
const WORD = 2 ** -32;
/** Room for binary64 rounding in the bounds, relative. */
const ROUNDING = 1 + 1e-9;

/** What the bounds of one output's positions were made with. */
export interface PooledContext {
  /** Number of tokens. */
  readonly vocabulary: number;
  /** τ/T: tolerance in units of the noise; infinite at T = 0, where there is none. */
  readonly delta: number;
}

/** Beyond this, the tolerance is as wide as the noise itself, and nothing is counted. */
const MOST_DELTA = 1;

/**
 * The bound for noise made of 32 bits rather than real numbers (docs/rastic.md): the interval that a token's own noise must
 * hit may hold one word more than its length says, and the level it is measured from lies within a word of a real one's.
 */
function discrete(flipBound: number, { vocabulary, delta }: PooledContext): number {
  const level = 1 + (40 * vocabulary + 1000) * WORD;
  const words = 1.5 * vocabulary + Math.expm1(delta) * (10 * vocabulary + 300);
  return flipBound * level * ROUNDING + words * WORD;
}

/**
 * −log₁₀ of p = k(k + 1)·P(Poisson(A) ≥ k), at least 0.
 * @param flips k
 * @param mean A
 */
export function pooledScore(flips: number, mean: number): number {
  if (flips === 0) return 0;
  const log = logPoissonTail(flips, mean) + Math.log(flips * (flips + 1));
  return Math.max(0, -log / Math.LN10);
}

/**
 * Pools the margins of one output (docs/rastic.md, "Pooled evidence"). Given all before it, an honest token shows a margin
 * above zero with probability at most q_i, which is fixed before the noise at i is. So the number of flips never runs ahead
 * of a unit Poisson process at the time A = Σ −ln(1 − q_i), and p = k(k + 1)·P(Poisson(A) ≥ k) is at most α with
 * probability at most α, whatever the output, its length and its bounds depend on. (The tail alone would not do: the bounds
 * of later positions depend on earlier tokens.)
 * @param rows of a whole output, in order
 */
export function pooledEvidence(rows: readonly PooledRow[], context: PooledContext): PooledEvidence {
  const counted = context.delta <= MOST_DELTA ? rows : [];
  let positions = 0;
  let flips = 0;
  let mean = 0;
  for (const { margin, flipBound } of counted) {
    if (margin === undefined || flipBound === undefined || !(flipBound >= 0)) continue;
    const chance = discrete(flipBound, context);
    if (chance > MOST_FLIP_BOUND) continue;
    positions++;
    mean -= Math.log1p(-chance);
    if (margin > 0) flips++;
  }
  return { positions, flips, mean, score: pooledScore(flips, mean * ROUNDING) };
}
