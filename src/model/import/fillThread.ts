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
    if (thrown instanceof BitmodelError) {
      return { code: thrown.code, message: thrown.message, next: thrown.next };
    }
    const { code, syscall } = thrown as NodeJS.ErrnoException;
    return { code: code ?? 'IMPORT_FAILED', message: messageOf(thrown), syscall };
  }
}

parentPort!.on('message', (slice: Slice) => parentPort!.postMessage(outcomeOf(slice)));
