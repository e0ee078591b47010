import type { ContributionGraph } from '../graph/graph.js';

/**
 * The strongly connected components of a graph. `members` holds every source once, those of one component together;
 * component c is `members[starts[c]]` to `members[starts[c + 1]]`. A component comes after all that its members are
 * parents of depend on, that is: parents first, so money is passed on from the last component to the first.
 */
export interface Components {
  readonly members: Uint32Array;
  readonly starts: Uint32Array;
  /** Component of each source. */
  readonly of: Uint32Array;
  readonly count: number;
}

const UNSEEN = 0;

/**
 * Tarjan's algorithm (1972), with its own stack in place of recursion, so that a chain of millions of sources does
 * not overflow the call stack. Linear time, 20 bytes of memory per source.
 * @param among which sources to look at, those that are not 0 (default: all); their parents must be among them
 */
export function stronglyConnectedComponents(
  graph: Pick<ContributionGraph, 'rows' | 'parents'>,
  among?: Uint32Array,
): Components {
  const { rows, parents } = graph;
  const count = rows.length - 1;
  const order = new Uint32Array(count); // 1-based time of the first visit; 0 is unseen
  const low = new Uint32Array(count);
  const next = rows.slice(0, count); // the edge to follow next, per source
  const path = new Uint32Array(count); // the walk from the root to here
  const waiting = new Uint32Array(count); // seen, not yet in a component
  const of = new Uint32Array(count).fill(count); // `count` = in no component yet
  const members = new Uint32Array(count);
  const starts: number[] = [0];
  let time = 0;
  let depth = 0;
  let open = 0;
  let done = 0;

  const enter = (source: number): void => {
    order[source] = low[source] = ++time;
    path[depth++] = source;
    waiting[open++] = source;
  };
  const leave = (source: number): void => {
    if (low[source] === order[source]) {
      let member: number;
      do {
        member = waiting[--open]!;
        of[member] = starts.length - 1;
        members[done++] = member;
      } while (member !== source);
      starts.push(done);
    }
    depth--;
    if (depth > 0) {
      const below = path[depth - 1]!;
      low[below] = Math.min(low[below]!, low[source]!);
    }
  };

  for (let root = 0; root < count; root++) {
    if (order[root] !== UNSEEN || among?.[root] === 0) continue;
    enter(root);
    while (depth > 0) {
      const source = path[depth - 1]!;
      const edge = next[source]!;
      if (edge === rows[source + 1]!) {
        leave(source);
        continue;
      }
      next[source] = edge + 1;
      const parent = parents[edge]!;
      if (order[parent] === UNSEEN) enter(parent);
      else if (of[parent] === count) low[source] = Math.min(low[source]!, order[parent]!);
    }
  }
  return {
    members: members.subarray(0, done),
    starts: Uint32Array.from(starts),
    of,
    count: starts.length - 1,
  };
}
