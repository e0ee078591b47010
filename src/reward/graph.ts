import { BitmodelError, EXIT } from '../base/index.js';

/** One whole in parts per million, the unit of every weight (DESIGN 9). */
export const PPM = 1_000_000;

/** A source that this one directly used, and the part of its flow that goes there. */
export interface ParentShare {
  readonly id: string;
  /** Parts per million, 0 to 1,000,000; 0 declares a use that is not paid for. */
  readonly ppm: number;
}

/** What a source (a model, data set, paper, developer …) declares about itself. */
export interface SourceDeclaration {
  /** Up to 256 characters, no control characters or line breaks. */
  readonly id: string;
  /** Who is paid for it; any text, usually an address. */
  readonly owner?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly parents: readonly ParentShare[];
}

/**
 * A contribution graph in compressed sparse rows. Sources are numbered in the order of their ids (by UTF-16 code
 * unit), so that "ties by id" and "the last parent by id" are comparisons of numbers, and the order in which the
 * sources came does not matter.
 */
export interface ContributionGraph {
  /** Ids in ascending order; a source's number is its place here. */
  readonly ids: readonly string[];
  /** Number of each id. */
  readonly numberOf: ReadonlyMap<string, number>;
  /** `rows[i]` to `rows[i + 1]`: where source i's parents stand in `parents` and `weights`. Length n + 1. */
  readonly rows: Uint32Array;
  /** Numbers of the parents, ascending within a row. Parents of weight 0 are left out: no money flows to them. */
  readonly parents: Uint32Array;
  /** Parts per million, at least 1. */
  readonly weights: Uint32Array;
  /** What is left of each source's flow for itself, in parts per million. */
  readonly own: Uint32Array;
  readonly owners: readonly (string | undefined)[];
  readonly kinds: readonly (string | undefined)[];
  readonly names: readonly (string | undefined)[];
}

const MAXIMUM_TEXT = 256;
/** Control characters, line and paragraph separators, halves of surrogate pairs: what a table or a log would garble. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** The error for anything wrong with a graph: usage, with what to do about it. */
export function graphError(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_GRAPH', message, { next, exitCode: EXIT.usage });
}

/** A text as it may stand in a message: quoted, escaped, cut at 60 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** @throws BitmodelError `BAD_GRAPH` unless the text is 1 to 256 printable characters */
export function assertLabel(text: unknown, what: string): asserts text is string {
  if (typeof text !== 'string' || text.length === 0 || text.length > MAXIMUM_TEXT) {
    throw graphError(
      `${what} must be a text of 1 to ${MAXIMUM_TEXT} characters.`,
      `Give it such a text`,
    );
  }
  if (UNPRINTABLE.test(text)) {
    throw graphError(
      `${what} ${quoted(text)} holds a line break or another character that can't be printed.`,
      'Take it out',
    );
  }
}

/** The numbers of all sources, once each is known to be well-formed and there once. */
function numberSources(sources: readonly SourceDeclaration[]): Map<string, number> {
  const numberOf = new Map<string, number>();
  for (const { id } of sources) {
    assertLabel(id, 'A source id');
    if (numberOf.has(id)) {
      throw graphError(
        `The source ${quoted(id)} is declared twice.`,
        'Join its declarations into one',
      );
    }
    numberOf.set(id, 0);
  }
  const ids = [...numberOf.keys()].sort((a, b) => (a < b ? -1 : 1));
  // filled again in ascending order, so that the map's keys are the ids in order
  numberOf.clear();
  for (let i = 0; i < ids.length; i++) numberOf.set(ids[i]!, i);
  return numberOf;
}

function assertWeight(ppm: unknown, child: string, parent: string): void {
  if (typeof ppm !== 'number' || !Number.isInteger(ppm) || ppm < 0 || ppm > PPM) {
    throw graphError(
      `The weight that ${quoted(child)} gives ${quoted(parent)} is not a whole number of parts per million from 0 to ${PPM}.`,
      'Write 15 % as 150000',
    );
  }
}

interface Row {
  readonly parents: readonly number[];
  readonly weights: readonly number[];
  readonly own: number;
}

/** One source's parents, checked and in the order of their ids. */
function readRow(source: SourceDeclaration, numberOf: ReadonlyMap<string, number>): Row {
  let sum = 0;
  const edges = source.parents.map(({ id, ppm }) => {
    const number = numberOf.get(id);
    if (number === undefined) {
      throw graphError(
        `${quoted(source.id)} names a parent ${quoted(String(id))} that is not in the graph.`,
        'Add the parent as a source, with an empty list of parents if it stands on nothing',
      );
    }
    assertWeight(ppm, source.id, id);
    sum += ppm;
    return { number, ppm };
  });
  if (sum > PPM) {
    throw graphError(
      `${quoted(source.id)} gives away ${sum} parts per million, more than the whole.`,
      `Lower its parents' weights to at most ${PPM} together`,
    );
  }
  edges.sort((a, b) => a.number - b.number);
  const twice = edges.findIndex((edge, i) => i > 0 && edges[i - 1]!.number === edge.number);
  if (twice >= 0) {
    const parent = [...source.parents].find((p) => numberOf.get(p.id) === edges[twice]!.number)!;
    throw graphError(
      `${quoted(source.id)} names the parent ${quoted(parent.id)} twice.`,
      'Join the two weights into one',
    );
  }
  const paid = edges.filter((edge) => edge.ppm > 0);
  return {
    parents: paid.map((edge) => edge.number),
    weights: paid.map((edge) => edge.ppm),
    own: PPM - sum,
  };
}

/**
 * The graph of these declarations, checked. Scales to millions of sources.
 * @throws BitmodelError `BAD_GRAPH` (exit 2): an id twice or unprintable, a parent unknown or named twice, a weight
 * that is no whole number from 0 to 1,000,000, weights that sum to more than 1,000,000
 */
export function buildGraph(sources: readonly SourceDeclaration[]): ContributionGraph {
  const numberOf = numberSources(sources);
  const ids = [...numberOf.keys()];
  const count = ids.length;
  const edges = sources.reduce((sum, source) => sum + source.parents.length, 0);
  const declared = new Array<SourceDeclaration>(count);
  for (const source of sources) declared[numberOf.get(source.id)!] = source;

  const rows = new Uint32Array(count + 1);
  const parents = new Uint32Array(edges);
  const weights = new Uint32Array(edges);
  const own = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const row = readRow(declared[i]!, numberOf);
    parents.set(row.parents, end);
    weights.set(row.weights, end);
    own[i] = row.own;
    end += row.parents.length;
    rows[i + 1] = end;
  }
  return {
    ids,
    numberOf,
    rows,
    parents: parents.subarray(0, end),
    weights: weights.subarray(0, end),
    own,
    owners: declared.map((source) => source.owner),
    kinds: declared.map((source) => source.kind),
    names: declared.map((source) => source.name),
  };
}

/** Sources that no other source pays: where the money of jobs usually enters. */
export function unusedSources(graph: ContributionGraph): number[] {
  const used = new Uint8Array(graph.ids.length);
  for (let i = 0; i < graph.ids.length; i++) {
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      if (graph.parents[e] !== i) used[graph.parents[e]!] = 1;
    }
  }
  const unused: number[] = [];
  for (let i = 0; i < used.length; i++) if (!used[i]) unused.push(i);
  return unused;
}
