import { type ContributionGraph, PPM } from '../graph/graph.js';
import { assertShare, mandala } from '../network/mandala.js';
import { Random } from '../network/Random.js';
import { assertWhole, settingError } from './options.js';

/** Most sources that are grown. */
export const MOST_SOURCES = 2_000_000;
/** Most edges that are grown. */
export const MOST_EDGES = 20_000_000;
const MOST_PARENTS = 1000;

/** How a model network comes about. */
export type Growth =
  | {
      readonly model: 'preferential';
      readonly sources: number;
      /** Sources that each new one stands on; the first ones stand on all there are. */
      readonly parents: number;
    }
  | { readonly model: 'mandala'; readonly generations: number };

/** A network, and its sources by age. */
export interface World {
  readonly graph: ContributionGraph;
  /** Numbers of the sources, the oldest first. */
  readonly byAge: Uint32Array;
}

/** Draws the parents of one source after the other from an urn, in which each source lies once and once for each use. */
class Urn {
  readonly #balls: Uint32Array;
  readonly #taken: Uint32Array;
  readonly #random: Random;
  #count = 0;

  constructor(sources: number, edges: number, random: Random) {
    this.#balls = new Uint32Array(sources + edges);
    this.#taken = new Uint32Array(sources);
    this.#random = random;
  }

  /** The parents of source `child`, ascending; all sources before it where there are no more than wanted. */
  parents(child: number, wanted: number): Uint32Array {
    const drawn = new Uint32Array(Math.min(child, wanted));
    for (let i = 0; i < drawn.length; ) {
      const ball = child <= wanted ? i : this.#balls[this.#random.below(this.#count)]!;
      if (this.#taken[ball] === child) continue;
      this.#taken[ball] = child;
      drawn[i++] = ball;
    }
    return drawn.sort();
  }

  add(source: number): void {
    this.#balls[this.#count++] = source;
  }
}

/**
 * Grows a network as Price has it ("A general theory of bibliometric and other cumulative advantage processes", 1976):
 * each new source stands on `parents` different older ones, drawn with a chance in proportion to 1 + their uses so far.
 * The in-degrees tend to a power law of exponent 2 + 1 / parents; with many parents slowly, since none is drawn twice.
 * Sources are numbered by age.
 */
function growPreferential(
  sources: number,
  parents: number,
  sharePpm: number,
  seed: string,
): ContributionGraph {
  assertWhole(sources, 1, MOST_SOURCES, 'The number of sources');
  assertWhole(parents, 1, MOST_PARENTS, 'The number of parents of each source');
  assertShare(sharePpm);
  if (sources * parents > MOST_EDGES) {
    throw settingError(
      `${sources} sources with ${parents} parents each have more than ${MOST_EDGES} edges.`,
      'Grow fewer sources, or give them fewer parents',
    );
  }
  const edges = Array.from({ length: Math.min(sources, parents) }, (_, i) => i).reduce(
    (sum, i) => sum + i,
    Math.max(0, sources - parents) * parents,
  );
  const urn = new Urn(sources, edges, new Random(`growth ${seed}`));
  const rows = new Uint32Array(sources + 1);
  const targets = new Uint32Array(edges);
  const weights = new Uint32Array(edges);
  const own = new Uint32Array(sources);
  const ids = new Array<string>(sources);
  const numberOf = new Map<string, number>();
  let end = 0;
  for (let i = 0; i < sources; i++) {
    const drawn = urn.parents(i, parents);
    targets.set(drawn, end);
    const each = drawn.length === 0 ? 0 : Math.floor(sharePpm / drawn.length);
    weights.fill(each, end, end + drawn.length);
    own[i] = PPM - each * drawn.length;
    end += drawn.length;
    rows[i + 1] = end;
    for (const parent of drawn) urn.add(parent);
    urn.add(i);
    ids[i] = `s${String(i).padStart(7, '0')}`;
    numberOf.set(ids[i]!, i);
  }
  const none = new Array<string | undefined>(sources).fill(undefined);
  return {
    ids,
    numberOf,
    rows,
    parents: targets,
    weights,
    own,
    owners: none,
    kinds: none,
    names: none,
  };
}

/**
 * Grows a model network. The same settings and seed give the same network on any machine.
 * @param sharePpm what each source passes on to its parents together, in equal parts, in parts per million
 * @throws BitmodelError `BAD_OPTION` for what is out of bounds
 */
export function grow(growth: Growth, sharePpm: number, seed: string): World {
  const graph =
    growth.model === 'mandala'
      ? mandala(growth.generations, sharePpm)
      : growPreferential(growth.sources, growth.parents, sharePpm, seed);
  return { graph, byAge: Uint32Array.from(graph.ids.keys()) };
}
