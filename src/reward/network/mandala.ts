import { BitmodelError, EXIT } from '../../base/index.js';
import { type ContributionGraph, PPM } from '../graph/graph.js';

/** Most generations that are generated: 1,572,861 sources, 29,884,419 edges. */
export const MOST_GENERATIONS = 19;

/** Sources in the first generation, and what each generation multiplies them by. */
const FIRST = 3;
/** Least that a source passes on, in parts per million: with up to 20 parents each still gets some. */
const LEAST_SHARE = 1000;

/** What the closed forms say of a Mandala network (docs/model-network.md derives them). */
export interface MandalaFigures {
  readonly generations: number;
  readonly nodes: number;
  readonly edges: number;
  /** Neighbours of a source of each generation, the first generation first. */
  readonly degrees: readonly number[];
  readonly meanPath: number;
  readonly diameter: number;
  readonly triangles: number;
  /** Transitivity: three times the triangles over the pairs of edges that meet. */
  readonly clustering: number;
}

/** @throws BitmodelError `BAD_OPTION` unless it is a whole number from 1 to 19 */
export function assertGenerations(generations: number): void {
  if (Number.isInteger(generations) && generations >= 1 && generations <= MOST_GENERATIONS) return;
  throw new BitmodelError(
    'BAD_OPTION',
    `A Mandala network can't have ${generations} generations.`,
    {
      next: `Pass a whole number from 1 to ${MOST_GENERATIONS}`,
      exitCode: EXIT.usage,
    },
  );
}

/** @throws BitmodelError `BAD_OPTION` unless it is a whole number of parts per million, from 0.1 % to 100 % */
export function assertShare(sharePpm: number): void {
  if (Number.isInteger(sharePpm) && sharePpm >= LEAST_SHARE && sharePpm <= PPM) return;
  throw new BitmodelError('BAD_OPTION', `A source can't pass on ${sharePpm} parts per million.`, {
    next: 'Pass a share from 0.1% to 100%',
    exitCode: EXIT.usage,
  });
}

/**
 * The closed forms for n₁ = 3, b = λ = 2 with g generations, M = 2^g: N = 3(M − 1), E = 3((g − 1)M + 1), degree of
 * generation i 2^(g−i+1) + i − 1, ⟨l⟩ = 6(4M² − (g + 12)M + g + 10) / (N(N − 1)), which tends to 8/3, diameter 3 from
 * the second generation on, 1 + 3(g − 1)((g − 2)M/2 + 1) triangles.
 * @throws BitmodelError `BAD_OPTION` for fewer than 1 or more than 19 generations
 */
export function mandalaFigures(generations: number): MandalaFigures {
  assertGenerations(generations);
  const g = generations;
  const power = 2 ** g;
  const nodes = FIRST * (power - 1);
  const degrees = Array.from({ length: g }, (_, i) => 2 ** (g - i) + i);
  const pairs = degrees.reduce((sum, k, i) => sum + (FIRST * 2 ** i * k * (k - 1)) / 2, 0);
  const triangles = 1 + 3 * (g - 1) * (((g - 2) * power) / 2 + 1);
  return {
    generations: g,
    nodes,
    edges: FIRST * ((g - 1) * power + 1),
    degrees,
    meanPath: (6 * (4 * power * power - (g + 12) * power + g + 10)) / (nodes * (nodes - 1)),
    diameter: g === 1 ? 1 : 3,
    triangles,
    clustering: (3 * triangles) / pairs,
  };
}

/** Generations of the Mandala network whose number of sources is nearest, by ratio. */
export function nearestMandala(nodes: number): number {
  let best = 1;
  const ratio = (g: number): number => {
    const size = FIRST * (2 ** g - 1);
    return Math.max(size / nodes, nodes / size);
  };
  for (let g = 2; g <= MOST_GENERATIONS; g++) if (ratio(g) < ratio(best)) best = g;
  return best;
}

/** Writes the parents of one source of a generation: its ancestors, then at odd places both neighbours on the ring. */
function parentsOf(place: number, generation: number, into: Uint32Array, end: number): number {
  const size = FIRST * 2 ** generation;
  for (let older = 0; older < generation; older++) {
    into[end++] = FIRST * (2 ** older - 1) + (place >>> (generation - older));
  }
  const start = FIRST * (2 ** generation - 1);
  if (generation === 0) {
    for (let other = 0; other < place; other++) into[end++] = other;
  } else if (place % 2 === 1) {
    if (place === size - 1) into[end++] = start;
    into[end++] = start + place - 1;
    if (place < size - 1) into[end++] = start + place + 1;
  }
  return end;
}

/**
 * The Mandala network of Sampaio Filho, Moreira, Andrade, Herrmann and Andrade ("Mandala networks: ultra-small-world and
 * highly sparse graphs", Scientific Reports 5:9082, 2015) with n₁ = 3, b = λ = 2. Generation i is a ring of 3·2^(i−1)
 * sources; each is a child of one of the generation before and joined to all its ancestors. As a contribution graph edges
 * between generations point to the older, those of a ring from its odd places to its even ones (in the first generation
 * to the lower number), so there are no circles and the depth is 2g.
 * Ids tell generation and place on the ring (`g03-000007`); no seed, no chance.
 * @param sharePpm what each source passes on to its parents together, in equal parts (rounded down); the rest is its own
 * @throws BitmodelError `BAD_OPTION` for fewer than 1 or more than 19 generations, or a share below 0.1 % or above all
 */
export function mandala(generations: number, sharePpm: number): ContributionGraph {
  assertShare(sharePpm);
  const { nodes, edges } = mandalaFigures(generations);
  const ids = new Array<string>(nodes);
  const numberOf = new Map<string, number>();
  const rows = new Uint32Array(nodes + 1);
  const parents = new Uint32Array(edges);
  let end = 0;
  for (let generation = 0, i = 0; generation < generations; generation++) {
    const name = `g${String(generation + 1).padStart(2, '0')}`;
    for (let place = 0; place < FIRST * 2 ** generation; place++, i++) {
      const id = `${name}-${String(place).padStart(6, '0')}`;
      ids[i] = id;
      numberOf.set(id, i);
      end = parentsOf(place, generation, parents, end);
      rows[i + 1] = end;
    }
  }
  const nobody = new Array<string | undefined>(nodes).fill(undefined);
  const { weights, own } = equalWeights(rows, sharePpm);
  return {
    ids,
    numberOf,
    rows,
    parents,
    weights,
    own,
    owners: nobody,
    kinds: nobody,
    names: nobody,
  };
}

/** The same share of each source, divided equally among its parents, rounded down; the rest is its own. */
function equalWeights(
  rows: Uint32Array,
  sharePpm: number,
): Pick<ContributionGraph, 'weights' | 'own'> {
  const count = rows.length - 1;
  const weights = new Uint32Array(rows[count]!);
  const own = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const degree = rows[i + 1]! - rows[i]!;
    const each = degree === 0 ? 0 : Math.floor(sharePpm / degree);
    weights.fill(each, rows[i]!, rows[i + 1]!);
    own[i] = PPM - each * degree;
  }
  return { weights, own };
}
