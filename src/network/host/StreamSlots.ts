import { BitmodelError, type Deferred, deferred } from '../../base/index.js';

/**
 * Bounds how many streams are open at once per key (a peer and a protocol). Towards a peer it makes callers wait, so
 * that an honest node never asks for more streams than the other end allows.
 */
export class StreamSlots {
  readonly #taken = new Map<string, number>();
  readonly #queues = new Map<string, Deferred<void>[]>();

  /** Takes a slot at once, or says that there is none. */
  tryTake(key: string, most: number): boolean {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= most) return false;
    this.#taken.set(key, taken + 1);
    return true;
  }

  /**
   * Takes a slot as soon as there is one.
   * @throws BitmodelError `STREAM_TIMEOUT`, or what the signal was aborted with
   */
  async take(key: string, most: number, signal: AbortSignal): Promise<void> {
    while (!this.tryTake(key, most)) {
      const turn = deferred();
      const queue = this.#queues.get(key) ?? [];
      this.#queues.set(key, queue);
      queue.push(turn);
      const leave = (): void => {
        const at = queue.indexOf(turn);
        if (at >= 0) queue.splice(at, 1);
      };
      const onAbort = (): void => {
        // at once, or a slot that becomes free in this turn would be offered to nobody
        leave();
        turn.reject(
          new BitmodelError('STREAM_TIMEOUT', 'No stream to the peer became free in time.', {
            cause: signal.reason,
          }),
        );
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        if (signal.aborted) onAbort();
        await turn.promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
        leave();
        // the key may have another queue by now
        if (queue.length === 0 && this.#queues.get(key) === queue) this.#queues.delete(key);
      }
    }
  }

  free(key: string): void {
    const left = (this.#taken.get(key) ?? 1) - 1;
    if (left <= 0) this.#taken.delete(key);
    else this.#taken.set(key, left);
    this.#queues.get(key)?.shift()?.resolve();
  }
}
