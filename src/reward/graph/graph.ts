import { BitmodelError, EXIT } from '../../base/index.js';

/** One whole in parts per million, the unit of every weight (DESIGN 9). */
export const PPM = 1_000_000;

/**
 * How a source's claim to stand on a parent stands: `confirmed` by whoever holds the parent's pin, `disputed` by them, or
 * neither (DESIGN 9).
 */
export const STANDINGS = ['confirmed', 'unconfirmed', 'disputed'] as const;
/** One of {@link STANDINGS}. */
export type Standing = (typeof STANDINGS)[number];

/** A source that this one directly used, and the part of its flow that goes there. */
export interface ParentShare {
  readonly id: string;
  /** Parts per million, 0 to 1,000,000; 0 declares a use that is not paid for. */
  readonly ppm: number;
  /** What is known of the claim; it changes no payout. */
  readonly standing?: Standing | undefined;
}

/** What a source (a model, data set, paper, developer …) declares about itself. */
export interface SourceDeclaration {
  /** Up to 256 characters, no control characters or line breaks. */
  readonly id: string;
  /** Who is paid for it; any text, usually an address. */
  readonly owner?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
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
  /** For each entry of `parents` its place in {@link STANDINGS} from 1, or 0 where none is stated; absent where none is. */
  readonly standings?: Uint8Array;
}

/** What is known of the claim that an edge is, by its place in `parents`. */
export function standingOf(graph: ContributionGraph, edge: number): Standing | undefined {
  return STANDINGS[(graph.standings?.[edge] ?? 0) - 1];
}

const MAXIMUM_TEXT = 256;
/**
 * Control characters, line and paragraph separators, halves of surrogate pairs: what a table or a log would garble. Byte
 * order marks and U+FFFE and U+FFFF: what readers of texts drop, and XML can't hold.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufeff\ufffe\uffff]/u;

/**
 * What can't be seen: format characters (zero-width ones, what turns the direction of text) and fillers. With them a name looks just
 * like another one (Unicode TR 36, 2.11 and 3).
 */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/** Whether a text holds something that can't be seen. */
export function hasInvisible(text: string): boolean {
  return text.search(INVISIBLE) >= 0;
}

/** A name as it is shown, wherever it comes from: what can't be seen in it is written as `\u{200b}`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (each) => `\\u{${each.codePointAt(0)!.toString(16)}}`);
}

/** The error for anything wrong with a graph: usage, with what to do about it. */
export function graphError(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_GRAPH', message, { next, exitCode: EXIT.usage });
}

/** A text as it may stand in a message: quoted, escaped, of more than 64 characters (an id) the first 60. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 60)}…` : text);
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
