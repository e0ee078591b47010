import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';

/** Most records of one answer. */
export const MAX_RECORDS = 100;
/** Most bytes of a record: as `MAX_RECORD_SIZE` of the host. */
const MAX_RECORD = 1_024;
/** Most bytes of a question or an answer. */
export const MAX_EXCHANGE = 4 + MAX_RECORDS * (MAX_RECORD + 3);

/**
 * Signed records of peers: an answer, or a question with the own record (none from a node that can't be dialled). A
 * var-int of how many, then each behind its length.
 */
export function encodeRecords(records: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter().list(records, (to, record) => to.varBytes(record)).finish();
}

/**
 * @param most records that it may hold
 * @throws BitmodelError `BAD_ENCODING`
 */
export function decodeRecords(bytes: Uint8Array, most: number): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => reader.list(1, most, readRecord));
}

function readRecord(reader: ByteReader): Uint8Array {
  const length = reader.varInt();
  if (length === 0 || length > MAX_RECORD) throw bad(`a record has ${length} bytes`);
  return reader.bytes(length);
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are not a valid encoding: ${why}.`);
}
