import { assertLabel, type ContributionGraph, graphError, PPM, quoted, visible } from './graph.js';
import { Uint32List } from './Uint32List.js';

/** What is said of a source beside its parents. */
export interface SourceLabels {
  readonly owner?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

/** How a graph is built. */
export interface GraphBuilderOptions {
  /** Whether a parent that is never declared is a source of its own, as in a list of edges; refused unless set. */
  readonly undeclared?: boolean;
  /** Parts per million that each source passes its parents together, in equal parts, in place of the weights of edges. */
  readonly sharePpm?: number | undefined;
  /** What the places of edges count, such as `line`, for errors; without it they are not kept. */
  readonly place?: string;
}

/** Rows of edges in the order of child and parent, parents of weight 0 among them. */
interface SortedEdges {
  readonly rows: Uint32Array;
  /** Edges by the order in which they came. */
  readonly edges: Uint32Array;
}

/** What a map of the run time may hold. */
const MAXIMUM_SOURCES = 2 ** 24 - 1;
/** The place of a source that was only named so far. */
const UNDECLARED = 0;

/** A copy of a text that does not keep the larger text alive that it was cut from. */
function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

/** The order of a list by a key, stable: a counting sort. @param order what is sorted; all, if absent */
function countingSort(
  keyOf: (edge: number) => number,
  keys: number,
  edges: number,
  order?: Uint32Array,
): SortedEdges {
  const rows = new Uint32Array(keys + 1);
  for (let e = 0; e < edges; e++) rows[keyOf(e) + 1]!++;
  for (let k = 0; k < keys; k++) rows[k + 1]! += rows[k]!;
  const next = rows.slice(0, keys);
  const sorted = new Uint32Array(edges);
  for (let i = 0; i < edges; i++) {
    const edge = order ? order[i]! : i;
    const key = keyOf(edge);
    sorted[next[key]!++] = edge;
  }
  return { rows, edges: sorted };
}

/**
 * Builds a {@link ContributionGraph} from a stream of sources and edges that come in any order. It keeps them in typed
 * arrays, 12 bytes an edge, so that a million sources and ten million edges stay well below a gigabyte.
 */
export class GraphBuilder {
  readonly #undeclared: boolean;
  readonly #placeName: string | undefined;
  readonly #share: number | undefined;
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];
  /** Where each source was declared, from 1; without places 1. */
  readonly #declared: number[] = [];
  /** What a source gives away so far, in parts per million. */
  readonly #given: number[] = [];
  readonly #owners: (string | undefined)[] = [];
  readonly #kinds: (string | undefined)[] = [];
  readonly #names: (string | undefined)[] = [];
  readonly #texts = new Map<string, string>();
  readonly #children = new Uint32List();
  readonly #parents = new Uint32List();
  /** Parts per million, and above them the standing. */
  readonly #weights = new Uint32List();
  readonly #places = new Uint32List();
  #hasStandings = false;
  /** Of the source that was declared, or that an edge was of, last. */
  #lastId: string | undefined;
  #lastNumber = 0;

  constructor(options: GraphBuilderOptions = {}) {
    this.#undeclared = options.undeclared === true;
    this.#placeName = options.place;
    this.#share = options.sharePpm;
  }

  /** Sources named so far. */
  get count(): number {
    return this.#ids.length;
  }

  /** Edges so far. */
  get edges(): number {
    return this.#children.length;
  }

  /** The id of a source by the number that this builder gave it. */
  idOf(number: number): string {
    return this.#ids[number]!;
  }

  /**
   * The number of a source in this builder, whether it was declared yet or not; in the graph it has another one.
   * @param what names it in the error
   * @throws BitmodelError `BAD_GRAPH` for an id that is no label
   */
  number(id: string, what = 'A source id'): number {
    return this.find(id) ?? this.#add(id, what);
  }

  /** As {@link number}, of a source that was named before; undefined for another. */
  find(id: string): number | undefined {
    // edges mostly come with those of the same source
    if (id === this.#lastId) return this.#lastNumber;
    return this.#numbers.get(id);
  }

  #add(id: string, what: string): number {
    assertLabel(id, what);
    const number = this.#ids.length;
    if (number >= MAXIMUM_SOURCES) {
      throw graphError(
        `The graph has more than ${MAXIMUM_SOURCES} sources.`,
        'Leave out those that are not connected to what is paid',
      );
    }
    const copy = ownCopy(id);
    this.#numbers.set(copy, number);
    this.#ids.push(copy);
    this.#declared.push(UNDECLARED);
    this.#given.push(0);
    this.#owners.push(undefined);
    this.#kinds.push(undefined);
    this.#names.push(undefined);
    return number;
  }

  /**
   * Declares a source.
   * @param place from 1, for errors
   * @returns its number in this builder
   * @throws BitmodelError `BAD_GRAPH` when it was declared before, or for a text that is no label
   */
  declare(id: string, labels: SourceLabels = {}, place = 1): number {
    const number = this.number(id);
    if (this.#declared[number] !== UNDECLARED) {
      const places = this.#atPlaces(this.#declared[number]!, place);
      throw graphError(
        `The source ${quoted(id)} is declared twice${places}.`,
        'Join its declarations into one',
      );
    }
    this.#declared[number] = place;
    this.label(number, labels, place);
    return number;
  }

  /**
   * Says what is known of a source, at once or bit by bit.
   * @param number by {@link number}
   * @throws BitmodelError `BAD_GRAPH` when it was said otherwise before, or for a text that is no label
   */
  label(number: number, { owner, kind, name }: SourceLabels, place = 1): void {
    if (owner !== undefined) this.#say(this.#owners, number, owner, 'owner', place);
    if (kind !== undefined) this.#say(this.#kinds, number, kind, 'kind', place);
    if (name !== undefined) this.#say(this.#names, number, visible(name), 'name', place);
  }

  #say(
    texts: (string | undefined)[],
    number: number,
    text: string,
    what: string,
    place: number,
  ): void {
    const before = texts[number];
    if (before === text) return;
    const id = quoted(this.#ids[number]!);
    if (before !== undefined) {
      throw graphError(
        `The ${what} of ${id} is ${quoted(before)}, and then ${quoted(text)}${this.#atPlace(place)}.`,
        'Leave one of them',
      );
    }
    let copy = this.#texts.get(text);
    if (copy === undefined) {
      assertLabel(text, `The ${what} of ${id}`);
      copy = ownCopy(text);
      this.#texts.set(copy, copy);
    }
    texts[number] = copy;
  }

  /**
   * Adds an edge: `child` used `parent`, and passes it so much.
   * @param child by {@link number}
   * @param parent by {@link number}
   * @param ppm whole, from 0 to 1,000,000
   * @param standing 0 where none is stated, else the place in `STANDINGS`, from 1
   * @param place from 1, for errors
   * @throws BitmodelError `BAD_GRAPH` when the child then gives away more than the whole
   */
  edge(child: number, parent: number, ppm: number, standing = 0, place = 0): void {
    this.#lastNumber = child;
    this.#lastId = this.#ids[child];
    const given = this.#given[child]! + ppm;
    if (given > PPM) {
      throw graphError(
        `${quoted(this.#ids[child]!)} gives away ${given} parts per million, more than the whole${this.#atPlace(place)}.`,
        `Lower its parents' weights to at most ${PPM} together`,
      );
    }
    this.#given[child] = given;
    this.#children.push(child);
    this.#parents.push(parent);
    this.#weights.push(ppm + standing * 2 ** 24);
    if (standing !== 0) this.#hasStandings = true;
    if (this.#placeName !== undefined) this.#places.push(place);
  }

  #atPlace(place: number): string {
    return this.#placeName === undefined ? '' : `, in ${this.#placeName} ${place}`;
  }

  #atPlaces(first: number, second: number): string {
    return this.#placeName === undefined ? '' : `, in ${this.#placeName}s ${first} and ${second}`;
  }

  #assertDeclared(): void {
    if (this.#undeclared) return;
    const stranger = this.#declared.indexOf(UNDECLARED);
    if (stranger < 0) return;
    for (let e = 0; e < this.#parents.length; e++) {
      if (this.#parents.at(e) !== stranger) continue;
      const child = quoted(this.#ids[this.#children.at(e)]!);
      throw graphError(
        `${child} names a parent ${quoted(this.#ids[stranger]!)} that is not in the graph.`,
        'Add the parent as a source, with an empty list of parents if it stands on nothing',
      );
    }
  }

  /** The edges in the order of child and parent. @param rank the final number of each source */
  #sort(rank: Uint32Array): SortedEdges {
    const count = this.#ids.length;
    const { length } = this.#children;
    const byParent = countingSort((e) => rank[this.#parents.at(e)]!, count, length);
    return countingSort((e) => rank[this.#children.at(e)]!, count, length, byParent.edges);
  }

  /** What each of a source's parents gets where they share equally. */
  #equalPart(number: number, parents: number): number | undefined {
    if (this.#share === undefined || parents === 0) return undefined;
    const part = Math.floor(this.#share / parents);
    this.#given[number] = part * parents;
    return part;
  }

  #namedTwice(first: number, second: number): Error {
    const child = this.#ids[this.#children.at(first)]!;
    const parent = this.#ids[this.#parents.at(first)]!;
    const places =
      this.#placeName === undefined
        ? ''
        : this.#atPlaces(this.#places.at(first), this.#places.at(second));
    return graphError(
      `${quoted(child)} names the parent ${quoted(parent)} twice${places}.`,
      'Join the two weights into one',
    );
  }

  /**
   * The graph of all that came.
   * @throws BitmodelError `BAD_GRAPH`: a parent that is not in the graph, or is named twice by one source
   */
  build(): ContributionGraph {
    this.#assertDeclared();
    const count = this.#ids.length;
    const ids = [...this.#ids].sort(); // by UTF-16 code units
    const rank = new Uint32Array(count);
    const before = ids.map((id) => this.#numbers.get(id)!);
    const numberOf = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      rank[before[i]!] = i;
      // in ascending order, so that the map's keys are the ids in order
      numberOf.set(ids[i]!, i);
    }
    const sorted = this.#sort(rank);
    const rows = new Uint32Array(count + 1);
    const parents = new Uint32Array(sorted.edges.length);
    const weights = new Uint32Array(sorted.edges.length);
    const standings = new Uint8Array(this.#hasStandings ? sorted.edges.length : 0);
    let end = 0;
    for (let i = 0; i < count; i++) {
      const equal = this.#equalPart(before[i]!, sorted.rows[i + 1]! - sorted.rows[i]!);
      for (let e = sorted.rows[i]!; e < sorted.rows[i + 1]!; e++) {
        const edge = sorted.edges[e]!;
        const parent = this.#parents.at(edge);
        if (e > sorted.rows[i]! && this.#parents.at(sorted.edges[e - 1]!) === parent) {
          throw this.#namedTwice(sorted.edges[e - 1]!, edge);
        }
        const weight = this.#weights.at(edge);
        const stated = weight % 2 ** 24;
        const ppm = equal ?? stated;
        if (ppm === 0) continue;
        parents[end] = rank[parent]!;
        weights[end] = ppm;
        if (this.#hasStandings) standings[end] = (weight - stated) / 2 ** 24;
        end++;
      }
      rows[i + 1] = end;
    }
    return {
      ids,
      numberOf,
      rows,
      parents: parents.subarray(0, end),
      weights: weights.subarray(0, end),
      own: Uint32Array.from(before, (number) => PPM - this.#given[number]!),
      owners: before.map((number) => this.#owners[number]),
      kinds: before.map((number) => this.#kinds[number]),
      names: before.map((number) => this.#names[number]),
      ...(this.#hasStandings ? { standings: standings.subarray(0, end) } : {}),
    };
  }
}
