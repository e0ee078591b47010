import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { equalBytes, messageOf } from '../../base/index.js';
import { hashOfPiece } from '../bundle/pieces.js';

/** A piece on its way to a thread. */
export interface KeepRequest {
  readonly number: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly descriptor: number;
  readonly offset: number;
  readonly hash: Uint8Array;
  readonly isWholeFile: boolean;
}

/** What became of it. */
export interface KeepReply {
  readonly number: number;
  readonly isRight: boolean;
  readonly failure?: { readonly code?: string; readonly message: string };
}

/**
 * Bytes written at once. With 1 MiB the page cache takes memory in large blocks that are cold, on a virtual machine often
 * handed back to its host: that was measured at five times the processor time.
 */
const WRITE = 64 * 1024;

function keep({ number, bytes, descriptor, offset, hash, isWholeFile }: KeepRequest): KeepReply {
  if (!equalBytes(hashOfPiece(bytes, isWholeFile), hash)) return { number, isRight: false };
  try {
    // a descriptor is the whole process's, so a thread can write to what another one opened
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(descriptor, bytes, at, Math.min(WRITE, bytes.length - at), offset + at);
    }
    return { number, isRight: true };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    const failure = { message: messageOf(thrown), ...(code === undefined ? {} : { code }) };
    return { number, isRight: true, failure };
  }
}

parentPort!.on('message', (request: KeepRequest) => parentPort!.postMessage(keep(request)));
