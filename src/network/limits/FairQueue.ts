import { setImmediate, setTimeout } from 'node:timers/promises';
import type { PeerId } from '../host/Host.js';
import { RateLimit } from './RateLimit.js';

/** How much a queue holds and lets through. */
export interface QueueBounds {
  /** Most tasks that wait, of all peers and of one. */
  readonly tasks: number;
  readonly tasksPerPeer: number;
  /** Most bytes that wait, of all peers; one may hold a quarter of them. */
  readonly bytes: number;
  /** Tasks of one peer per second, and at once after a quiet time. */
  readonly perSecond: number;
  readonly burst: number;
  /** Bytes of one peer per second, and at once; no task may be larger than what is let through at once. */
  readonly bytesPerSecond: number;
  readonly bytesBurst: number;
}

interface Task {
  readonly bytes: number;
  readonly run: () => Promise<void>;
  readonly drop: () => void;
}

/** Milliseconds of work after which other things get their turn. */
const SLICE = 10;
/** Longest pause, so that a peer that comes anew while others are held up is not. */
const LONGEST_PAUSE = 20;

/**
 * Does what peers ask for one thing after the other, the peers in turn, so that none of them holds up the others or the
 * event loop. Who asks for more than its rate waits; whoever sends to a full queue is told so at once.
 */
export class FairQueue {
  readonly #bounds: QueueBounds;
  readonly #tasks = new Map<PeerId, Task[]>();
  readonly #count: RateLimit;
  readonly #volume: RateLimit;
  #waiting = 0;
  #bytes = 0;
  #isRunning = false;
  #closed = false;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
    this.#count = new RateLimit({ perSecond: bounds.perSecond, burst: bounds.burst });
    this.#volume = new RateLimit({ perSecond: bounds.bytesPerSecond, burst: bounds.bytesBurst });
  }

  /** Tasks that wait. */
  get size(): number {
    return this.#waiting;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Does something in its turn.
   * @returns what it came to, undefined when the queue was closed before its turn; no promise when it is full or closed
   */
  run<T>(
    peer: PeerId,
    bytes: number,
    work: () => T | Promise<T>,
  ): Promise<T | undefined> | undefined {
    const own = this.#tasks.get(peer) ?? [];
    const held = own.reduce((sum, task) => sum + task.bytes, bytes);
    const isFull =
      this.#waiting >= this.#bounds.tasks ||
      own.length >= this.#bounds.tasksPerPeer ||
      this.#bytes + bytes > this.#bounds.bytes ||
      held > this.#bounds.bytes / 4 ||
      bytes > this.#bounds.bytesBurst;
    if (isFull || this.#closed) return undefined;
    const result = new Promise<T | undefined>((resolve, reject) => {
      own.push({
        bytes,
        run: async () => void (await Promise.resolve().then(work).then(resolve, reject)),
        drop: () => resolve(undefined),
      });
    });
    this.#tasks.set(peer, own);
    this.#waiting++;
    this.#bytes += bytes;
    if (!this.#isRunning) void this.#drain();
    return result;
  }

  /** Drops what waits: it comes to undefined. */
  close(): void {
    this.#closed = true;
    for (const own of this.#tasks.values()) for (const { drop } of own) drop();
    this.#tasks.clear();
    this.#waiting = 0;
    this.#bytes = 0;
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    let began = performance.now();
    while (this.#waiting > 0 && !this.#closed) {
      const pause = await this.#round();
      if (pause > 0) await setTimeout(Math.min(pause, LONGEST_PAUSE));
      else if (performance.now() - began < SLICE) continue;
      else await setImmediate();
      began = performance.now();
    }
    this.#isRunning = false;
  }

  /** One task of each peer that has one and may; returns how long to wait when none may. */
  async #round(): Promise<number> {
    let soonest = Number.POSITIVE_INFINITY;
    let isDone = false;
    for (const peer of [...this.#tasks.keys()]) {
      const own = this.#tasks.get(peer);
      const task = own?.[0];
      if (!own || !task) continue;
      const wait = Math.max(this.#count.wait(peer), this.#volume.wait(peer, task.bytes));
      soonest = Math.min(soonest, wait);
      if (wait > 0) continue;
      this.#count.take(peer);
      this.#volume.take(peer, task.bytes);
      own.shift();
      if (own.length === 0) this.#tasks.delete(peer);
      this.#waiting--;
      this.#bytes -= task.bytes;
      isDone = true;
      await task.run();
    }
    return isDone ? 0 : soonest;
  }
}
