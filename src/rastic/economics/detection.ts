import { BitmodelError, EXIT } from '../../base/index.js';

function whole(value: number, name: string, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new BitmodelError('BAD_NUMBER', `${name} can't be ${value}.`, {
    next: `Give a whole number from ${least} to ${most}`,
    exitCode: EXIT.usage,
  });
}

/**
 * The probability that k of B positions, drawn at random after the answer was committed, hold at least one of c wrong
 * tokens: 1 − C(B − c, k)/C(B, k). For one wrong token that is k/B.
 * @throws BitmodelError `BAD_NUMBER` unless 0 ≤ c ≤ B and 0 ≤ k ≤ B
 */
export function sampledDetection(tokens: number, wrong: number, samples: number): number {
  whole(tokens, 'The number of tokens', 0, Number.MAX_SAFE_INTEGER);
  whole(wrong, 'The number of wrong tokens', 0, tokens);
  whole(samples, 'The number of samples', 0, tokens);
  if (wrong === 0 || samples === 0) return 0;
  if (wrong + samples > tokens) return 1;
  // the quotient is symmetric in c and k: the shorter product, as a sum of logarithms, since it may be close to 1 or to 0
  const [factors, drawn] = wrong < samples ? [wrong, samples] : [samples, wrong];
  let logMiss = 0;
  for (let i = 0; i < factors; i++) logMiss += Math.log1p(-drawn / (tokens - i));
  return -Math.expm1(logMiss);
}

/**
 * The same for the paper's three checks: the first token (continuity), k random ones between (integrity), the last and the
 * end (truncation). A cheat that knows them tampers in between: there are B − 2 places.
 * @param wrong wrong tokens, all between the first and the last
 * @throws BitmodelError `BAD_NUMBER`
 */
export function paperDetection(tokens: number, wrong: number, samples: number): number {
  whole(tokens, 'The number of tokens', 2, Number.MAX_SAFE_INTEGER);
  return sampledDetection(tokens - 2, wrong, Math.min(samples, tokens - 2));
}

/** The probability that a cheat that is found with probability d in each of n jobs is found at all: 1 − (1 − d)ⁿ. */
export function overJobs(detection: number, jobs: number): number {
  return -Math.expm1(jobs * Math.log1p(-detection));
}

/** The fewest jobs in which a cheat found with probability d in each is found with probability `wanted`. */
export function jobsFor(detection: number, wanted: number): number {
  if (detection >= 1) return 1;
  if (detection <= 0) return Number.POSITIVE_INFINITY;
  return Math.ceil(Math.log1p(-wanted) / Math.log1p(-detection) - 1e-9);
}

/** The fewest samples that find c wrong tokens of B with probability `wanted`. */
export function samplesFor(tokens: number, wrong: number, wanted: number): number {
  let [least, most] = [0, tokens];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (sampledDetection(tokens, wrong, middle) >= wanted) most = middle;
    else least = middle + 1;
  }
  return least;
}

/**
 * Another model differs by more than the tolerance at a share q of the positions, near enough independently; k of them
 * show it with probability 1 − (1 − q)ᵏ, wherever they lie.
 */
export function divergenceDetection(share: number, positions: number): number {
  return overJobs(share, positions);
}

/** The share of positions at which another model must differ to be found with probability `detection` in so many. */
export function divergenceOf(detection: number, positions: number): number {
  return detection >= 1 ? 1 : -Math.expm1(Math.log1p(-detection) / positions);
}
