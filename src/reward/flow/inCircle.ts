import { type ContributionGraph, PPM } from '../graph/graph.js';
import { type Claim, Cycle, roundByLargestRemainder } from './cycle.js';
import type { SolvedCircle } from './payout.js';

/**
 * What each member of a circle passed a source that it uses, inside the circle or behind it. The flow through the members is
 * solved exactly (f = b + Wᵀf); a member passes f·w/10⁶, and these are rounded as the circle's shares are: down, and the units
 * that are left over one each to the largest remainders, ties to the smaller id.
 * @param target number of the source
 * @param total what the amounts sum to: what the circle passed a source behind it. Without it their exact sum, rounded down
 * @returns base units by the member's number, of those that use the source
 */
export function passedInCircle(
  graph: ContributionGraph,
  { members, inflow }: SolvedCircle,
  target: number,
  total?: bigint,
): Map<number, bigint> {
  const { numerators, denominator } = new Cycle(graph, members).flow(inflow);
  const claims: Claim[] = [];
  members.forEach((source, i) => {
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      if (graph.parents[e] !== target) continue;
      claims.push({ source, numerator: BigInt(graph.weights[e]!) * numerators[i]! });
    }
  });
  const whole = denominator * BigInt(PPM);
  const sum = claims.reduce((left, { numerator }) => left + numerator, 0n);
  return roundByLargestRemainder(claims, whole, total ?? sum / whole);
}
