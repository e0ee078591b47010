import { BitmodelError, EXIT } from '../base/index.js';
import { type Components, stronglyConnectedComponents } from './components.js';
import { divideCycle } from './cycle.js';
import { type ContributionGraph, graphError, PPM, quoted, unusedSources } from './graph.js';

const WHOLE = BigInt(PPM);
/** Sums of money stay below this, so that they fit a signed 64-bit integer, as on the chain. */
const LIMIT = 1n << 63n;

/**
 * ⌊amount · ppm / 10⁶⌋, what a parent of this weight is passed. Neither product reaches 2⁶⁴, so that the run time
 * can keep both in machine words.
 */
function part(amount: bigint, ppm: bigint): bigint {
  const millions = amount / WHOLE;
  const units = amount - millions * WHOLE;
  return BigInt.asUintN(64, millions * ppm) + BigInt.asUintN(64, units * ppm) / WHOLE;
}

/** Passes one source's flow on as its split contract would, and leaves it its own share. */
function divideSource(graph: ContributionGraph, source: number, flow: BigUint64Array): void {
  const begin = graph.rows[source]!;
  const end = graph.rows[source + 1]!;
  const amount = flow[source]!;
  const ownsRest = graph.own[source]! > 0;
  // where nothing is the source's own, the last parent by id takes what rounding leaves
  const exact = ownsRest ? end : end - 1;
  let rest = amount;
  for (let e = begin; e < exact; e++) {
    const units = part(amount, BigInt(graph.weights[e]!));
    flow[graph.parents[e]!]! += units;
    rest -= units;
  }
  if (!ownsRest) flow[graph.parents[exact]!]! += rest;
  flow[source] = ownsRest ? rest : 0n;
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
  const flow = demand.slice();
  const components = stronglyConnectedComponents(graph);
  for (let c = components.count - 1; c >= 0; c--) {
    const begin = components.starts[c]!;
    const members = components.members.subarray(begin, components.starts[c + 1]!);
    if (members.every((source) => flow[source] === 0n)) continue;
    if (!isCyclic(graph, components, c)) {
      divideSource(graph, members[0]!, flow);
      continue;
    }
    const inflow = Array.from(members, (source) => flow[source]!);
    const parts = divideCycle(graph, members, inflow);
    for (const source of members) flow[source] = 0n;
    for (const [source, units] of parts) flow[source]! += units;
  }
  return flow;
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
    if (units < 0n || total >= LIMIT) {
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

/** What one owner is paid for all its sources. */
export interface OwnerShare {
  /** Undefined for a source that names no owner: each such source stands alone. */
  readonly owner: string | undefined;
  /** Ids of the sources paid for, in order. */
  readonly sources: readonly string[];
  /** Base units. */
  readonly amount: bigint;
}

/**
 * Gathers a payout by owner, so that who splits a work into many sources sees, and gets, one sum. Largest first, then by owner.
 * A source without an owner is a line of its own: its money is nobody's to gather yet.
 */
export function payoutByOwner(
  graph: ContributionGraph,
  paid: ReadonlyMap<string, bigint>,
): OwnerShare[] {
  const byOwner = new Map<string, { sources: string[]; amount: bigint }>();
  const unowned: OwnerShare[] = [];
  for (const [id, amount] of paid) {
    const owner = graph.owners[graph.numberOf.get(id)!];
    if (owner === undefined) {
      unowned.push({ owner, sources: [id], amount });
      continue;
    }
    const held = byOwner.get(owner);
    if (held) {
      held.sources.push(id);
      held.amount += amount;
    } else byOwner.set(owner, { sources: [id], amount });
  }
  const owned = [...byOwner].map(([owner, share]) => ({ owner, ...share }));
  return [...owned, ...unowned].sort((a, b) => {
    if (a.amount !== b.amount) return a.amount > b.amount ? -1 : 1;
    return (a.owner ?? a.sources[0]!) < (b.owner ?? b.sources[0]!) ? -1 : 1;
  });
}

/**
 * The one source that money is paid for when none is named: the only one that no other stands on.
 * @throws BitmodelError `BAD_GRAPH` when there is none or more than one
 */
export function soleUnusedSource(graph: ContributionGraph): string {
  const unused = unusedSources(graph);
  if (unused.length === 1) return graph.ids[unused[0]!]!;
  throw graphError(
    unused.length === 0
      ? 'Every source of this graph is used by another, so it is not clear which one was paid for.'
      : `${unused.length} sources of this graph are used by no other, so it is not clear which one was paid for.`,
    'Name the one that was paid for with --source ID',
  );
}
