import { BitmodelError, EXIT } from '../../base/index.js';
import { type ContributionGraph, graphError, type ParentShare, quoted } from '../graph/graph.js';
import { CircleOrder } from './CircleOrder.js';
import { DynamicGraph, type DynamicRow } from './DynamicGraph.js';
import { FlowState } from './FlowState.js';
import { computeFlows, SUM_LIMIT } from './payout.js';

/** What a share was, and is. Base units. */
export interface ShareChange {
  readonly id: string;
  readonly before: bigint;
  readonly after: bigint;
}

/** What one change came to. */
export interface PayoutUpdate {
  /** Shares that are not what they were, in the order of ids. */
  readonly changes: readonly ShareChange[];
  /** Sources and circles that were divided anew. */
  readonly divided: number;
}

/**
 * A payout that follows a changing graph (DESIGN 9): changed weights, sources that come and go, more that is paid.
 * Each change divides again only what it reaches, and the shares are always those that {@link computePayout} would give
 * for the graph as it then is. A change that is refused leaves everything as it was.
 */
export class PayoutEngine {
  readonly #graph: DynamicGraph;
  readonly #order: CircleOrder;
  readonly #state: FlowState;
  readonly #demand = new Map<number, bigint>();
  #total = 0n;

  /**
   * @param demand base units paid for each source so far, by its number
   * @throws BitmodelError as {@link computePayout}
   */
  constructor(
    graph: ContributionGraph,
    demand: BigUint64Array = new BigUint64Array(graph.ids.length),
  ) {
    this.#graph = new DynamicGraph(graph);
    const flows = computeFlows(graph, demand);
    this.#order = new CircleOrder(this.#graph, graph);
    this.#state = new FlowState(this.#graph, this.#order, flows);
    demand.forEach((units, source) => {
      if (units === 0n) return;
      this.#demand.set(source, units);
      this.#total += units;
    });
  }

  /** Base units paid so far; the shares sum to it. */
  get total(): bigint {
    return this.#total;
  }

  /**
   * The share of one source, in base units.
   * @throws BitmodelError `UNKNOWN_SOURCE`
   */
  shareOf(id: string): bigint {
    return this.#state.shareOf(this.#numberOf(id));
  }

  /** All sources that get something, with their base units, in no order. */
  *shares(): IterableIterator<readonly [id: string, units: bigint]> {
    for (let source = 0; source < this.#graph.size; source++) {
      const units = this.#state.shareOf(source);
      if (units > 0n) yield [this.#graph.idOf(source), units];
    }
  }

  /**
   * Names the parents of a source anew, all of them; a source that is not there yet is added.
   * @throws BitmodelError `BAD_GRAPH` for what a graph could not hold, or where money would be trapped
   */
  setParents(id: string, parents: readonly ParentShare[]): PayoutUpdate {
    const known = this.#graph.numberOf(id);
    const source = known ?? this.#add(id);
    try {
      const row = this.#graph.rowFrom(id, parents);
      return this.#change(source, row);
    } catch (thrown) {
      if (known === undefined) this.#graph.remove(source);
      throw thrown;
    }
  }

  /**
   * Takes a source out.
   * @throws BitmodelError `UNKNOWN_SOURCE`, or `BAD_GRAPH` while others use it or money was paid for it
   */
  remove(id: string): PayoutUpdate {
    const source = this.#numberOf(id);
    const users = this.#graph.usersOf(source);
    if (users > 0) {
      throw graphError(
        `${quoted(id)} is a parent of ${users} ${users === 1 ? 'source' : 'sources'} and can't be taken out.`,
        'Take it out of their parents first',
      );
    }
    if (this.#demand.has(source)) {
      throw graphError(
        `Money was paid for ${quoted(id)}, so it can't be taken out.`,
        'Leave it in',
      );
    }
    const update = this.#change(source, this.#graph.rowFrom(id, []));
    this.#graph.remove(source);
    return update;
  }

  /**
   * Adds what was paid for sources.
   * @param amounts base units by id
   * @throws BitmodelError `UNKNOWN_SOURCE`, `BAD_AMOUNT`, or `BAD_GRAPH` where money would be trapped
   */
  pay(amounts: Iterable<readonly [string, bigint]>): PayoutUpdate {
    const paid: [number, bigint][] = [];
    let total = this.#total;
    for (const [id, units] of amounts) {
      total += units;
      if (units < 0n || total >= SUM_LIMIT) {
        throw new BitmodelError('BAD_AMOUNT', 'The amounts are negative or more than can exist.', {
          next: 'Name an amount of coins that somebody could pay',
          exitCode: EXIT.usage,
        });
      }
      paid.push([this.#numberOf(id), units]);
    }
    this.#state.begin();
    for (const [source, units] of paid) this.#state.pay(source, units);
    try {
      this.#state.divide();
    } catch (thrown) {
      for (const [source, units] of paid) this.#state.pay(source, -units);
      this.#state.divide();
      throw thrown;
    }
    for (const [source, units] of paid) {
      this.#demand.set(source, (this.#demand.get(source) ?? 0n) + units);
    }
    this.#total = total;
    return this.#update();
  }

  #numberOf(id: string): number {
    const source = this.#graph.numberOf(id);
    if (source !== undefined) return source;
    throw new BitmodelError('UNKNOWN_SOURCE', `The graph has no source ${quoted(id)}.`, {
      next: 'Name one of the ids in the graph',
      exitCode: EXIT.notFound,
    });
  }

  #add(id: string): number {
    const size = this.#graph.size;
    const source = this.#graph.add(id);
    if (source === size) {
      this.#order.add(source);
      this.#state.add(source);
    }
    return source;
  }

  #change(source: number, row: DynamicRow): PayoutUpdate {
    const before = this.#graph.rowOf(source);
    this.#state.begin();
    this.#setRow(source, row);
    try {
      this.#state.divide();
    } catch (thrown) {
      this.#setRow(source, before);
      this.#state.divide();
      throw thrown;
    }
    return this.#update();
  }

  /** Puts a row in the place of another: first without the parents that go, then with those that come. */
  #setRow(source: number, row: DynamicRow): void {
    const before = this.#graph.rowOf(source);
    const head = this.#order.headOf(source);
    this.#state.withdraw(head);
    const stays = new Set(row.parents);
    const old = new Set(before.parents);
    const comes = new Set(row.parents.filter((parent) => !old.has(parent)));
    if (before.parents.some((parent) => !stays.has(parent))) {
      this.#graph.setRow(source, without(row, comes));
      this.#order.split(head);
    }
    for (const parent of [...comes]) {
      comes.delete(parent);
      this.#graph.setRow(source, without(row, comes));
      this.#order.join(source, parent, (joined) => this.#state.withdraw(joined));
    }
    this.#graph.setRow(source, row);
  }

  #update(): PayoutUpdate {
    const changes = Array.from(this.#state.changes(), ([source, before]) => ({
      id: this.#graph.idOf(source),
      before,
      after: this.#state.shareOf(source),
    }));
    changes.sort((a, b) => (a.id < b.id ? -1 : 1));
    return { changes, divided: this.#state.divided };
  }
}

/** A row less some parents; only its edges are looked at until the whole row is there. */
function without(row: DynamicRow, left: ReadonlySet<number>): DynamicRow {
  const kept = [...row.parents.keys()].filter((i) => !left.has(row.parents[i]!));
  return {
    parents: Uint32Array.from(kept, (i) => row.parents[i]!),
    weights: Uint32Array.from(kept, (i) => row.weights[i]!),
    own: row.own,
  };
}
