import type { Neighbours } from './neighbours.js';

/** How often two neighbours of a source are neighbours themselves, directions left aside. */
export interface Clustering {
  /** Mean over all sources of Watts and Strogatz's coefficient (1998); 0 for a source with fewer than two neighbours. */
  readonly local: number;
  /** Transitivity (Newman 2003): three times the triangles over the pairs of edges that meet. */
  readonly global: number;
  readonly triangles: number;
}

/** Numbers of the sources, those with the fewest neighbours first, as places in that order. */
function placesByDegree(neighbours: Neighbours): Uint32Array {
  const count = neighbours.rows.length - 1;
  const starts = new Uint32Array(count + 1);
  const degree = (i: number): number => neighbours.rows[i + 1]! - neighbours.rows[i]!;
  for (let i = 0; i < count; i++) starts[degree(i) + 1]!++;
  for (let i = 0; i < count; i++) starts[i + 1]! += starts[i]!;
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const place = starts[degree(i)]!++;
    places[i] = place;
  }
  return places;
}

/** Only those edges that lead to a source later in the order: each edge once, few from any source. */
function forwardEdges(neighbours: Neighbours, places: Uint32Array): Neighbours {
  const count = neighbours.rows.length - 1;
  const rows = new Uint32Array(count + 1);
  const targets = new Uint32Array(neighbours.targets.length / 2);
  let end = 0;
  for (let i = 0; i < count; i++) {
    for (let e = neighbours.rows[i]!; e < neighbours.rows[i + 1]!; e++) {
      const target = neighbours.targets[e]!;
      if (places[target]! > places[i]!) targets[end++] = target;
    }
    rows[i + 1] = end;
  }
  return { rows, targets };
}

/** Triangles at each source, by the forward algorithm (Schank and Wagner 2005); time at most edges^1.5. */
function trianglesAt(neighbours: Neighbours): Float64Array {
  const { rows, targets } = forwardEdges(neighbours, placesByDegree(neighbours));
  const count = rows.length - 1;
  const at = new Float64Array(count);
  const mark = new Uint32Array(count); // 1 + the source whose neighbour this is
  for (let a = 0; a < count; a++) {
    for (let e = rows[a]!; e < rows[a + 1]!; e++) mark[targets[e]!] = a + 1;
    for (let e = rows[a]!; e < rows[a + 1]!; e++) {
      const b = targets[e]!;
      for (let f = rows[b]!; f < rows[b + 1]!; f++) {
        const c = targets[f]!;
        if (mark[c] !== a + 1) continue;
        at[a]!++;
        at[b]!++;
        at[c]!++;
      }
    }
  }
  return at;
}

/** Clustering coefficients, exact whatever the size. */
export function clustering(neighbours: Neighbours): Clustering {
  const at = trianglesAt(neighbours);
  let local = 0;
  let corners = 0;
  let pairs = 0;
  for (let i = 0; i < at.length; i++) {
    const degree = neighbours.rows[i + 1]! - neighbours.rows[i]!;
    if (degree < 2) continue;
    const here = (degree * (degree - 1)) / 2;
    local += at[i]! / here;
    corners += at[i]!;
    pairs += here;
  }
  return {
    local: at.length === 0 ? 0 : local / at.length,
    global: pairs === 0 ? 0 : corners / pairs,
    triangles: corners / 3,
  };
}
