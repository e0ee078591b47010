import type { Entry } from './pool-view.js';

/** Bounds of what waits. */
export interface WaitingBounds {
  readonly waiting: number;
  readonly waitingBytes: number;
}

/** Messages that can't be judged yet, because what they refer to is not known; no part of a pool's state. */
export class WaitingMessages {
  readonly #bounds: WaitingBounds;
  readonly #byJob = new Map<string, Map<string, Entry>>();
  #count = 0;
  #bytes = 0;

  constructor(bounds: WaitingBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(jobId: string, id: string): boolean {
    return this.#byJob.get(jobId)?.has(id) ?? false;
  }

  /** Keeps a message; false when there is no room for it. */
  add(entry: Entry): boolean {
    const { jobId } = entry.message;
    if (this.has(jobId, entry.id)) return true;
    const { waiting, waitingBytes } = this.#bounds;
    if (this.#count >= waiting || this.#bytes + entry.bytes > waitingBytes) return false;
    const ofJob = this.#byJob.get(jobId) ?? new Map<string, Entry>();
    this.#byJob.set(jobId, ofJob.set(entry.id, entry));
    this.#count++;
    this.#bytes += entry.bytes;
    return true;
  }

  /** Takes out all that waits for something about a job. */
  take(jobId: string): Entry[] {
    const taken = [...(this.#byJob.get(jobId)?.values() ?? [])];
    for (const entry of taken) this.#remove(entry);
    return taken;
  }

  /** Forgets what came up to this arrival. */
  forget(upTo: number): void {
    for (const ofJob of [...this.#byJob.values()]) {
      for (const entry of [...ofJob.values()]) if (entry.arrival <= upTo) this.#remove(entry);
    }
  }

  #remove({ id, bytes, message: { jobId } }: Entry): void {
    const ofJob = this.#byJob.get(jobId)!;
    ofJob.delete(id);
    if (ofJob.size === 0) this.#byJob.delete(jobId);
    this.#count--;
    this.#bytes -= bytes;
  }
}
