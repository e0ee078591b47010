import type { ContributionGraph } from '../graph/graph.js';

/** What one owner is paid for all its sources. */
export interface OwnerShare {
  /** Undefined for a source that names no owner: each such source stands alone. */
  readonly owner: string | undefined;
  /** Ids of the sources paid for, in order. */
  readonly sources: readonly string[];
  /** Base units. */
  readonly amount: bigint;
}

/** Paid sources in groups of one owner: `members[starts[g]]` to `members[starts[g + 1]]` are numbers of sources, ascending. */
interface Groups {
  readonly starts: Uint32Array;
  readonly members: Uint32Array;
}

function groupsOf({ owners }: ContributionGraph, shares: BigUint64Array): Groups {
  const numberOf = new Map<string, number>();
  const groupOf = new Uint32Array(shares.length);
  let count = 0;
  for (let i = 0; i < shares.length; i++) {
    if (shares[i] === 0n) continue;
    const owner = owners[i];
    let group = owner === undefined ? undefined : numberOf.get(owner);
    if (group === undefined) {
      group = count++;
      if (owner !== undefined) numberOf.set(owner, group);
    }
    groupOf[i] = group;
  }
  const starts = new Uint32Array(count + 1);
  for (let i = 0; i < shares.length; i++) if (shares[i] !== 0n) starts[groupOf[i]! + 1]!++;
  for (let group = 0; group < count; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice(0, count);
  const members = new Uint32Array(starts[count]!);
  for (let i = 0; i < shares.length; i++) {
    if (shares[i] === 0n) continue;
    const group = groupOf[i]!;
    members[next[group]!++] = i;
  }
  return { starts, members };
}

/**
 * Gathers shares by owner, so that who splits a work into many sources sees, and gets, one sum. Largest first, then by owner.
 * A source without an owner is a line of its own: its money is nobody's to gather yet.
 * @param shares base units by a source's number, as of `computePayout`; sources that get nothing are left out
 * @returns the lines as they are asked for: beside the graph only some 40 bytes a source are held
 */
export function* ownerShares(
  graph: ContributionGraph,
  shares: BigUint64Array,
): Generator<OwnerShare> {
  const { starts, members } = groupsOf(graph, shares);
  const count = starts.length - 1;
  const amounts = new BigUint64Array(count);
  for (let group = 0; group < count; group++) {
    for (let at = starts[group]!; at < starts[group + 1]!; at++) {
      amounts[group]! += shares[members[at]!]!;
    }
  }
  // doubles compare faster, and where two of them differ so do the amounts, the same way
  const rough = Float64Array.from(amounts, Number);
  const nameOf = (group: number): string => {
    const first = members[starts[group]!]!;
    return graph.owners[first] ?? graph.ids[first]!;
  };
  const order = Uint32Array.from(amounts, (_, group) => group).sort((a, b) => {
    if (rough[a] !== rough[b]) return rough[b]! - rough[a]!;
    if (amounts[a] !== amounts[b]) return amounts[a]! > amounts[b]! ? -1 : 1;
    return nameOf(a) < nameOf(b) ? -1 : 1;
  });
  for (const group of order) {
    const row = members.subarray(starts[group], starts[group + 1]);
    yield {
      owner: graph.owners[row[0]!],
      sources: Array.from(row, (source) => graph.ids[source]!),
      amount: amounts[group]!,
    };
  }
}

/**
 * As {@link ownerShares}, of a payout by id.
 * @param paid base units by id
 */
export function payoutByOwner(
  graph: ContributionGraph,
  paid: ReadonlyMap<string, bigint>,
): OwnerShare[] {
  const shares = new BigUint64Array(graph.ids.length);
  for (const [id, amount] of paid) shares[graph.numberOf.get(id)!] = amount;
  return [...ownerShares(graph, shares)];
}
