import type { ContributionGraph } from '../graph/graph.js';

/** An edge as it is drawn: from layer to layer, through places kept free for it where it skips some. */
export interface Route {
  /** Its place in the graph's `parents`. */
  readonly edge: number;
  /** Nodes from left to right: a source, places kept free, another source. */
  readonly nodes: readonly number[];
  /** Whether the money goes from right to left: the edge closes a circle. */
  readonly isBack: boolean;
}

/** A graph in layers, users left of what they use. Nodes from the number of sources on are places kept free for edges. */
export interface Layers {
  readonly layers: readonly (readonly number[])[];
  readonly routes: readonly Route[];
  /** Nodes, sources and places together. */
  readonly nodes: number;
}

/** Places kept free at most; edges beyond go straight. */
const MAXIMUM_PLACES = 10_000;

/** Edges that close a circle, found by a walk in depth that begins where nobody uses a source (Tarjan 1972). */
function backEdges(graph: ContributionGraph): Set<number> {
  const { rows, parents } = graph;
  const count = graph.ids.length;
  const state = new Uint8Array(count); // 0 not seen, 1 on the path, 2 done
  const next = rows.slice(0, count);
  const back = new Set<number>();
  const used = new Uint8Array(count);
  for (const parent of parents) used[parent] = 1;
  const starts = [...used.keys()].sort((a, b) => used[a]! - used[b]! || a - b);
  for (const start of starts) {
    if (state[start] !== 0) continue;
    const path = [start];
    state[start] = 1;
    while (path.length > 0) {
      const source = path.at(-1)!;
      const edge = next[source]!++;
      if (edge >= rows[source + 1]!) {
        state[source] = 2;
        path.pop();
      } else if (state[parents[edge]!] === 1) {
        back.add(edge);
      } else if (state[parents[edge]!] === 0) {
        state[parents[edge]!] = 1;
        path.push(parents[edge]!);
      }
    }
  }
  return back;
}

interface Link {
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  readonly isBack: boolean;
}

/** The edges without those to themselves, turned so that none closes a circle. */
function linksOf(graph: ContributionGraph): Link[] {
  const back = backEdges(graph);
  const links: Link[] = [];
  for (let i = 0; i < graph.ids.length; i++) {
    for (let edge = graph.rows[i]!; edge < graph.rows[i + 1]!; edge++) {
      const parent = graph.parents[edge]!;
      if (parent === i) continue;
      const isBack = back.has(edge);
      links.push({ edge, from: isBack ? parent : i, to: isBack ? i : parent, isBack });
    }
  }
  return links;
}

/** The layer of each source: behind all that use it; what nobody uses stands right before what it uses. */
function layerNumbers(count: number, links: readonly Link[]): Uint32Array {
  const layer = new Uint32Array(count);
  const uses = new Uint32Array(count);
  const outgoing: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of links) {
    uses[to]!++;
    outgoing[from]!.push(to);
  }
  const left = uses.slice();
  const ready = [...left.keys()].filter((source) => left[source] === 0);
  for (let at = 0; at < ready.length; at++) {
    const source = ready[at]!;
    for (const to of outgoing[source]!) {
      layer[to] = Math.max(layer[to]!, layer[source]! + 1);
      if (--left[to]! === 0) ready.push(to);
    }
  }
  for (let source = 0; source < count; source++) {
    if (uses[source]! > 0 || outgoing[source]!.length === 0) continue;
    layer[source] = Math.min(...outgoing[source]!.map((to) => layer[to]!)) - 1;
  }
  return layer;
}

/** Puts a graph into layers by longest paths (Sugiyama, Tagawa, Toda 1981). */
export function layersOf(graph: ContributionGraph): Layers {
  const count = graph.ids.length;
  const links = linksOf(graph);
  const layer = layerNumbers(count, links);
  const layers: number[][] = Array.from({ length: Math.max(...layer, 0) + 1 }, () => []);
  for (let source = 0; source < count; source++) layers[layer[source]!]!.push(source);
  let nodes = count;
  const routes = links.map(({ edge, from, to, isBack }): Route => {
    const path = [from];
    const between = layer[to]! - layer[from]! - 1;
    if (nodes - count + between <= MAXIMUM_PLACES) {
      for (let at = layer[from]! + 1; at < layer[to]!; at++) {
        layers[at]!.push(nodes);
        path.push(nodes++);
      }
    }
    return { edge, nodes: [...path, to], isBack };
  });
  return { layers, routes, nodes };
}
