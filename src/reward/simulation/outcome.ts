import { computePayout } from '../flow/payout.js';
import type { ContributionGraph } from '../graph/graph.js';
import { type Concentration, concentration } from '../network/concentration.js';
import type { World } from './grow.js';
import { reweighed, type Scheme } from './schemes.js';

/** Sources and what they earn together. */
export interface Group {
  readonly name: string;
  readonly sources: number;
  /** Base units. */
  readonly amount: bigint;
}

/** Who earns what under one rule. */
export interface Outcome {
  readonly scheme: string;
  /** Base units; the same for every rule. */
  readonly total: bigint;
  /** Largest first. Sources that state no kind are one group, `(none)`. */
  readonly byKind: readonly Group[];
  /** Tenths of the sources, the oldest first. */
  readonly byAge: readonly Group[];
  readonly bySource: Concentration;
  /** A source without an owner stands for itself. */
  readonly byOwner: Concentration;
  /** The owners who earn most. */
  readonly topOwners: readonly Group[];
  /**
   * Share of all money that is kept after n steps, n from 0 (the source that was paid for) to 9, then all that goes
   * further; parts per million, rounded down, from the flow before rounding to base units.
   */
  readonly reachPpm: readonly number[];
}

/** Owners by place, so that sums of a million sources take no map of texts each time. */
export interface Owners {
  readonly of: Uint32Array;
  readonly names: readonly string[];
  readonly sources: Uint32Array;
}

/** Steps after which what is kept is told apart. */
const REACH = 10;
const TENTHS = 10;

/** Who owns which source; one without an owner is its own, named by its id. */
export function ownersOf(graph: ContributionGraph): Owners {
  const places = new Map<string, number>();
  const names: string[] = [];
  const of = Uint32Array.from(graph.ids, (id, i) => {
    const { [i]: owner } = graph.owners;
    const known = owner === undefined ? undefined : places.get(owner);
    if (known !== undefined) return known;
    if (owner !== undefined) places.set(owner, names.length);
    names.push(owner ?? id);
    return names.length - 1;
  });
  const sources = new Uint32Array(names.length);
  for (const place of of) sources[place]!++;
  return { of, names, sources };
}

/** What each owner is paid, by place. */
function paidToOwners(owners: Owners, paid: BigUint64Array): BigUint64Array {
  const sums = new BigUint64Array(owners.names.length);
  for (let i = 0; i < paid.length; i++) sums[owners.of[i]!]! += paid[i]!;
  return sums;
}

function kindGroups(graph: ContributionGraph, paid: BigUint64Array): Group[] {
  const groups = new Map<string, { name: string; sources: number; amount: bigint }>();
  for (let i = 0; i < paid.length; i++) {
    const name = graph.kinds[i] ?? '(none)';
    const group = groups.get(name) ?? { name, sources: 0, amount: 0n };
    group.sources++;
    group.amount += paid[i]!;
    groups.set(name, group);
  }
  return [...groups.values()].sort((a, b) => {
    if (a.amount !== b.amount) return a.amount > b.amount ? -1 : 1;
    return a.name < b.name ? -1 : 1;
  });
}

function ageGroups(byAge: Uint32Array, paid: BigUint64Array): Group[] {
  const groups = Math.min(TENTHS, byAge.length);
  return Array.from({ length: groups }, (_, tenth) => {
    const begin = Math.floor((byAge.length * tenth) / groups);
    const end = Math.floor((byAge.length * (tenth + 1)) / groups);
    let amount = 0n;
    for (let i = begin; i < end; i++) amount += paid[byAge[i]!]!;
    return { name: String(tenth + 1), sources: end - begin, amount };
  });
}

function topOwners(owners: Owners, paid: BigUint64Array, wanted: number): Group[] {
  const order = Uint32Array.from(owners.names.keys()).sort((a, b) => {
    const [x, y] = [paid[a]!, paid[b]!];
    return x === y ? a - b : x > y ? -1 : 1;
  });
  return Array.from(order.subarray(0, wanted), (place) => ({
    name: owners.names[place]!,
    sources: owners.sources[place]!,
    amount: paid[place]!,
  }));
}

/** What is kept after each step. Doubles, summed in a fixed order: a figure to look at; nobody is paid by it. */
function reach(graph: ContributionGraph, demand: BigUint64Array): number[] {
  let here = Float64Array.from(demand, Number);
  const total = here.reduce((a, b) => a + b, 0);
  const shares: number[] = [];
  let left = total;
  for (let step = 0; step < REACH; step++) {
    const next = new Float64Array(here.length);
    let kept = 0;
    for (let i = 0; i < here.length; i++) {
      const flow = here[i]!;
      if (flow === 0) continue;
      kept += (flow * graph.own[i]!) / 1e6;
      for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
        next[graph.parents[e]!]! += (flow * graph.weights[e]!) / 1e6;
      }
    }
    shares.push(kept);
    left -= kept;
    here = next;
  }
  return [...shares, Math.max(0, left)].map((units) => Math.floor((units / total) * 1e6 + 1e-3));
}

/** Runs the demand over the network under one rule: exact payouts, and the figures of them. */
export function outcomeOf(
  { graph, byAge }: World,
  demand: BigUint64Array,
  scheme: Scheme,
  owners: Owners,
  wanted: number,
): { readonly outcome: Outcome; readonly paidToOwners: BigUint64Array } {
  const weighed = reweighed(graph, scheme);
  const paid = computePayout(weighed, demand);
  const byOwner = paidToOwners(owners, paid);
  const bySource = concentration(paid);
  const outcome: Outcome = {
    scheme: scheme.name,
    total: bySource.total,
    byKind: kindGroups(graph, paid),
    byAge: ageGroups(byAge, paid),
    bySource,
    byOwner: concentration(byOwner),
    topOwners: topOwners(owners, byOwner, wanted),
    reachPpm: reach(weighed, demand),
  };
  return { outcome, paidToOwners: byOwner };
}
