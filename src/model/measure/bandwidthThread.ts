import { parentPort, workerData } from 'node:worker_threads';

/** What a thread is to do: read memory, or copy it, for so many milliseconds. */
export interface BandwidthTask {
  readonly kind: 'read' | 'copy';
  readonly milliseconds: number;
}

const size = workerData as number;
/** Written to, so that it is memory and not the one page of zeros that a fresh array stands for. */
const source = Buffer.alloc(size, 1);
const target = Buffer.alloc(size, 2);

/** Bytes that went over the bus, by one pass: a copy reads and writes each. */
function pass(kind: BandwidthTask['kind']): number {
  if (kind === 'copy') {
    target.set(source);
    return 2 * size;
  }
  // the C library looks for a byte as fast as it can read, and there is no 0
  if (source.indexOf(0) >= 0) throw new Error('memory changed while it was read');
  return size;
}

parentPort!.on('message', ({ kind, milliseconds }: BandwidthTask) => {
  const started = performance.now();
  let bytes = 0;
  let taken = 0;
  while (taken < milliseconds) {
    bytes += pass(kind);
    taken = performance.now() - started;
  }
  parentPort!.postMessage(bytes / (taken / 1000));
});
parentPort!.postMessage('ready');
