import { BitmodelError } from '../../base/index.js';
import {
  type BlockHeader,
  ByteReader,
  ByteWriter,
  decodeHeader,
  encodeHeader,
} from '../../chain/index.js';
import { MAX_BLOCKS_ASKED, MAX_HEADERS, MAX_LOCATOR } from './protocols.js';

const HASH = 32;
const HEADER = 80;

function readCount(reader: ByteReader, size: number, most: number): number {
  const count = reader.count(size);
  if (count > most) throw new BitmodelError('BAD_ENCODING', `A list is longer than ${most}.`);
  return count;
}

function encodeHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(3 + HASH * hashes.length).varInt(hashes.length);
  for (const hash of hashes) writer.bytes(hash);
  return writer.finish();
}

function decodeHashes(bytes: Uint8Array, most: number): Uint8Array[] {
  const reader = new ByteReader(bytes);
  const count = readCount(reader, HASH, most);
  const hashes = Array.from({ length: count }, () => reader.bytes(HASH));
  reader.end();
  return hashes;
}

/** A question of `headers/1`: hashes of one's chain from the top down, ever sparser, at most {@link MAX_LOCATOR}. */
export function encodeLocator(hashes: readonly Uint8Array[]): Uint8Array {
  return encodeHashes(hashes);
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeLocator(bytes: Uint8Array): Uint8Array[] {
  return decodeHashes(bytes, MAX_LOCATOR);
}

/** An answer of `headers/1`: the headers above the first hash of the locator that is known, at most {@link MAX_HEADERS}. */
export function encodeHeaders(headers: readonly BlockHeader[]): Uint8Array {
  const writer = new ByteWriter(3 + HEADER * headers.length).varInt(headers.length);
  for (const header of headers) writer.bytes(encodeHeader(header));
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeHeaders(bytes: Uint8Array): BlockHeader[] {
  const reader = new ByteReader(bytes);
  const count = readCount(reader, HEADER, MAX_HEADERS);
  const headers = Array.from({ length: count }, () => decodeHeader(reader.bytes(HEADER)));
  reader.end();
  return headers;
}

/** A question of `blocks/1`: hashes of blocks, from the lowest up, at most {@link MAX_BLOCKS_ASKED}. */
export function encodeWanted(hashes: readonly Uint8Array[]): Uint8Array {
  return encodeHashes(hashes);
}

/** @throws BitmodelError `BAD_ENCODING` when there are none or too many */
export function decodeWanted(bytes: Uint8Array): Uint8Array[] {
  const hashes = decodeHashes(bytes, MAX_BLOCKS_ASKED);
  if (hashes.length === 0) throw new BitmodelError('BAD_ENCODING', 'Nothing is asked for.');
  return hashes;
}
