import type { ContributionGraph } from '../graph/graph.js';
import { stronglyConnectedComponents } from './components.js';
import type { DynamicGraph } from './DynamicGraph.js';

/** Distance of neighbours' places when all are numbered anew: a million sources stay far below 2⁵³. */
const GAP = 2 ** 24;
const NONE = -1;

/**
 * The circles of a changing graph, and an order of circles and single sources in which money goes forward only. Each
 * is named by one of its members, its head. A new edge that goes backward moves what can be reached from its end
 * behind its beginning, as far as that lies before it (after Pearce and Kelly 2006), or joins what is on the way to a
 * circle; a circle that lost an edge is taken apart by itself.
 */
export class CircleOrder {
  readonly #graph: DynamicGraph;
  #head: Uint32Array;
  /** Whole numbers: where each head stands. */
  #place: Float64Array;
  #next: Int32Array;
  #before: Int32Array;
  #first = NONE;
  /** Members of circles, of sources that stand on themselves, too. */
  readonly #members = new Map<number, number[]>();

  constructor(graph: DynamicGraph, base: ContributionGraph) {
    this.#graph = graph;
    const count = graph.size;
    this.#head = new Uint32Array(count);
    this.#place = new Float64Array(count);
    this.#next = new Int32Array(count).fill(NONE);
    this.#before = new Int32Array(count).fill(NONE);
    const components = stronglyConnectedComponents(base);
    let last = NONE;
    for (let c = components.count - 1; c >= 0; c--) {
      const members = components.members.subarray(components.starts[c]!, components.starts[c + 1]!);
      const head = members[0]!;
      this.#link(head, last);
      last = head;
      this.#form(head, members);
    }
    this.#number();
  }

  /** The head of the circle that a source is in, or the source itself. */
  headOf(source: number): number {
    return this.#head[source]!;
  }

  /** Members of the circle with this head; undefined for a source that is in none. */
  circleOf(head: number): readonly number[] | undefined {
    return this.#members.get(head);
  }

  /** Of two heads, the one with the smaller place comes first. */
  placeOf(head: number): number {
    return this.#place[head]!;
  }

  /** Puts a new source, with no edges yet, in front. */
  add(source: number): void {
    if (source >= this.#head.length) this.#grow(source);
    this.#head[source] = source;
    const first = this.#first;
    this.#link(source, NONE);
    this.#place[source] = first === NONE ? GAP : this.#place[first]! - GAP;
  }

  /** Looks at a circle again that has lost edges. */
  split(head: number): void {
    const members = this.#members.get(head);
    if (!members) return;
    this.#members.delete(head);
    const last = this.#before[head]!;
    this.#unlink(head);
    const heads = this.#componentsOf(members).map((part) => {
      const first = part[0]!;
      this.#form(first, part);
      return first;
    });
    this.#insert(last, heads);
  }

  /**
   * Takes in an edge that the graph has by now.
   * @param withdraw is called with each head that is about to be joined to a circle
   */
  join(child: number, parent: number, withdraw: (head: number) => void): void {
    const from = this.#head[child]!;
    const to = this.#head[parent]!;
    if (from === to) {
      if (!this.#members.has(from)) {
        withdraw(from);
        this.#members.set(from, [child]);
      }
      return;
    }
    if (this.#place[from]! < this.#place[to]!) return;
    const reached = this.#reachable(to, this.#place[from]!);
    const closes = this.#thatReach(from, reached);
    for (const head of reached) if (head !== from) this.#unlink(head);
    if (closes.size > 0) {
      const heads = [from, ...closes];
      heads.forEach(withdraw);
      this.#form(
        from,
        heads.flatMap((head) => this.#membersOf(head)),
      );
      for (const head of closes) this.#members.delete(head);
    }
    this.#insert(
      from,
      reached.filter((head) => head !== from && !closes.has(head)),
    );
  }

  #membersOf(head: number): readonly number[] {
    return this.#members.get(head) ?? [head];
  }

  /** Makes sources one: a circle, unless it is a single source that does not stand on itself. */
  #form(head: number, members: Uint32Array | readonly number[]): void {
    for (const member of members) this.#head[member] = head;
    const circle = members.length > 1 || this.#graph.rowOf(head).parents.includes(head);
    if (circle) this.#members.set(head, [...members]);
  }

  /** Heads that can be reached from one, itself among them, up to a place; in order. */
  #reachable(start: number, limit: number): number[] {
    const seen = new Set([start]);
    const next = [start];
    for (let head = next.pop(); head !== undefined; head = next.pop()) {
      for (const member of this.#membersOf(head)) {
        for (const parent of this.#graph.rowOf(member).parents) {
          const other = this.#head[parent]!;
          if (seen.has(other) || this.#place[other]! > limit) continue;
          seen.add(other);
          next.push(other);
        }
      }
    }
    return [...seen].sort((a, b) => this.#place[a]! - this.#place[b]!);
  }

  /** Those of these heads, in order, from which one leads on to the goal, the last of them. */
  #thatReach(goal: number, heads: readonly number[]): Set<number> {
    const found = new Set<number>();
    if (heads.at(-1) !== goal) return found;
    found.add(goal);
    for (const head of heads.toReversed()) {
      const leads = this.#membersOf(head).some((member) =>
        this.#graph.rowOf(member).parents.some((parent) => found.has(this.#head[parent]!)),
      );
      if (leads) found.add(head);
    }
    found.delete(goal);
    return found;
  }

  /** The components of a few sources among themselves, in the order of money. */
  #componentsOf(members: readonly number[]): number[][] {
    const place = new Map(members.map((member, i) => [member, i]));
    const rows = new Uint32Array(members.length + 1);
    const parents: number[] = [];
    members.forEach((member, i) => {
      for (const parent of this.#graph.rowOf(member).parents) {
        const j = place.get(parent);
        if (j !== undefined) parents.push(j);
      }
      rows[i + 1] = parents.length;
    });
    const found = stronglyConnectedComponents({ rows, parents: Uint32Array.from(parents) });
    const parts: number[][] = [];
    for (let c = found.count - 1; c >= 0; c--) {
      const part = found.members.subarray(found.starts[c]!, found.starts[c + 1]!);
      parts.push(Array.from(part, (i) => members[i]!));
    }
    return parts;
  }

  #link(head: number, behind: number): void {
    const next = behind === NONE ? this.#first : this.#next[behind]!;
    this.#before[head] = behind;
    this.#next[head] = next;
    if (behind === NONE) this.#first = head;
    else this.#next[behind] = head;
    if (next !== NONE) this.#before[next] = head;
  }

  #unlink(head: number): void {
    const before = this.#before[head]!;
    const next = this.#next[head]!;
    if (before === NONE) this.#first = next;
    else this.#next[before] = next;
    if (next !== NONE) this.#before[next] = before;
  }

  /** Puts heads behind one, or in front of all, in this order. */
  #insert(behind: number, heads: readonly number[]): void {
    let last = behind;
    for (const head of heads) {
      this.#link(head, last);
      last = head;
    }
    const next = last === NONE ? NONE : this.#next[last]!;
    const room = (heads.length + 1) * GAP;
    const end = next === NONE ? undefined : this.#place[next]!;
    const begin = behind === NONE ? (end ?? 0) - room : this.#place[behind]!;
    const step = Math.floor(((end ?? begin + room) - begin) / (heads.length + 1));
    if (step < 1) this.#number();
    else {
      heads.forEach((head, i) => {
        this.#place[head] = begin + (i + 1) * step;
      });
    }
  }

  /** Numbers all places anew. */
  #number(): void {
    let place = GAP;
    for (let head = this.#first; head !== NONE; head = this.#next[head]!) {
      this.#place[head] = place;
      place += GAP;
    }
  }

  #grow(source: number): void {
    const size = 2 * source + 8;
    const head = new Uint32Array(size);
    head.set(this.#head);
    this.#head = head;
    const place = new Float64Array(size);
    place.set(this.#place);
    this.#place = place;
    const next = new Int32Array(size);
    next.set(this.#next);
    this.#next = next;
    const before = new Int32Array(size);
    before.set(this.#before);
    this.#before = before;
  }
}
