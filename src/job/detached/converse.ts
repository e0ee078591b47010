import type { ChainClient, KeyPair } from '../../chain/index.js';
import { pause } from '../sending.js';
import { Mail } from './Mail.js';
import type { Note, NoteOf } from './notes.js';

/** Between whom something is said. */
export interface Correspondents {
  /** Of the job: what it signs is its buyer's. */
  readonly key: KeyPair;
  /** Public key, hex. */
  readonly watcher: string;
  /** Peer id of the watcher's node; absent where that is the buyer's own. */
  readonly at: string | undefined;
}

/** Milliseconds after which a letter that was not answered is sent again, and between two looks for the answer. */
const AGAIN = 2_000;
const LOOK = 100;

/**
 * Says something to a watcher, in one letter that is posted again and again until it answers about this job.
 * @returns undefined where it did not in time
 * @throws RpcError where the own node does not answer; AbortError
 */
export async function converse(
  chain: ChainClient,
  { key, watcher, at }: Correspondents,
  note: Extract<Note, { kind: 'hand' | 'ask' | 'back' }>,
  patience: number,
  signal: AbortSignal,
): Promise<NoteOf<'tell'> | undefined> {
  const mail = new Mail(chain, key);
  // it is asked first, so that the node keeps what comes for this key
  await mail.receive();
  const own = mail.node;
  // a watcher of the same node needs no way back over the network
  const node = at === undefined || own === undefined ? undefined : own;
  // one letter, however often it is posted: a copy that comes late says nothing new
  const letter = mail.write(watcher, at, { ...note, ...(node === undefined ? {} : { node }) });
  const end = Date.now() + patience;
  let sentAt = 0;
  while (Date.now() < end) {
    signal.throwIfAborted();
    if (Date.now() >= sentAt + AGAIN) {
      sentAt = Date.now();
      await mail.post(letter);
    }
    for (const received of await mail.receive()) {
      const { note: said } = received;
      const isIt = said.kind === 'tell' && said.jobId === note.jobId;
      if (received.from === watcher && isIt) return said;
    }
    await pause(LOOK, signal);
  }
  return undefined;
}
