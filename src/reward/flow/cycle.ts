import { type ContributionGraph, graphError, PPM, quoted } from '../graph/graph.js';
import { LiftedMatrix, type RationalSolution, type SparseSystem } from './lifting.js';

/** What of a graph a flow depends on, and ids for what is said of it. */
export type FlowGraph = Pick<ContributionGraph, 'ids' | 'rows' | 'parents' | 'weights' | 'own'>;

/** The largest component that a declaration on the chain may make (DESIGN 9). */
export const MAXIMUM_COMPONENT = 64;
/** The largest component that is solved, as a graph of a file may have it; takes some seconds. */
export const MAXIMUM_CIRCLE = 1000;
/** Up to here elimination in bigints is faster than lifting. */
const ELIMINATED = 24;

/** As {@link solve}, for a sparse system. */
function eliminate({ size, to, from, value, right }: SparseSystem): RationalSolution {
  const rows = right.map((units) => [...new Array<bigint>(size).fill(0n), units]);
  for (let e = 0; e < value.length; e++) rows[to[e]!]![from[e]!]! += BigInt(value[e]!);
  return solve(rows);
}

/**
 * Solves A·x = b in exact integers by Bareiss's fraction-free elimination (1968): every division comes out even.
 * Pivots are not sought, because A is a nonsingular M-matrix (1e6·I less weights whose columns sum to at most 1e6),
 * whose leading minors are all positive.
 * @param rows A with b as its last column; overwritten
 * @returns numerators y and the common denominator D (the determinant of A): x = y / D
 */
function solve(rows: bigint[][]): RationalSolution {
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
export interface Claim {
  readonly source: number;
  readonly numerator: bigint;
}

/**
 * Rounds claims whose sum is a whole number, so that they still sum to it: each is rounded down, and the units left
 * over go one each to the largest remainders, ties to the smaller id (Hamilton's method).
 */
export function roundByLargestRemainder(
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

function assertSolvable(graph: FlowGraph, members: Uint32Array, inside: Set<number>): void {
  const first = quoted(graph.ids[members.reduce((a, b) => Math.min(a, b))]!);
  if (members.length > MAXIMUM_CIRCLE) {
    throw graphError(
      `${members.length} sources stand on each other in a circle (${first} among them); at most ${MAXIMUM_CIRCLE} can be paid.`,
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
 * 10⁶·(I − Pᵀ)·f = 10⁶·b for the members of a component. The columns of the matrix are dominated by their diagonals,
 * at most 10⁶, so its determinant is at most 10⁶ⁿ, no cofactor is above 10⁶⁽ⁿ⁻¹⁾, and by Cramer's rule no numerator of
 * f above 10⁶ⁿ times what comes in.
 */
function systemOf(
  graph: FlowGraph,
  members: Uint32Array,
  place: ReadonlyMap<number, number>,
  inflow: readonly bigint[],
): SparseSystem {
  const whole = BigInt(PPM);
  const to: number[] = [];
  const from: number[] = [];
  const value: number[] = [];
  const put = (row: number, column: number, entry: number): void => {
    to.push(row);
    from.push(column);
    value.push(entry);
  };
  members.forEach((source, i) => {
    put(i, i, PPM);
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      const j = place.get(graph.parents[e]!);
      if (j !== undefined) put(j, i, -graph.weights[e]!);
    }
  });
  const denominator = whole ** BigInt(members.length);
  const total = inflow.reduce((sum, units) => sum + units, 0n);
  return {
    size: members.length,
    to: Uint32Array.from(to),
    from: Uint32Array.from(from),
    value: Int32Array.from(value),
    right: inflow.map((units) => units * whole),
    bounds: { numerator: denominator * total, denominator },
  };
}

/** A component whose members stand on each other (or on themselves); what many divisions of it share is computed once. */
export class Cycle {
  readonly #graph: FlowGraph;
  readonly #members: Uint32Array;
  readonly #place = new Map<number, number>();
  #lifted: LiftedMatrix | undefined;
  #isDivided = false;

  /**
   * @param members numbers of the component's sources
   * @throws BitmodelError `BAD_GRAPH` for a component that is closed (no own share, no parent outside) or larger than {@link MAXIMUM_CIRCLE}
   */
  constructor(graph: FlowGraph, members: Uint32Array) {
    assertSolvable(graph, members, new Set(members));
    this.#graph = graph;
    this.#members = members;
    members.forEach((source, i) => {
      this.#place.set(source, i);
    });
  }

  /** See {@link divideCycle}. */
  divide(inflow: readonly bigint[]): Map<number, bigint> {
    const graph = this.#graph;
    const whole = BigInt(PPM);
    const total = inflow.reduce((sum, units) => sum + units, 0n);
    const { numerators, denominator } = this.flow(inflow);
    const claims = new Map<number, bigint>();
    this.#members.forEach((source, i) => {
      claims.set(source, BigInt(graph.own[source]!) * numerators[i]!);
      for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
        const parent = graph.parents[e]!;
        if (this.#place.has(parent)) continue;
        const passed = BigInt(graph.weights[e]!) * numerators[i]!;
        claims.set(parent, (claims.get(parent) ?? 0n) + passed);
      }
    });
    const list = [...claims].map(([source, numerator]) => ({ source, numerator }));
    return roundByLargestRemainder(list, denominator * whole, total);
  }

  /** What comes through each member, exactly, in base units: what goes round counts each time it comes by. */
  flow(inflow: readonly bigint[]): RationalSolution {
    const system = systemOf(this.#graph, this.#members, this.#place, inflow);
    const isFirst = !this.#isDivided;
    this.#isDivided = true;
    // for one division alone the inverse doesn't pay
    if (isFirst && this.#members.length <= ELIMINATED) return eliminate(system);
    this.#lifted ??= new LiftedMatrix(system);
    return this.#lifted.solve(system);
  }
}

/**
 * Divides what flows into a component whose members stand on each other (or on themselves) among the members' own
 * shares and the parents outside: the flow solves f = b + Wᵀf exactly, and all parts are rounded once.
 * @param members numbers of the component's sources
 * @param inflow base units that came into each member, in the order of `members`
 * @returns base units by source: for a member its own share, for a parent outside what it is passed
 * @throws BitmodelError as {@link Cycle}
 */
export function divideCycle(
  graph: FlowGraph,
  members: Uint32Array,
  inflow: readonly bigint[],
): Map<number, bigint> {
  return new Cycle(graph, members).divide(inflow);
}
