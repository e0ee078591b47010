import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';

const HASH_SIZE = 32;
const KIND = { list: 0, have: 1 } as const;

/** Most transaction ids in one answer about a mempool, in one notice of new ones, and in one question for bodies. */
export const MOST_LISTED = 8192;
export const MOST_TOLD = 1024;
export const MOST_ASKED = 128;

/** Bytes of transactions after which an answer holds no more; one transaction may go beyond it. */
export const ANSWER_BYTES = 256 << 10;

/** What is said in `mempool/1`. Ids are 32 bytes in byte order. */
export type MempoolQuestion =
  /** Asks for ids, in an order in which parents come first, from the one behind `after` on. */
  | { readonly kind: 'list'; readonly after: Uint8Array | undefined }
  /** Says which transactions the asker has to give. */
  | { readonly kind: 'have'; readonly ids: readonly Uint8Array[] };

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no gossip of transactions: ${why}.`);
}

function writeIds(writer: ByteWriter, ids: readonly Uint8Array[]): ByteWriter {
  writer.varInt(ids.length);
  for (const id of ids) writer.bytes(id);
  return writer;
}

function readIds(reader: ByteReader, most: number): Uint8Array[] {
  const count = reader.count(HASH_SIZE);
  if (count > most) throw bad(`it names ${count} ids, more than ${most}`);
  return Array.from({ length: count }, () => reader.bytes(HASH_SIZE));
}

/** Reads all of some bytes. @throws BitmodelError `BAD_ENCODING` */
function whole<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

export function encodeMempoolQuestion(question: MempoolQuestion): Uint8Array {
  const writer = new ByteWriter().u8(KIND[question.kind]);
  if (question.kind === 'have') return writeIds(writer, question.ids).finish();
  return writeIds(writer, question.after ? [question.after] : []).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMempoolQuestion(bytes: Uint8Array): MempoolQuestion {
  return whole(bytes, (reader) => {
    const kind = reader.u8();
    if (kind === KIND.have) return { kind: 'have', ids: readIds(reader, MOST_TOLD) };
    if (kind !== KIND.list) throw bad(`there is no question ${kind}`);
    return { kind: 'list', after: readIds(reader, 1)[0] };
  });
}

/** A page of a mempool's ids. */
export interface MempoolPage {
  readonly ids: readonly Uint8Array[];
  /** Whether there are more behind the last one. */
  readonly isMore: boolean;
}

export function encodeMempoolPage({ ids, isMore }: MempoolPage): Uint8Array {
  return writeIds(new ByteWriter().u8(isMore ? 1 : 0), ids).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMempoolPage(bytes: Uint8Array): MempoolPage {
  return whole(bytes, (reader) => {
    const flag = reader.u8();
    if (flag > 1) throw bad('a flag is neither set nor unset');
    const ids = readIds(reader, MOST_LISTED);
    if (flag === 1 && ids.length === 0) throw bad('a page with more behind it is empty');
    return { ids, isMore: flag === 1 };
  });
}

/** A question of `transactions/1`: ids of transactions whose bytes are wanted. */
export function encodeWanted(ids: readonly Uint8Array[]): Uint8Array {
  return writeIds(new ByteWriter(), ids).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeWanted(bytes: Uint8Array): Uint8Array[] {
  return whole(bytes, (reader) => readIds(reader, MOST_ASKED));
}

/** An answer of `transactions/1`: encoded transactions, as many of those wanted as there are and fit. */
export function encodeGiven(transactions: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter().varInt(transactions.length);
  for (const transaction of transactions) writer.varBytes(transaction);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeGiven(bytes: Uint8Array): Uint8Array[] {
  return whole(bytes, (reader) => {
    const count = reader.count(1);
    if (count > MOST_ASKED) throw bad(`it holds ${count} transactions, more than ${MOST_ASKED}`);
    return Array.from({ length: count }, () => reader.varBytes());
  });
}
