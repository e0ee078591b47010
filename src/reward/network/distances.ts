import type { Neighbours } from './neighbours.js';
import { Random } from './Random.js';

/** Lengths of shortest paths, in edges. */
export interface PathLengths {
  /** Mean over the pairs that a path joins, or the estimate of it; undefined where no pair is joined. */
  readonly mean: number | undefined;
  /** Standard error of an estimated mean; undefined for an exact one. */
  readonly standardError: number | undefined;
  /** Longest of the shortest paths; where not exact, the longest that was seen, so a lower bound. */
  readonly diameter: number;
  readonly exact: boolean;
  /** Sources from which the searches began. */
  readonly searches: number;
}

/** Sources searched from at a time, one bit of a word each. */
const BATCH = 32;
/** Most steps (sources × (sources + edges)) that an exact answer may take: some seconds. */
export const EXACT_WORK = 2_000_000_000;

/** Room for searches through one network, used again from batch to batch. */
class BreadthFirst {
  readonly #neighbours: Neighbours;
  readonly #seen: Uint32Array;
  readonly #here: Uint32Array;
  readonly #next: Uint32Array;
  #active: Uint32Array;
  #reached: Uint32Array;

  constructor(neighbours: Neighbours) {
    const count = neighbours.rows.length - 1;
    this.#neighbours = neighbours;
    this.#seen = new Uint32Array(count);
    this.#here = new Uint32Array(count);
    this.#next = new Uint32Array(count);
    this.#active = new Uint32Array(count);
    this.#reached = new Uint32Array(count);
  }

  /**
   * Searches from up to 32 sources at once (Then et al., "The more the merrier", VLDB 2014): the sources that have been
   * at a node are the bits of one word.
   * @param sums receives the sum of distances from each source
   * @param counts receives how many others each source reaches
   * @returns the longest distance seen, and a node that lies so far away
   */
  search(sources: Uint32Array, sums: Float64Array, counts: Float64Array): [number, number] {
    const { rows, targets } = this.#neighbours;
    const seen = this.#seen.fill(0);
    const here = this.#here;
    const next = this.#next;
    let active = this.#active;
    let reached = this.#reached;
    let actives = sources.length;
    sources.forEach((source, bit) => {
      seen[source]! |= 1 << bit;
      here[source] = 1 << bit;
      active[bit] = source;
    });
    let far = sources[0]!;
    let depth = 0;
    for (;;) {
      let reaches = 0;
      for (let i = 0; i < actives; i++) {
        const node = active[i]!;
        const bits = here[node]!;
        here[node] = 0;
        for (let e = rows[node]!; e < rows[node + 1]!; e++) {
          const target = targets[e]!;
          const fresh = bits & ~seen[target]!;
          if (fresh === 0) continue;
          if (next[target] === 0) reached[reaches++] = target;
          next[target]! |= fresh;
        }
      }
      if (reaches === 0) break;
      depth++;
      far = reached[0]!;
      for (let i = 0; i < reaches; i++) {
        const node = reached[i]!;
        let bits = next[node]!;
        next[node] = 0;
        here[node] = bits;
        seen[node]! |= bits;
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits);
          bits &= ~(1 << bit);
          sums[bit]! += depth;
          counts[bit]!++;
        }
      }
      [active, reached] = [reached, active];
      actives = reaches;
    }
    this.#active = active;
    this.#reached = reached;
    return [depth, far];
  }
}

/** So many of the sources, drawn without putting back (Floyd's algorithm), ascending. */
function drawn(sources: Uint32Array, wanted: number, random: Random): Uint32Array {
  const places = new Set<number>();
  for (let last = sources.length - wanted; last < sources.length; last++) {
    const place = random.below(last + 1);
    places.add(places.has(place) ? last : place);
  }
  return Uint32Array.from(places, (place) => sources[place]!).sort();
}

/** Standard error of Σ sums / Σ counts as a ratio of means of a sample without putting back. */
function ratioError(
  sums: readonly number[],
  counts: readonly number[],
  population: number,
): number {
  const n = sums.length;
  const total = counts.reduce((a, b) => a + b, 0);
  const ratio = sums.reduce((a, b) => a + b, 0) / total;
  const squares = sums.reduce((sum, value, i) => sum + (value - ratio * counts[i]!) ** 2, 0);
  return Math.sqrt((squares / (n - 1)) * n * (1 - n / population)) / total || 0;
}

/**
 * Mean length of the shortest paths and the longest of them, from each of the sources along `neighbours`: exact where
 * sources × (nodes + edges) is at most 2·10⁹, else by searching from a sample of the sources that the seed draws.
 * @param samples sources searched from where it is not exact, at least 2
 * @param symmetric whether paths run both ways; then the diameter's lower bound is raised by searching once more from a
 * farthest node
 */
export function distances(
  neighbours: Neighbours,
  sources: Uint32Array,
  samples: number,
  seed: string,
  symmetric: boolean,
): PathLengths {
  const nodes = neighbours.rows.length - 1;
  const exact =
    sources.length * (nodes + neighbours.targets.length) <= EXACT_WORK || samples >= sources.length;
  const from = exact ? sources : drawn(sources, samples, new Random(`distances ${seed}`));
  const search = new BreadthFirst(neighbours);
  const sums: number[] = [];
  const counts: number[] = [];
  let diameter = 0;
  let far = 0;
  for (let at = 0; at < from.length; at += BATCH) {
    const batch = from.subarray(at, at + BATCH);
    const batchSums = new Float64Array(batch.length);
    const batchCounts = new Float64Array(batch.length);
    const [depth, node] = search.search(batch, batchSums, batchCounts);
    if (depth > diameter) [diameter, far] = [depth, node];
    sums.push(...batchSums);
    counts.push(...batchCounts);
  }
  if (!exact && symmetric && diameter > 0) {
    const one = Uint32Array.of(far);
    diameter = Math.max(diameter, search.search(one, new Float64Array(1), new Float64Array(1))[0]);
  }
  const pairs = counts.reduce((a, b) => a + b, 0);
  return {
    mean: pairs === 0 ? undefined : sums.reduce((a, b) => a + b, 0) / pairs,
    standardError: exact || pairs === 0 ? undefined : ratioError(sums, counts, sources.length),
    diameter,
    exact,
    searches: from.length,
  };
}
