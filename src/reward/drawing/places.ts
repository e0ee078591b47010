import type { Layers } from './layers.js';

/** Neighbours of each node in the layer to its left, and to its right. */
interface Neighbours {
  readonly left: readonly (readonly number[])[];
  readonly right: readonly (readonly number[])[];
}

/** Rounds of ordering and of placing: more change little. */
const ROUNDS = 12;

function neighboursOf({ routes, nodes }: Layers): Neighbours {
  const left: number[][] = Array.from({ length: nodes }, () => []);
  const right: number[][] = Array.from({ length: nodes }, () => []);
  for (const { nodes: path } of routes) {
    for (let i = 1; i < path.length; i++) {
      right[path[i - 1]!]!.push(path[i]!);
      left[path[i]!]!.push(path[i - 1]!);
    }
  }
  return { left, right };
}

function mean(nodes: readonly number[], of: Float64Array): number {
  return nodes.reduce((sum, node) => sum + of[node]!, 0) / nodes.length;
}

/** Pairs of edges between two layers that cross: inversions, counted in a tree of sums (Fenwick 1994). */
function crossings(
  layer: readonly number[],
  right: Neighbours['right'],
  place: Float64Array,
  width: number,
): number {
  const sums = new Uint32Array(width + 1);
  let seen = 0;
  let crossed = 0;
  for (const node of layer) {
    const ends = right[node]!.map((end) => place[end]!);
    for (const end of ends) {
      let before = 0;
      for (let at = end + 1; at > 0; at -= at & -at) before += sums[at]!;
      crossed += seen - before;
    }
    for (const end of ends) {
      for (let at = end + 1; at <= width; at += at & -at) sums[at]!++;
    }
    seen += ends.length;
  }
  return crossed;
}

/** Orders each layer so that few edges cross: each node to the mean of its neighbours, from left to right and back. */
function orderLayers(layout: Layers, neighbours: Neighbours): number[][] {
  let layers = layout.layers.map((layer) => [...layer]);
  const place = new Float64Array(layout.nodes);
  const number = (layer: readonly number[]): void => {
    for (const [at, node] of layer.entries()) place[node] = at;
  };
  const width = Math.max(...layers.map((layer) => layer.length));
  const crossed = (): number =>
    layers.reduce((sum, layer) => sum + crossings(layer, neighbours.right, place, width), 0);
  layers.forEach(number);
  let best = layers;
  let fewest = crossed();
  for (let round = 0; round < ROUNDS && fewest > 0; round++) {
    const isForth = round % 2 === 0;
    const side = isForth ? neighbours.left : neighbours.right;
    layers = layers.map((layer) => [...layer]);
    for (const layer of isForth ? layers : layers.toReversed()) {
      const wanted = new Map(
        layer.map((node) => [
          node,
          side[node]!.length > 0 ? mean(side[node]!, place) : place[node]!,
        ]),
      );
      layer.sort((a, b) => wanted.get(a)! - wanted.get(b)! || place[a]! - place[b]!);
      number(layer);
    }
    const now = crossed();
    if (now >= fewest) continue;
    fewest = now;
    best = layers;
  }
  return best;
}

/**
 * Places that are nearest to those wanted (least squares), in order and with room between them: pools of neighbours that
 * stand in each other's way move together.
 */
function spaced(wanted: readonly number[], room: readonly number[]): number[] {
  const offsets: number[] = [];
  let offset = 0;
  for (const [at, height] of room.entries()) {
    if (at > 0) offset += (room[at - 1]! + height) / 2;
    offsets.push(offset);
  }
  const pools: { sum: number; size: number }[] = [];
  for (const [at, want] of wanted.entries()) {
    pools.push({ sum: want - offsets[at]!, size: 1 });
    for (;;) {
      const last = pools.at(-1)!;
      const before = pools.at(-2);
      if (!before || before.sum / before.size <= last.sum / last.size) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, size: before.size + last.size });
    }
  }
  const places = pools.flatMap(({ sum, size }) => new Array<number>(size).fill(sum / size));
  return places.map((place, at) => place + offsets[at]!);
}

/**
 * How far down each node stands.
 * @param room height that a node takes, with the gap to the next
 */
export function placesOf(layout: Layers, room: (node: number) => number): Float64Array {
  const neighbours = neighboursOf(layout);
  const layers = orderLayers(layout, neighbours);
  const y = new Float64Array(layout.nodes);
  for (const layer of layers) {
    const rooms = layer.map(room);
    const places = spaced(
      layer.map(() => 0),
      rooms,
    );
    for (const [at, node] of layer.entries()) y[node] = places[at]!;
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const layer of round % 2 === 0 ? layers : layers.toReversed()) {
      const wanted = layer.map((node) => {
        const all = [...neighbours.left[node]!, ...neighbours.right[node]!];
        return all.length > 0 ? mean(all, y) : y[node]!;
      });
      const places = spaced(wanted, layer.map(room));
      for (const [at, node] of layer.entries()) y[node] = places[at]!;
    }
  }
  const top = Math.min(...y);
  return y.map((place) => place - top);
}
