import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BandwidthTask } from './bandwidthThread.js';

/** Bytes that all threads together read, and that they copy within; well beyond any processor's cache. */
const SIZE = 512 << 20;
const MILLISECONDS = 150;

/**
 * Measures how fast this machine's memory is read and copied by some threads at once: what bounds decoding, since each token
 * reads all weights and does little with each.
 */
export class MemoryBandwidth {
  readonly #threads: readonly Worker[];

  private constructor(threads: readonly Worker[]) {
    this.#threads = threads;
  }

  /** Starts the threads and gives each its part of the memory. @param size bytes of them together */
  static async start(threads: number, size = SIZE): Promise<MemoryBandwidth> {
    const workers = Array.from({ length: threads }, () => {
      const share = Math.ceil(size / threads);
      return new Worker(new URL('./bandwidthThread.js', import.meta.url), { workerData: share });
    });
    const bandwidth = new MemoryBandwidth(workers);
    try {
      await Promise.all(workers.map((worker) => once(worker, 'message')));
    } catch (thrown) {
      await bandwidth.close();
      throw thrown;
    }
    return bandwidth;
  }

  /**
   * Measures once, for about an eighth of a second.
   * @param kind `copy` counts each byte twice, as read and as written
   * @returns bytes per second of all threads together
   */
  async measure(kind: BandwidthTask['kind']): Promise<number> {
    const task: BandwidthTask = { kind, milliseconds: MILLISECONDS };
    const rates = await Promise.all(
      this.#threads.map(async (worker) => {
        const reply = once(worker, 'message');
        worker.postMessage(task);
        const [rate] = (await reply) as [number];
        return rate;
      }),
    );
    return rates.reduce((sum, rate) => sum + rate, 0);
  }

  /** Ends the threads and frees the memory. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((worker) => worker.terminate()));
  }
}
