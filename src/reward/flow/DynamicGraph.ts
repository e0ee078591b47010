import {
  assertLabel,
  type ContributionGraph,
  graphError,
  type ParentShare,
  PPM,
  quoted,
} from '../graph/graph.js';

/** A source's parents in the order of their ids, those of weight 0 left out. */
export interface DynamicRow {
  readonly parents: Uint32Array;
  /** Parts per million. */
  readonly weights: Uint32Array;
  /** What is left for the source itself, in parts per million. */
  readonly own: number;
}

const EMPTY: DynamicRow = { parents: new Uint32Array(0), weights: new Uint32Array(0), own: PPM };

/**
 * A contribution graph whose sources and weights change. Numbers of sources stay; new ones are numbered behind, so
 * numbers are not in the order of ids here.
 */
export class DynamicGraph {
  readonly #base: ContributionGraph;
  readonly #rows = new Map<number, DynamicRow>();
  readonly #ids: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #gone = new Set<number>();
  /** How many other sources name each as a paid parent. */
  #users: Uint32Array;

  constructor(base: ContributionGraph) {
    this.#base = base;
    this.#users = new Uint32Array(base.ids.length);
    for (let i = 0; i < base.ids.length; i++) {
      for (let e = base.rows[i]!; e < base.rows[i + 1]!; e++) {
        if (base.parents[e] !== i) this.#users[base.parents[e]!]!++;
      }
    }
  }

  /** Numbers given so far, those of removed sources among them. */
  get size(): number {
    return this.#base.ids.length + this.#ids.length;
  }

  idOf(source: number): string {
    return this.#base.ids[source] ?? this.#ids[source - this.#base.ids.length]!;
  }

  /** The number of a source that is there, or undefined. */
  numberOf(id: string): number | undefined {
    const number = this.#base.numberOf.get(id) ?? this.#numbers.get(id);
    return number === undefined || this.#gone.has(number) ? undefined : number;
  }

  rowOf(source: number): DynamicRow {
    const changed = this.#rows.get(source);
    if (changed) return changed;
    const { rows, parents, weights, own } = this.#base;
    if (source + 1 >= rows.length) return EMPTY;
    const [begin, end] = [rows[source]!, rows[source + 1]!];
    return {
      parents: parents.subarray(begin, end),
      weights: weights.subarray(begin, end),
      own: own[source]!,
    };
  }

  setRow(source: number, row: DynamicRow): void {
    for (const parent of this.rowOf(source).parents) if (parent !== source) this.#users[parent]!--;
    for (const parent of row.parents) if (parent !== source) this.#users[parent]!++;
    this.#rows.set(source, row);
  }

  /** Gives a source a number, with no parents; one that was removed gets its old one. */
  add(id: string): number {
    assertLabel(id, 'A source id');
    const old = this.#base.numberOf.get(id) ?? this.#numbers.get(id);
    if (old !== undefined) {
      this.#gone.delete(old);
      return old;
    }
    const number = this.size;
    this.#ids.push(id);
    this.#numbers.set(id, number);
    if (number >= this.#users.length) {
      const users = new Uint32Array(2 * number + 8);
      users.set(this.#users);
      this.#users = users;
    }
    return number;
  }

  /** Takes a source out that no other uses. */
  remove(source: number): void {
    this.setRow(source, EMPTY);
    this.#gone.add(source);
  }

  usersOf(source: number): number {
    return this.#users[source]!;
  }

  isThere(source: number): boolean {
    return !this.#gone.has(source);
  }

  /**
   * A row of declared parents, checked.
   * @throws BitmodelError `BAD_GRAPH` as for a graph that is read
   */
  rowFrom(id: string, parents: readonly ParentShare[]): DynamicRow {
    let sum = 0;
    const known = new Set<number>();
    const edges = parents.map(({ id: parent, ppm }) => {
      const number = this.numberOf(parent);
      if (number === undefined) {
        throw graphError(
          `${quoted(id)} names a parent ${quoted(String(parent))} that is not in the graph.`,
          'Add the parent first, with an empty list of parents if it stands on nothing',
        );
      }
      if (!Number.isInteger(ppm) || ppm < 0 || ppm > PPM) {
        throw graphError(
          `The weight that ${quoted(id)} gives ${quoted(parent)} is not a whole number of parts per million from 0 to ${PPM}.`,
          'Write 15 % as 150000',
        );
      }
      if (known.has(number)) {
        throw graphError(
          `${quoted(id)} names the parent ${quoted(parent)} twice.`,
          'Join the two weights into one',
        );
      }
      known.add(number);
      sum += ppm;
      return { parent, number, ppm };
    });
    if (sum > PPM) {
      throw graphError(
        `${quoted(id)} gives away ${sum} parts per million, more than the whole.`,
        `Lower its parents' weights to at most ${PPM} together`,
      );
    }
    const paid = edges.filter(({ ppm }) => ppm > 0);
    paid.sort((a, b) => (a.parent < b.parent ? -1 : 1));
    return {
      parents: Uint32Array.from(paid, ({ number }) => number),
      weights: Uint32Array.from(paid, ({ ppm }) => ppm),
      own: PPM - sum,
    };
  }
}
