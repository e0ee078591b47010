import { Heap } from '../../base/index.js';
import type { CircleOrder } from './CircleOrder.js';
import { divideCycle } from './cycle.js';
import type { DynamicGraph, DynamicRow } from './DynamicGraph.js';
import { partOf } from './partOf.js';
import type { Flows } from './payout.js';

function grown(numbers: BigUint64Array, size: number): BigUint64Array {
  const larger = new BigUint64Array(2 * size + 8);
  larger.set(numbers);
  return larger;
}

/** What came into each member of a circle, and where it went. */
interface Divided {
  readonly inflow: readonly bigint[];
  readonly parts: ReadonlyMap<number, bigint>;
}

const NOTHING: ReadonlyMap<number, bigint> = new Map();

/**
 * What lies where in a changing graph: what came into each source, how much of that it has passed on, and what it
 * kept. Whatever was touched is divided anew, in the order of money, so each source once at most.
 */
export class FlowState {
  readonly #graph: DynamicGraph;
  readonly #order: CircleOrder;
  /** Came in; into members of circles from outside alone. */
  #received: BigUint64Array;
  /** How much of it has been divided, by sources in no circle. */
  #passed: BigUint64Array;
  #shares: BigUint64Array;
  /** What came into the members of circles and went out again, by head. */
  readonly #circles = new Map<number, Divided>();
  readonly #touched = new Set<number>();
  /** Shares as they were before, of sources whose share changed since {@link begin}. */
  readonly #earlier = new Map<number, bigint>();
  #divided = 0;

  constructor(graph: DynamicGraph, order: CircleOrder, flows: Flows) {
    this.#graph = graph;
    this.#order = order;
    this.#received = flows.received;
    this.#shares = flows.shares;
    this.#passed = flows.received.slice();
    for (const { members, parts } of flows.circles) {
      for (const member of members) this.#passed[member] = 0n;
      const head = order.headOf(members[0]!);
      const inflow = order.circleOf(head)!.map((member) => this.#received[member]!);
      this.#circles.set(head, { inflow, parts });
    }
  }

  /** Forgets what changed until now. */
  begin(): void {
    this.#earlier.clear();
    this.#divided = 0;
  }

  /** Sources and circles that were divided since {@link begin}. */
  get divided(): number {
    return this.#divided;
  }

  /** Sources whose share is another one than at {@link begin}, with what it was then. */
  *changes(): IterableIterator<readonly [source: number, before: bigint]> {
    for (const [source, before] of this.#earlier) {
      if (before !== this.#shares[source]) yield [source, before];
    }
  }

  shareOf(source: number): bigint {
    return this.#shares[source] ?? 0n;
  }

  /** Makes room for a new source. */
  add(source: number): void {
    if (source < this.#shares.length) return;
    this.#received = grown(this.#received, source);
    this.#passed = grown(this.#passed, source);
    this.#shares = grown(this.#shares, source);
  }

  /** Adds base units, or takes them away, before anything is divided. */
  pay(source: number, units: bigint): void {
    this.#received[source]! += units;
    this.#touched.add(source);
  }

  /** Takes back all that a source, or the circle with this head, has passed on. */
  withdraw(head: number): void {
    const touch = (source: number): void => {
      this.#touched.add(source);
    };
    const circle = this.#order.circleOf(head);
    for (const source of circle ?? [head]) touch(source);
    if (circle) {
      this.#exchange(circle, this.#circles.get(head)?.parts ?? NOTHING, NOTHING, touch);
      this.#circles.delete(head);
      return;
    }
    this.#passOn(head, this.#graph.rowOf(head), this.#passed[head]!, 0n, touch);
    this.#passed[head] = 0n;
    this.#keep(head, 0n);
  }

  /**
   * Divides what was touched, and what that touches.
   * @throws BitmodelError `BAD_GRAPH` where money came into a closed or too large circle; what was touched stays so
   */
  divide(): void {
    const heap = new Heap<number>((a, b) => this.#order.placeOf(a) < this.#order.placeOf(b));
    const touch = (source: number): void => {
      if (this.#touched.has(source)) return;
      this.#touched.add(source);
      heap.push(this.#order.headOf(source));
    };
    const waiting = [...this.#touched];
    for (const source of waiting) heap.push(this.#order.headOf(source));
    for (let head = heap.pop(); head !== undefined; head = heap.pop()) {
      const circle = this.#order.circleOf(head);
      // a source may wait twice, as itself and as the head of its circle
      if (!(circle ?? [head]).some((source) => this.#touched.has(source))) continue;
      if (circle) this.#divideCircle(head, circle, touch);
      else this.#divideSource(head, touch);
      for (const source of circle ?? [head]) this.#touched.delete(source);
      this.#divided++;
    }
  }

  #divideSource(source: number, touch: (source: number) => void): void {
    const [before, now] = [this.#passed[source]!, this.#received[source]!];
    const row = this.#graph.rowOf(source);
    this.#keep(source, this.#passOn(source, row, before, now, touch));
    this.#passed[source] = now;
  }

  /** Passes on `now` in place of `before`. Returns what the source keeps. */
  #passOn(
    source: number,
    { parents, weights, own }: DynamicRow,
    before: bigint,
    now: bigint,
    touch: (source: number) => void,
  ): bigint {
    if (parents.length === 0) return now;
    if (before === now) return this.#shares[source]!;
    // where nothing is the source's own, the last parent by id takes what rounding leaves
    const exact = own > 0 ? parents.length : parents.length - 1;
    const received = this.#received;
    let restBefore = before;
    let rest = now;
    for (let e = 0; e < exact; e++) {
      const ppm = BigInt(weights[e]!);
      const [old, units] = [partOf(before, ppm), partOf(now, ppm)];
      restBefore -= old;
      rest -= units;
      if (old === units) continue;
      received[parents[e]!]! += units - old;
      touch(parents[e]!);
    }
    if (own > 0) return rest;
    if (rest !== restBefore) {
      received[parents[exact]!]! += rest - restBefore;
      touch(parents[exact]!);
    }
    return 0n;
  }

  #divideCircle(head: number, members: readonly number[], touch: (source: number) => void): void {
    const earlier = this.#circles.get(head);
    const inflow = members.map((member) => this.#received[member]!);
    if (earlier && inflow.every((units, i) => units === earlier.inflow[i])) return;
    const isPaid = inflow.some((units) => units > 0n);
    const parts = isPaid ? this.#partsOf(members) : NOTHING;
    this.#exchange(members, earlier?.parts ?? NOTHING, parts, touch);
    this.#circles.set(head, { inflow, parts });
  }

  /** Puts what a circle passes on now in place of what it passed on before. */
  #exchange(
    members: readonly number[],
    before: ReadonlyMap<number, bigint>,
    now: ReadonlyMap<number, bigint>,
    touch: (source: number) => void,
  ): void {
    const inside = new Set(members);
    for (const member of members) this.#keep(member, now.get(member) ?? 0n);
    for (const source of new Set([...before.keys(), ...now.keys()])) {
      if (inside.has(source)) continue;
      const difference = (now.get(source) ?? 0n) - (before.get(source) ?? 0n);
      if (difference === 0n) continue;
      this.#received[source]! += difference;
      touch(source);
    }
  }

  /** Solves a circle as a graph of its own, numbered by id, with the parents outside. */
  #partsOf(members: readonly number[]): Map<number, bigint> {
    const graph = this.#graph;
    const inside = new Set(members);
    const all = new Set(members);
    for (const member of members) for (const parent of graph.rowOf(member).parents) all.add(parent);
    const sources = [...all].sort((a, b) => (graph.idOf(a) < graph.idOf(b) ? -1 : 1));
    const place = new Map(sources.map((source, i) => [source, i]));
    const rows = new Uint32Array(sources.length + 1);
    const parents: number[] = [];
    const weights: number[] = [];
    const own = new Uint32Array(sources.length);
    sources.forEach((source, i) => {
      const row = graph.rowOf(source);
      own[i] = row.own;
      if (inside.has(source)) {
        for (const parent of row.parents) parents.push(place.get(parent)!);
        weights.push(...row.weights);
      }
      rows[i + 1] = parents.length;
    });
    const local = Uint32Array.from(members, (member) => place.get(member)!).sort();
    const parts = divideCycle(
      {
        ids: sources.map((source) => graph.idOf(source)),
        rows,
        parents: Uint32Array.from(parents),
        weights: Uint32Array.from(weights),
        own,
      },
      local,
      Array.from(local, (i) => this.#received[sources[i]!]!),
    );
    return new Map([...parts].map(([i, units]) => [sources[i]!, units]));
  }

  #keep(source: number, units: bigint): void {
    const before = this.#shares[source]!;
    if (before === units) return;
    if (!this.#earlier.has(source)) this.#earlier.set(source, before);
    this.#shares[source] = units;
  }
}
