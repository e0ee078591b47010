import { BitmodelError, EXIT } from '../../base/index.js';
import { type ContributionGraph, graphError, quoted, unusedSources } from '../graph/graph.js';
import { type Components, stronglyConnectedComponents } from './components.js';
import { divideCycle } from './cycle.js';
import { FlowKernel } from './FlowKernel.js';

/** Sums of money stay below this, so that they fit a signed 64-bit integer, as on the chain. */
export const SUM_LIMIT = 1n << 63n;

/** A circle that money came into, and how it was divided. */
export interface SolvedCircle {
  /** Numbers of the sources that stand on each other, or of the one that stands on itself. */
  readonly members: Uint32Array;
  /** Base units that came into each member from outside, in the order of `members`. */
  readonly inflow: readonly bigint[];
  /** Base units by source: a member's own share, or what a parent outside was passed. */
  readonly parts: ReadonlyMap<number, bigint>;
}

/** A payout with what it came from. */
export interface Flows {
  /** Base units for each source, by its number. */
  readonly shares: BigUint64Array;
  /** Base units that came into each source, those of members of a circle from outside it alone. */
  readonly received: BigUint64Array;
  /** In the order in which money came to them. */
  readonly circles: readonly SolvedCircle[];
}

function isCyclic(graph: ContributionGraph, components: Components, component: number): boolean {
  const begin = components.starts[component]!;
  if (components.starts[component + 1]! - begin > 1) return true;
  const source = components.members[begin]!;
  const row = graph.parents.subarray(graph.rows[source]!, graph.rows[source + 1]!);
  return row.includes(source);
}

/**
 * What each source is paid (DESIGN 9): f = (I − Pᵀ)⁻¹ r and p = κ∘f in exact integers. Acyclic parts round as nested
 * split contracts do: parents ⌊f·w/10⁶⌋, the source itself the rest, or where it keeps no share the last parent by
 * id. Sources that stand on each other are solved exactly and rounded once. The result sums to what was paid in.
 * @param demand base units paid for each source, by its number; each sum below 2⁶³
 * @returns base units for each source, by its number
 * @throws BitmodelError `BAD_GRAPH` where money would reach a closed or too large component
 */
export function computePayout(graph: ContributionGraph, demand: BigUint64Array): BigUint64Array {
  const kernel = new FlowKernel(graph, demand);
  if (!kernel.pass()) passCircles(graph, kernel);
  return kernel.flow.slice();
}

/** As {@link computePayout}, with what came into each source and the circles that were solved. */
export function computeFlows(graph: ContributionGraph, demand: BigUint64Array): Flows {
  const kernel = new FlowKernel(graph, demand, { keepsReceived: true });
  const circles = kernel.pass() ? [] : passCircles(graph, kernel);
  const received = kernel.received.slice();
  for (const { members, inflow } of circles) {
    members.forEach((source, i) => {
      received[source] = inflow[i]!;
    });
  }
  return { shares: kernel.flow.slice(), received, circles };
}

/** Passes on what waits in circles and behind them, from the component that all others stand behind on. */
function passCircles(graph: ContributionGraph, kernel: FlowKernel): SolvedCircle[] {
  const { flow } = kernel;
  const circles: SolvedCircle[] = [];
  const components = stronglyConnectedComponents(graph, kernel.pending);
  const listed = new Uint32Array(components.members.length);
  let length = 0;
  const passListed = (): void => {
    kernel.passListed(listed.subarray(0, length));
    length = 0;
  };
  for (let c = components.count - 1; c >= 0; c--) {
    const begin = components.starts[c]!;
    const members = components.members.subarray(begin, components.starts[c + 1]!);
    if (!isCyclic(graph, components, c)) {
      listed[length++] = members[0]!;
      continue;
    }
    passListed();
    if (members.every((source) => flow[source] === 0n)) continue;
    const inflow = Array.from(members, (source) => flow[source]!);
    const parts = divideCycle(graph, members, inflow);
    circles.push({ members, inflow, parts });
    for (const source of members) flow[source] = 0n;
    for (const [source, units] of parts) flow[source]! += units;
  }
  passListed();
  return circles;
}

/**
 * Amounts by id as amounts by number.
 * @throws BitmodelError `UNKNOWN_SOURCE` (exit 3), `BAD_AMOUNT` for a negative amount or a sum of 2⁶³ or more
 */
export function demandOf(
  graph: ContributionGraph,
  amounts: Iterable<readonly [string, bigint]>,
): BigUint64Array {
  const demand = new BigUint64Array(graph.ids.length);
  let total = 0n;
  for (const [id, units] of amounts) {
    const number = graph.numberOf.get(id);
    if (number === undefined) {
      throw new BitmodelError('UNKNOWN_SOURCE', `The graph has no source ${quoted(id)}.`, {
        next: 'Name one of the ids in the graph',
        exitCode: EXIT.notFound,
      });
    }
    total += units;
    if (units < 0n || total >= SUM_LIMIT) {
      throw new BitmodelError('BAD_AMOUNT', `The amounts are negative or more than can exist.`, {
        next: 'Name an amount of coins that somebody could pay',
        exitCode: EXIT.usage,
      });
    }
    demand[number]! += units;
  }
  return demand;
}

/**
 * What everybody is paid when these amounts are paid for these sources.
 * @param amounts base units by id
 * @returns base units by id, in the order of ids, sources that get nothing left out; sums to the amounts paid
 * @throws BitmodelError as {@link computePayout} and {@link demandOf}
 */
export function payout(
  graph: ContributionGraph,
  amounts: Iterable<readonly [string, bigint]>,
): Map<string, bigint> {
  const shares = computePayout(graph, demandOf(graph, amounts));
  const paid = new Map<string, bigint>();
  for (let i = 0; i < shares.length; i++) {
    if (shares[i]! > 0n) paid.set(graph.ids[i]!, shares[i]!);
  }
  return paid;
}

/**
 * The one source that money is paid for when none is named: the only one that no other stands on.
 * @throws BitmodelError `BAD_GRAPH` when there is none or more than one
 */
export function soleUnusedSource(graph: ContributionGraph): string {
  const unused = unusedSources(graph);
  if (unused.length === 1) return graph.ids[unused[0]!]!;
  if (graph.ids.length === 0) {
    throw graphError('The graph has no sources.', 'Publish one with: bitmodel source publish');
  }
  throw graphError(
    unused.length === 0
      ? 'Every source of this graph is used by another, so it is not clear which one was paid for.'
      : `${unused.length} sources of this graph are used by no other, so it is not clear which one was paid for.`,
    'Name the one that was paid for with --source ID',
  );
}
