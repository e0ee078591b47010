import { type ContributionGraph, PPM } from '../graph/graph.js';
import { stepsFromTop } from './age.js';
import { changedGraph, type ProposedChange } from './changedGraph.js';
import { settingError } from './options.js';

/**
 * A rule by which every source of a network would weigh its parents; all shares in parts per million.
 * - `declared`: as the network has it.
 * - `changed`: as the network has it after the changes that somebody proposes.
 * - `equal`: so much to all parents together, in equal parts.
 * - `first`: so much to the first parent by id, in a grown network the oldest; nothing to the others.
 * - `decay`: as `equal`, but each step down from the sources that no other uses, what is passed on shrinks to the part
 *   `factorPpm` of it.
 * - `kinds`: so much to all parents of a kind together, in equal parts; nothing to those of other kinds.
 */
export type Scheme = { readonly name: string } & (
  | { readonly rule: 'declared' }
  | { readonly rule: 'changed'; readonly changes: readonly ProposedChange[] }
  | { readonly rule: 'equal'; readonly sharePpm: number }
  | { readonly rule: 'first'; readonly sharePpm: number }
  | { readonly rule: 'decay'; readonly sharePpm: number; readonly factorPpm: number }
  | { readonly rule: 'kinds'; readonly shares: ReadonlyMap<string, number> }
);

/** Writes the weights of one source's parents. @param edges places of its edges, without one to itself */
type Weigher = (source: number, edges: readonly number[], weights: Uint32Array) => void;

function spread(share: number, edges: readonly number[], weights: Uint32Array): void {
  if (edges.length === 0) return;
  const each = Math.floor(share / edges.length);
  for (const edge of edges) weights[edge] = each;
}

function weigher(
  graph: ContributionGraph,
  scheme: Exclude<Scheme, { rule: 'declared' | 'changed' }>,
): Weigher {
  if (scheme.rule === 'equal') {
    return (_, edges, weights) => spread(scheme.sharePpm, edges, weights);
  }
  if (scheme.rule === 'first') {
    return (_, edges, weights) => spread(scheme.sharePpm, edges.slice(0, 1), weights);
  }
  if (scheme.rule === 'kinds') {
    return (_, edges, weights) => {
      for (const [kind, share] of scheme.shares) {
        const ofKind = edges.filter((edge) => graph.kinds[graph.parents[edge]!] === kind);
        spread(share, ofKind, weights);
      }
    };
  }
  const steps = stepsFromTop(graph);
  const shares = [scheme.sharePpm];
  return (source, edges, weights) => {
    for (let step = shares.length; step <= steps[source]!; step++) {
      shares.push(Math.floor((shares[step - 1]! * scheme.factorPpm) / PPM));
    }
    spread(shares[steps[source]!]!, edges, weights);
  };
}

function assertScheme(scheme: Exclude<Scheme, { rule: 'declared' | 'changed' }>): void {
  const given = scheme.rule === 'kinds' ? [...scheme.shares.values()] : [scheme.sharePpm];
  const sum = given.reduce((a, b) => a + b, 0);
  if (given.every((ppm) => Number.isInteger(ppm) && ppm >= 0) && sum <= PPM) return;
  throw settingError(
    `The weights "${scheme.name}" are no shares of at most the whole.`,
    'Pass shares that come to at most 100% together',
  );
}

/** The graph without edges of weight 0, which are no edges for money, and with what each source keeps. */
function withWeights(graph: ContributionGraph, all: Uint32Array): ContributionGraph {
  const count = graph.ids.length;
  const rows = new Uint32Array(count + 1);
  const parents = new Uint32Array(all.length);
  const weights = new Uint32Array(all.length);
  const own = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    let left = PPM;
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      if (all[e] === 0) continue;
      parents[end] = graph.parents[e]!;
      weights[end] = all[e]!;
      left -= all[e]!;
      end++;
    }
    rows[i + 1] = end;
    own[i] = left;
  }
  const { ids, numberOf, owners, kinds, names } = graph;
  return {
    ids,
    numberOf,
    rows,
    parents: parents.slice(0, end),
    weights: weights.slice(0, end),
    own,
    owners,
    kinds,
    names,
  };
}

/**
 * The graph with its parents weighed by a rule; but for those declared or proposed, edges from a source to itself are left out.
 * @throws BitmodelError `BAD_OPTION` for shares above the whole; of changes, as {@link changedGraph}
 */
export function reweighed(graph: ContributionGraph, scheme: Scheme): ContributionGraph {
  if (scheme.rule === 'declared') return graph;
  if (scheme.rule === 'changed') return changedGraph(graph, scheme.changes);
  assertScheme(scheme);
  const weigh = weigher(graph, scheme);
  const weights = new Uint32Array(graph.parents.length);
  for (let i = 0; i < graph.ids.length; i++) {
    const edges: number[] = [];
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      if (graph.parents[e] !== i) edges.push(e);
    }
    weigh(i, edges, weights);
  }
  return withWeights(graph, weights);
}
