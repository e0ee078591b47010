import type { ContributionGraph } from '../graph/graph.js';
import { Random } from '../network/Random.js';
import { assertWhole, settingError } from './options.js';
import { Wheel, zipfWeights } from './Wheel.js';

/** Who owns what, and what it is, where a network does not say. */
export interface LabelSettings {
  /** Owners among whom sources without one are divided; none are given where undefined. */
  readonly owners?: number | undefined;
  /** Whether all owners hold about as much, or the r-th in proportion to 1 / r. */
  readonly ownership: 'uniform' | 'zipf';
  /** Parts by kind, such as [['model', 60], ['dataset', 40]]; none are given where undefined. */
  readonly kinds?: readonly (readonly [kind: string, part: number])[] | undefined;
}

const MOST_OWNERS = 2_000_000;
const MOST_KINDS = 64;
const MOST_PART = 1_000_000;

function drawKinds(
  graph: ContributionGraph,
  parts: readonly (readonly [string, number])[],
  seed: string,
): (string | undefined)[] {
  if (parts.length === 0 || parts.length > MOST_KINDS) {
    throw settingError(`There can't be ${parts.length} kinds.`, `Name 1 to ${MOST_KINDS} kinds`);
  }
  for (const [kind, part] of parts) assertWhole(part, 0, MOST_PART, `The part of ${kind}`);
  if (parts.every(([, part]) => part === 0)) {
    throw settingError('The parts of all kinds are 0.', 'Give one of them a part of 1 or more');
  }
  const random = new Random(`kinds ${seed}`);
  const wheel = new Wheel(parts.map(([, part]) => part));
  return graph.kinds.map((kind) => kind ?? parts[wheel.turn(random)]![0]);
}

function drawOwners(
  graph: ContributionGraph,
  owners: number,
  ownership: 'uniform' | 'zipf',
  seed: string,
): (string | undefined)[] {
  assertWhole(owners, 1, MOST_OWNERS, 'The number of owners');
  const random = new Random(`owners ${seed}`);
  const wheel = ownership === 'zipf' ? new Wheel(zipfWeights(owners)) : undefined;
  const digits = String(owners).length;
  return graph.owners.map(
    (owner) =>
      owner ??
      `owner-${String(1 + (wheel ? wheel.turn(random) : random.below(owners))).padStart(digits, '0')}`,
  );
}

/**
 * The same graph with owners and kinds drawn for sources that have none.
 * @throws BitmodelError `BAD_OPTION` for numbers out of bounds
 */
export function labelled(
  graph: ContributionGraph,
  { owners, ownership, kinds }: LabelSettings,
  seed: string,
): ContributionGraph {
  return {
    ...graph,
    owners: owners === undefined ? graph.owners : drawOwners(graph, owners, ownership, seed),
    kinds: kinds === undefined ? graph.kinds : drawKinds(graph, kinds, seed),
  };
}
