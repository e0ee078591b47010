import { crc32 } from 'node:zlib';
import { messageOf } from '../../base/index.js';
import { ByteReader } from '../codec/ByteReader.js';
import type { ByteWriter } from '../codec/ByteWriter.js';
import { damaged } from './damage.js';

const SEAL_SIZE = 4;

/** The record that was written with its CRC-32 behind it, so that a flipped bit is noticed: LMDB's pages carry none. */
export function seal(writer: ByteWriter): ByteWriter {
  return writer.u32(crc32(writer.written()));
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
  if (length < 0 || new ByteReader(sealed.subarray(length)).u32() !== crc32(record)) {
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
  try {
    return ByteReader.whole(record, read);
  } catch (thrown) {
    throw damaged(`${name} can't be read (${messageOf(thrown)})`, thrown);
  }
}
