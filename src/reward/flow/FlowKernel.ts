import { BitmodelError, compileWasm, EXIT, type WasmMemory } from '../../base/index.js';
import type { ContributionGraph } from '../graph/graph.js';
import { HEADER, type KernelFunctions, kernelModule, SEED } from './kernelCode.js';

/** Sources in one call: V8 goes over to optimised code between calls, not within one. */
const BATCH = 4096;
const PAGE = 65_536;
/** What 32-bit addresses reach, less a page. */
const LARGEST = 2 ** 32 - PAGE;
/** The memory of a small graph is kept for the next. */
const KEPT = 4 << 20;

type Kernel = KernelFunctions & { readonly memory: WasmMemory };

/** The modules that keep what sources receive, and those that do not. */
const makers = new Map<boolean, () => Kernel>();
const kept = new Map<boolean, Kernel>();

/** A kernel with so many bytes of memory, not cleared. */
function kernelOf(bytes: number, keepsReceived: boolean): Kernel {
  let make = makers.get(keepsReceived);
  if (!make) {
    make = compileWasm<KernelFunctions>(kernelModule(keepsReceived));
    makers.set(keepsReceived, make);
  }
  if (bytes > KEPT) return grown(make(), bytes);
  const kernel = kept.get(keepsReceived) ?? make();
  kept.set(keepsReceived, kernel);
  return grown(kernel, bytes);
}

function grown(kernel: Kernel, bytes: number): Kernel {
  const missing = Math.ceil((bytes - kernel.memory.buffer.byteLength) / PAGE);
  if (missing > 0) kernel.memory.grow(missing);
  return kernel;
}

/** How the numbers of all sources run: every parent behind those that use it, before them, or neither. */
function directionOf({ rows, parents }: ContributionGraph): 1 | -1 | undefined {
  const count = rows.length - 1;
  let up = true;
  let down = true;
  for (let i = 0; i < count && (up || down); i++) {
    const begin = rows[i]!;
    const end = rows[i + 1]!;
    if (begin === end) continue;
    // parents ascend within a row
    up &&= parents[begin]! > i;
    down &&= parents[end - 1]! < i;
  }
  return up ? 1 : down ? -1 : undefined;
}

/**
 * The acyclic part of a payout in 64-bit machine integers: the graph's arrays in the memory of a WebAssembly module
 * (`kernelCode.ts`). Only one is used at a time: the next takes over the memory.
 */
export class FlowKernel {
  readonly #graph: ContributionGraph;
  readonly #kernel: Kernel;
  readonly #header: Uint32Array;
  readonly #queue: Uint32Array;
  /** Users that have not passed on yet, by source. */
  readonly pending: Uint32Array;
  /** Base units that wait in each source, or rest there. */
  readonly flow: BigUint64Array;

  /** Base units that came into each source, if they are kept. */
  readonly received: BigUint64Array;

  /**
   * @param options.keepsReceived whether `received` is filled
   * @throws BitmodelError `BAD_GRAPH` for a graph of more than 4 GB
   */
  constructor(
    graph: ContributionGraph,
    demand: BigUint64Array,
    { keepsReceived = false }: { readonly keepsReceived?: boolean } = {},
  ) {
    const count = graph.own.length;
    const edges = graph.parents.length;
    const wide = keepsReceived ? 2 * count : count;
    const bytes = HEADER.size + 8 * (edges + wide) + 4 * (4 * count + 1) + 8;
    if (bytes > LARGEST) {
      throw new BitmodelError(
        'BAD_GRAPH',
        `A graph of ${edges} uses is too large to be computed.`,
        {
          next: 'Take out the sources that no money reaches',
          exitCode: EXIT.usage,
        },
      );
    }
    this.#graph = graph;
    this.#kernel = kernelOf(bytes, keepsReceived);
    const { buffer } = this.#kernel.memory;
    this.#header = new Uint32Array(buffer, 0, HEADER.size / 4);
    let at: number = HEADER.size;
    const place = (field: number, length: number): Uint32Array => {
      const words = new Uint32Array(buffer, at, length);
      this.#header[field / 4] = at;
      at += 4 * length;
      return words;
    };
    // first the 64-bit numbers, which stand at multiples of 8
    place(HEADER.flow, 2 * count);
    this.flow = new BigUint64Array(buffer, HEADER.size, count);
    this.flow.set(demand);
    const at64 = place(HEADER.received, keepsReceived ? 2 * count : 0).byteOffset;
    this.received = new BigUint64Array(buffer, at64, keepsReceived ? count : 0).fill(0n);
    place(HEADER.rows, count + 1).set(graph.rows);
    place(HEADER.parents, edges).set(graph.parents);
    place(HEADER.weights, edges).set(graph.weights);
    place(HEADER.own, count).set(graph.own);
    this.pending = place(HEADER.pending, count);
    this.#queue = place(HEADER.queue, count);
  }

  /**
   * Passes money on from source to source, as far as no circle is in the way.
   * @returns whether that was all; otherwise `pending` is above 0 where users of a source have not passed on
   */
  pass(): boolean {
    const direction = directionOf(this.#graph);
    const count = this.flow.length;
    if (direction !== undefined) {
      for (let done = 0; done < count; done += BATCH) {
        const first = direction > 0 ? done : count - 1 - done;
        this.#kernel.inOrder(first, Math.min(BATCH, count - done), direction);
      }
      return true;
    }
    const reached = this.#countUsers();
    return this.#drain((from, to) => this.#kernel.ready(from, to)) === reached;
  }

  /** Passes on what these sources hold, each once, in this order. */
  passListed(sources: Uint32Array): void {
    this.#queue.set(sources);
    this.#header[HEADER.queued / 4] = sources.length;
    this.#drain((from, to) => this.#kernel.listed(from, to));
  }

  /** Fills `pending` for all whom money can reach, and queues those of them that no other pays. Returns how many it reaches. */
  #countUsers(): number {
    const queue = this.#queue;
    const { flow, pending } = this;
    pending.fill(0);
    let seeds = 0;
    for (let i = 0; i < flow.length; i++) {
      if (flow[i] === 0n) continue;
      pending[i] = SEED;
      queue[seeds++] = i;
    }
    this.#header[HEADER.queued / 4] = seeds;
    const reached = this.#drain((from, to) => this.#kernel.reach(from, to));
    let ready = 0;
    for (let i = 0; i < flow.length; i++) {
      if (pending[i]! < SEED) continue;
      pending[i]! -= SEED;
      if (pending[i] === 0) queue[ready++] = i;
    }
    this.#header[HEADER.queued / 4] = ready;
    return reached;
  }

  /** Calls a function for all that is in the queue and comes into it. Returns how many that were. */
  #drain(call: (from: number, to: number) => void): number {
    let from = 0;
    for (;;) {
      const queued = this.#header[HEADER.queued / 4]!;
      if (from === queued) return queued;
      const to = Math.min(from + BATCH, queued);
      call(from, to);
      from = to;
    }
  }
}
