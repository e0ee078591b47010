import { crc32 } from 'node:zlib';
import { messageOf } from '../../base/index.js';
import { ByteReader } from '../codec/reader.js';
import { damaged } from './damage.js';

const SEAL_SIZE = 4;

/** A record with its CRC-32 behind it, so that a flipped bit is noticed: LMDB's pages carry no checksum. */
export function seal(record: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(record.length + SEAL_SIZE);
  sealed.set(record);
  new DataView(sealed.buffer).setUint32(record.length, crc32(record), true);
  return sealed;
}

/**
 * Reads a record whole, front to back, after its checksum was found right.
 * @param name what the record is, for the error
 * @throws BitmodelError `STORE_DAMAGED`
 */
export function readSealed<T>(
  sealed: Uint8Array,
  name: string,
  read: (reader: ByteReader) => T,
): T {
  const length = sealed.length - SEAL_SIZE;
  const record = sealed.subarray(0, Math.max(length, 0));
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (length < 0 || view.getUint32(length, true) !== crc32(record)) {
    throw damaged(`${name} does not match its checksum`);
  }
  return readRecord(record, name, read);
}

/** Reads a record that has no checksum; nothing may be left over. @throws BitmodelError `STORE_DAMAGED` */
export function readRecord<T>(
  record: Uint8Array,
  name: string,
  read: (reader: ByteReader) => T,
): T {
  const reader = new ByteReader(record);
  try {
    const value = read(reader);
    reader.end();
    return value;
  } catch (thrown) {
    throw damaged(`${name} can't be read (${messageOf(thrown)})`, thrown);
  }
}
