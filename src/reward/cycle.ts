import { type ContributionGraph, graphError, PPM, quoted } from './graph.js';

/** The largest component that is solved; a larger one is refused (DESIGN 9). */
export const MAXIMUM_COMPONENT = 64;

/**
 * Solves A·x = b in exact integers by Bareiss's fraction-free elimination (1968): every division comes out even.
 * Pivots are not sought, because A is a nonsingular M-matrix (1e6·I less weights whose columns sum to at most 1e6),
 * whose leading minors are all positive.
 * @param rows A with b as its last column; overwritten
 * @returns numerators y and the common denominator D (the determinant of A): x = y / D
 */
function solve(rows: bigint[][]): { numerators: bigint[]; denominator: bigint } {
  const n = rows.length;
  let previous = 1n;
  for (let k = 0; k < n - 1; k++) {
    const pivotRow = rows[k]!;
    const pivot = pivotRow[k]!;
    for (let i = k + 1; i < n; i++) {
      const row = rows[i]!;
      const factor = row[k]!;
      for (let j = k + 1; j <= n; j++) {
        row[j] = (pivot * row[j]! - factor * pivotRow[j]!) / previous;
      }
    }
    previous = pivot;
  }
  const denominator = rows[n - 1]![n - 1]!;
  const numerators = new Array<bigint>(n);
  for (let i = n - 1; i >= 0; i--) {
    const row = rows[i]!;
    let sum = row[n]! * denominator;
    for (let j = i + 1; j < n; j++) sum -= row[j]! * numerators[j]!;
    numerators[i] = sum / row[i]!;
  }
  return { numerators, denominator };
}

/** A part of what came into a component: whose it is, and its numerator over the common denominator. */
interface Claim {
  readonly source: number;
  readonly numerator: bigint;
}

/**
 * Rounds claims whose sum is a whole number, so that they still sum to it: each is rounded down, and the units left
 * over go one each to the largest remainders, ties to the smaller id (Hamilton's method).
 */
function roundByLargestRemainder(
  claims: readonly Claim[],
  denominator: bigint,
  total: bigint,
): Map<number, bigint> {
  const rounded = new Map<number, bigint>();
  let left = total;
  for (const { source, numerator } of claims) {
    const floor = numerator / denominator;
    rounded.set(source, floor);
    left -= floor;
  }
  const byRemainder = claims
    .map(({ source, numerator }) => ({ source, remainder: numerator % denominator }))
    .sort((a, b) =>
      a.remainder === b.remainder ? a.source - b.source : a.remainder > b.remainder ? -1 : 1,
    );
  for (const { source } of byRemainder.slice(0, Number(left))) {
    rounded.set(source, rounded.get(source)! + 1n);
  }
  return rounded;
}

function assertSolvable(graph: ContributionGraph, members: Uint32Array, inside: Set<number>): void {
  const first = quoted(graph.ids[members.reduce((a, b) => Math.min(a, b))]!);
  if (members.length > MAXIMUM_COMPONENT) {
    throw graphError(
      `${members.length} sources stand on each other in a circle (${first} among them); at most ${MAXIMUM_COMPONENT} can be paid.`,
      'Take out the weights that close the circle',
    );
  }
  const leaves = members.some((source) => {
    if (graph.own[source]! > 0) return true;
    const row = graph.parents.subarray(graph.rows[source]!, graph.rows[source + 1]!);
    return row.some((parent) => !inside.has(parent));
  });
  if (!leaves) {
    throw graphError(
      members.length === 1
        ? `Money paid to ${first} could never leave: it gives everything to itself.`
        : `Money paid to ${first} could never leave: it and ${members.length - 1} others give everything to each other.`,
      'Let at least one of them keep a share, or pay a source outside the circle',
    );
  }
}

/**
 * Divides what flows into a component whose members stand on each other (or on themselves) among the members' own
 * shares and the parents outside: the flow solves f = b + Wᵀf exactly, and all parts are rounded once.
 * @param members numbers of the component's sources
 * @param inflow base units that came into each member, in the order of `members`
 * @returns base units by source: for a member its own share, for a parent outside what it is passed
 * @throws BitmodelError `BAD_GRAPH` for a component that is closed (no own share, no parent outside) or larger than 64
 */
export function divideCycle(
  graph: ContributionGraph,
  members: Uint32Array,
  inflow: readonly bigint[],
): Map<number, bigint> {
  const place = new Map<number, number>();
  members.forEach((source, i) => {
    place.set(source, i);
  });
  assertSolvable(graph, members, new Set(members));

  const n = members.length;
  const whole = BigInt(PPM);
  const matrix = inflow.map((units, i) => {
    const row = new Array<bigint>(n + 1).fill(0n);
    row[i] = whole;
    row[n] = units * whole;
    return row;
  });
  members.forEach((source, i) => {
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      const j = place.get(graph.parents[e]!);
      if (j !== undefined) matrix[j]![i]! -= BigInt(graph.weights[e]!);
    }
  });
  const { numerators, denominator } = solve(matrix);

  const claims = new Map<number, bigint>();
  members.forEach((source, i) => {
    claims.set(source, BigInt(graph.own[source]!) * numerators[i]!);
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      const parent = graph.parents[e]!;
      if (place.has(parent)) continue;
      const passed = BigInt(graph.weights[e]!) * numerators[i]!;
      claims.set(parent, (claims.get(parent) ?? 0n) + passed);
    }
  });
  const total = inflow.reduce((sum, units) => sum + units, 0n);
  const list = [...claims].map(([source, numerator]) => ({ source, numerator }));
  return roundByLargestRemainder(list, denominator * whole, total);
}
