import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BitmodelError, messageOf } from '../../base/index.js';
import { runSlice, type Slice } from './fill.js';
import type { SliceReply } from './fillFile.js';

/** The thread that turns slices of weights into what the graph reads (`fillFile`). */
const file = openSync(workerData as string, 'r+');

function outcomeOf(slice: Slice): SliceReply {
  try {
    runSlice(file, slice);
    return { done: true };
  } catch (thrown) {
    const known = thrown instanceof BitmodelError ? thrown : undefined;
    return {
      code: known?.code ?? 'IMPORT_FAILED',
      message: known?.message ?? `The weights can't be written: ${messageOf(thrown)}.`,
      next: known?.next ?? 'Free some space or check the permissions, then try again',
    };
  }
}

parentPort!.on('message', (slice: Slice) => parentPort!.postMessage(outcomeOf(slice)));
