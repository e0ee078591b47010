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

function encodeHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(3 + HASH * hashes.length);
  return writer.list(hashes, (to, hash) => to.bytes(hash)).finish();
}

function decodeHashes(bytes: Uint8Array, most: number): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => reader.list(HASH, most, () => reader.bytes(HASH)));
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
  const writer = new ByteWriter(3 + HEADER * headers.length);
  return writer.list(headers, (to, header) => to.bytes(encodeHeader(header))).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeHeaders(bytes: Uint8Array): BlockHeader[] {
  return ByteReader.whole(bytes, (reader) =>
    reader.list(HEADER, MAX_HEADERS, () => decodeHeader(reader.bytes(HEADER))),
  );
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
