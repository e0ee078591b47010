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
  return writer.list(ids, (to, id) => to.bytes(id));
}

function readIds(reader: ByteReader, most: number): Uint8Array[] {
  return reader.list(HASH_SIZE, most, () => reader.bytes(HASH_SIZE));
}

/** Bytes of a question of `mempool/1`. */
export function encodeMempoolQuestion(question: MempoolQuestion): Uint8Array {
  const writer = new ByteWriter().u8(KIND[question.kind]);
  if (question.kind === 'have') return writeIds(writer, question.ids).finish();
  return writeIds(writer, question.after ? [question.after] : []).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMempoolQuestion(bytes: Uint8Array): MempoolQuestion {
  return ByteReader.whole(bytes, (reader) => {
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

/** Bytes of the answer to a question for ids. */
export function encodeMempoolPage({ ids, isMore }: MempoolPage): Uint8Array {
  return writeIds(new ByteWriter().flag(isMore), ids).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeMempoolPage(bytes: Uint8Array): MempoolPage {
  return ByteReader.whole(bytes, (reader) => {
    const isMore = reader.flag();
    const ids = readIds(reader, MOST_LISTED);
    if (isMore && ids.length === 0) throw bad('a page with more behind it is empty');
    return { ids, isMore };
  });
}

/** A question of `transactions/1`: ids of transactions whose bytes are wanted. */
export function encodeWanted(ids: readonly Uint8Array[]): Uint8Array {
  return writeIds(new ByteWriter(), ids).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeWanted(bytes: Uint8Array): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => readIds(reader, MOST_ASKED));
}

/** An answer of `transactions/1`: encoded transactions, as many of those wanted as there are and fit. */
export function encodeGiven(transactions: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter().list(transactions, (to, each) => to.varBytes(each)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeGiven(bytes: Uint8Array): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => reader.list(1, MOST_ASKED, () => reader.varBytes()));
}
