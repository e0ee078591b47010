import { parentPort } from 'node:worker_threads';
import { BitmodelError, type ExitCode, messageOf } from '../../base/index.js';
import { hashSpan, type Span } from './span.js';

/** What became of the spans sent to a thread: the hashes of each, or what failed. */
export interface HashReply {
  readonly hashes?: readonly (readonly Uint8Array[])[];
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly next?: string;
    readonly exitCode?: ExitCode;
  };
}

function replyTo(spans: readonly Span[]): HashReply {
  try {
    return { hashes: spans.map(hashSpan) };
  } catch (thrown) {
    // a class does not survive the way to another thread
    if (!(thrown instanceof BitmodelError)) {
      return { failure: { code: 'HASH_FAILED', message: messageOf(thrown) } };
    }
    const { code, message, next, exitCode } = thrown;
    return { failure: { code, message, exitCode, ...(next === undefined ? {} : { next }) } };
  }
}

parentPort!.on('message', (spans: readonly Span[]) => parentPort!.postMessage(replyTo(spans)));
