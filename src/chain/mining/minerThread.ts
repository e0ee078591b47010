import { parentPort, workerData } from 'node:worker_threads';
import { createSearch, NONCES } from './NonceSearch.js';

/** What a thread is begun with. */
export interface MinerThreadData {
  /** The number of the work that counts now, then per thread how many nonces it tried since they were counted last. */
  readonly shared: SharedArrayBuffer;
  readonly index: number;
}

/** A header to search, under the number that the work has. */
export interface Work {
  readonly number: number;
  /** 80 bytes. */
  readonly header: Uint8Array;
  readonly target: bigint;
}

/** The nonce that was found; undefined when all were tried. */
export interface WorkResult {
  readonly number: number;
  readonly nonce: number | undefined;
}

/** Nonces between two looks at whether the work still counts: some hundredths of a second. */
const SLICE = 2 ** 16;

const { shared, index } = workerData as MinerThreadData;
const numbers = new Int32Array(shared);
const search = createSearch();

function find({ number, header, target }: Work): WorkResult | undefined {
  search.begin(header, target);
  for (let from = 0; from < NONCES; from += SLICE) {
    if (Atomics.load(numbers, 0) !== number) return undefined;
    const found = search.scan(from, SLICE);
    Atomics.add(numbers, 1 + index, found?.tried ?? SLICE);
    if (found) return { number, nonce: found.nonce };
  }
  return { number, nonce: undefined };
}

parentPort!.on('message', (work: Work | undefined) => {
  if (!work) return parentPort!.close();
  const result = find(work);
  if (result) parentPort!.postMessage(result);
});
