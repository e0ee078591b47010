import { setTimeout } from 'node:timers/promises';
import type { PeerId } from '../host/Host.js';
import type { Neighbours } from './Neighbours.js';

/** How notices go out. */
export interface NoticeOptions<T> {
  readonly neighbours: Neighbours;
  /** Tells one peer; what it throws ends nothing. */
  readonly send: (peer: PeerId, items: readonly T[]) => Promise<unknown>;
  /** Most items in one notice. */
  readonly most: number;
  /** Milliseconds in which items are gathered before a peer is told, and between two notices. */
  readonly delay: number;
}

/** Notices that wait for one slow peer; what is beyond them it finds when it looks for itself. */
const MOST_WAITING = 8;

/** Tells neighbours of what there is to have: gathered, one notice to a peer at a time, so that nobody is flooded. */
export class Notices<T> {
  readonly #options: NoticeOptions<T>;
  readonly #waiting = new Map<PeerId, T[]>();
  #closed = false;

  constructor(options: NoticeOptions<T>) {
    this.#options = options;
  }

  tell(items: readonly T[]): void {
    if (items.length === 0 || this.#closed) return;
    for (const peer of this.#options.neighbours.list()) {
      const waiting = this.#waiting.get(peer);
      const most = MOST_WAITING * this.#options.most;
      if (waiting) waiting.push(...items.slice(0, Math.max(0, most - waiting.length)));
      else void this.#begin(peer, items.slice(0, most));
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  async #begin(peer: PeerId, items: T[]): Promise<void> {
    this.#waiting.set(peer, items);
    const { send, most, delay } = this.#options;
    while (items.length > 0) {
      await setTimeout(delay, undefined, { ref: false });
      if (this.#closed) return;
      try {
        await send(peer, items.splice(0, most));
      } catch {
        // it went away, or does not listen just now: it looks for itself when it comes again
        break;
      }
    }
    this.#waiting.delete(peer);
  }
}
