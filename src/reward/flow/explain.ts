import { Heap } from '../../base/index.js';
import { type ContributionGraph, PPM } from '../graph/graph.js';
import { passedInCircle } from './inCircle.js';
import { partOf } from './partOf.js';
import type { Flows, SolvedCircle } from './payout.js';

/** What a member of a circle passed a source, by the exact flow of the circle, rounded ({@link passedInCircle}). */
export interface MemberPassed {
  readonly id: string;
  /** Base units. */
  readonly amount: bigint;
}

/** The circle that a source is in. */
export interface OwnCircle {
  readonly ids: readonly string[];
  /** Base units that came into all members from outside. */
  readonly received: bigint;
  /** What each user in the circle passed the source, itself among them where it stands on itself. Largest first. */
  readonly users: readonly MemberPassed[];
  /**
   * What came through the source in all: paid for it, from users outside and from those in the circle. What goes round
   * counts each time that it comes by, so it may be more than ever came in.
   */
  readonly flow: bigint;
}

/** What one user of a source passed it: a source, or a circle as a whole. Base units. */
export interface PassedOn {
  /** Of the source; of a circle its members. */
  readonly ids: readonly string[];
  readonly amount: bigint;
  /** Of a circle: what each of its members that use the source passed it; sums to `amount`. Largest first. */
  readonly members?: readonly MemberPassed[];
}

/** One way that money took, from a source that was paid for to the one that is explained; circles may be gone round. */
export interface FlowPath {
  /** Ids, the paid one first. */
  readonly sources: readonly string[];
  /** What came this way to stay, in base units, rounded down. */
  readonly amount: bigint;
}

/** Where a share came from. */
export interface Explanation {
  readonly id: string;
  /** Base units. */
  readonly share: bigint;
  /** Paid for the source itself. */
  readonly paid: bigint;
  /** What came from its users, largest first; for a member of a circle from users outside it. */
  readonly users: readonly PassedOn[];
  readonly circle?: OwnCircle;
  /** The largest ones found, largest first. */
  readonly paths: readonly FlowPath[];
  /** Rounding and further paths: the share less what the paths come to. May be below 0. */
  readonly rest: bigint;
}

/** Binary digits of the fraction that is a path's part. */
const DIGITS = 96n;
const ONE = 1n << DIGITS;
const WHOLE = BigInt(PPM);
/** Uses that are followed, about: there can be more paths than anybody could list. */
const FOLLOWED = 1_000_000;

/**
 * The part of a part, rounded up: the error stays far below a unit, and what comes out even is not shown a unit short.
 */
function partOfPart(part: bigint, ppm: number): bigint {
  return (part * BigInt(ppm) + WHOLE - 1n) / WHOLE;
}

/** A path's end: the source that it begins with so far, and what is behind it. */
interface Tail {
  readonly source: number;
  /** The part of what comes into `source` that stays at the end, times 2⁹⁶. */
  readonly part: bigint;
  readonly behind: Tail | undefined;
  /** Whether the path begins here: its amount is what was paid for `source`. */
  readonly whole: boolean;
  /** What the path comes to, or at most can. */
  readonly amount: bigint;
}

/** Users of every source, as rows: the graph with its edges turned round. */
function usersOf({ rows, parents }: ContributionGraph): {
  starts: Uint32Array;
  users: Uint32Array;
} {
  const count = rows.length - 1;
  const starts = new Uint32Array(count + 1);
  for (const parent of parents) starts[parent + 1]!++;
  for (let i = 0; i < count; i++) starts[i + 1]! += starts[i]!;
  const next = starts.slice(0, count);
  const edges = new Uint32Array(parents.length);
  for (let i = 0; i < count; i++) {
    for (let e = rows[i]!; e < rows[i + 1]!; e++) edges[next[parents[e]!]!++] = e;
  }
  return { starts, users: edges };
}

/** The source whose row an edge stands in. */
function childOf(rows: Uint32Array, edge: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! <= edge) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * The largest ways in which money came to stay at a source, by a best-first search from it to those that were paid for.
 * What can come through a source at most bounds every path that is not yet followed to its beginning, so paths come out
 * in order; the search ends when it has found enough or followed a million uses.
 */
function largestPaths(
  graph: ContributionGraph,
  target: number,
  demand: BigUint64Array,
  mostInto: (source: number) => bigint,
  wanted: number,
): FlowPath[] {
  const { rows, weights } = graph;
  const { starts, users } = usersOf(graph);
  const tails: Tail[] = [];
  const heap = new Heap<Tail>((a, b) => a.amount > b.amount);
  const push = (source: number, part: bigint, behind: Tail | undefined): void => {
    const most = (mostInto(source) * part) >> DIGITS;
    if (most > 0n) heap.push({ source, part, behind, whole: false, amount: most });
    const paid = (demand[source]! * part) >> DIGITS;
    if (paid > 0n) heap.push({ source, part, behind, whole: true, amount: paid });
  };
  push(target, partOfPart(ONE, graph.own[target]!), undefined);
  let followed = 0;
  while (followed < FOLLOWED && tails.length < wanted) {
    const tail = heap.pop();
    if (!tail) break;
    if (tail.whole) {
      tails.push(tail);
      continue;
    }
    followed += 1 + starts[tail.source + 1]! - starts[tail.source]!;
    for (let k = starts[tail.source]!; k < starts[tail.source + 1]!; k++) {
      const edge = users[k]!;
      push(childOf(rows, edge), partOfPart(tail.part, weights[edge]!), tail);
    }
  }
  return tails.map((tail) => ({ sources: idsOf(graph, tail), amount: tail.amount }));
}

function idsOf(graph: ContributionGraph, tail: Tail): string[] {
  const ids: string[] = [];
  for (let at: Tail | undefined = tail; at; at = at.behind) {
    ids.push(graph.ids[at.source]!);
  }
  return ids;
}

/** The order of amounts, equal ones as they stand. */
function largestFirst(a: { readonly amount: bigint }, b: { readonly amount: bigint }): number {
  if (a.amount === b.amount) return 0;
  return a.amount > b.amount ? -1 : 1;
}

/** What a source in no circle passed a parent. */
function passedBy(graph: ContributionGraph, user: number, edge: number, received: bigint): bigint {
  const end = graph.rows[user + 1]!;
  if (graph.own[user]! > 0 || edge < end - 1) return partOf(received, BigInt(graph.weights[edge]!));
  let rest = received;
  for (let e = graph.rows[user]!; e < end - 1; e++) {
    rest -= partOf(received, BigInt(graph.weights[e]!));
  }
  return rest;
}

/**
 * Explains the share of one source: who passed it what, to the unit, and the largest paths by which that came.
 * @param flows of `computeFlows` for this demand
 * @param paths how many at most
 */
export function explainShare(
  graph: ContributionGraph,
  demand: BigUint64Array,
  flows: Flows,
  target: number,
  { paths: wanted = 10 }: { readonly paths?: number } = {},
): Explanation {
  const circleOf = new Map<number, SolvedCircle>();
  for (const circle of flows.circles) for (const m of circle.members) circleOf.set(m, circle);
  const idsIn = (circle: SolvedCircle): string[] =>
    Array.from(circle.members, (member) => graph.ids[member]!).sort();
  const intoCircle = (circle: SolvedCircle): bigint => circle.inflow.reduce((a, b) => a + b, 0n);

  const passedIn = (circle: SolvedCircle, total?: bigint): MemberPassed[] => {
    const passed = [...passedInCircle(graph, circle, target, total)];
    return passed.map(([m, amount]) => ({ id: graph.ids[m]!, amount })).sort(largestFirst);
  };

  const users: PassedOn[] = [];
  for (let user = 0; user < graph.ids.length; user++) {
    if (flows.received[user] === 0n || circleOf.has(user)) continue;
    for (let e = graph.rows[user]!; e < graph.rows[user + 1]!; e++) {
      if (graph.parents[e] !== target) continue;
      const amount = passedBy(graph, user, e, flows.received[user]!);
      users.push({ ids: [graph.ids[user]!], amount });
    }
  }
  const own = circleOf.get(target);
  for (const circle of flows.circles) {
    const amount = circle.parts.get(target);
    if (circle === own || amount === undefined) continue;
    const members = passedIn(circle, amount);
    users.push({ ids: idsIn(circle), amount, members });
  }
  users.sort(largestFirst);

  const ownCircle = (circle: SolvedCircle): OwnCircle => {
    const inside = passedIn(circle);
    const flow = inside.reduce((sum, { amount }) => sum + amount, flows.received[target]!);
    return { ids: idsIn(circle), received: intoCircle(circle), users: inside, flow };
  };
  const mostInto = (source: number): bigint => {
    const circle = circleOf.get(source);
    return circle ? intoCircle(circle) : flows.received[source]!;
  };
  const paths = largestPaths(graph, target, demand, mostInto, wanted);
  const share = flows.shares[target]!;
  return {
    id: graph.ids[target]!,
    share,
    paid: demand[target]!,
    users,
    ...(own ? { circle: ownCircle(own) } : {}),
    paths,
    rest: paths.reduce((left, path) => left - path.amount, share),
  };
}
