import { BitmodelError, concatBytes, equalBytes, sha256, utf8 } from '../../base/index.js';
import { ByteReader } from '../codec/ByteReader.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { decodeTransaction, encodeTransaction, type Transaction } from '../codec/transaction.js';

const MAGIC = utf8('BITMODEL-MEMPOOL');
const VERSION = 1;
const HASH_SIZE = 32;
/** A time, and a transaction of at least ten bytes behind its length. */
const LEAST_ENTRY = 8 + 1 + 10;
const LEAST_DELTA = HASH_SIZE + 8;

/** What a stopped node keeps of its mempool. */
export interface SavedMempool {
  /** Parents before children. */
  readonly entries: readonly {
    readonly transaction: Transaction;
    /** When it came, in seconds since 1970. */
    readonly time: number;
  }[];
  /** Fees changed by `prioritisetransaction`: by which hash (32 bytes in byte order) and how many base units. */
  readonly deltas: readonly (readonly [hash: Uint8Array, delta: bigint])[];
}

/**
 * Bytes of the file: magic, version u32, count and entries (time u64, length, transaction), count and changed fees (hash,
 * i64), and the SHA-256 of all that. Numbers are little-endian, counts and lengths var-ints.
 */
export function encodeSavedMempool({ entries, deltas }: SavedMempool): Uint8Array {
  const writer = new ByteWriter(4096).bytes(MAGIC).u32(VERSION).varInt(entries.length);
  for (const { transaction, time } of entries) {
    writer.u64(BigInt(time)).varBytes(encodeTransaction(transaction));
  }
  writer.varInt(deltas.length);
  for (const [hash, delta] of deltas) writer.bytes(hash).u64(BigInt.asUintN(64, delta));
  const body = writer.finish();
  return concatBytes(body, sha256(body));
}

/** @throws BitmodelError `MEMPOOL_FILE_DAMAGED` (the bytes are not as written), or `MEMPOOL_FILE_UNKNOWN` (another version) */
export function decodeSavedMempool(bytes: Uint8Array): SavedMempool {
  const end = Math.max(bytes.length - HASH_SIZE, 0);
  const body = bytes.subarray(0, end);
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw damaged('it is no such file');
  if (!equalBytes(sha256(body), bytes.subarray(end))) throw damaged('its checksum is wrong');
  try {
    return readBody(new ByteReader(body.subarray(MAGIC.length)));
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.code === 'BAD_ENCODING') {
      throw damaged('its fields do not fit together', thrown);
    }
    throw thrown;
  }
}

function readBody(reader: ByteReader): SavedMempool {
  const version = reader.u32();
  if (version !== VERSION) {
    const message = `The saved mempool has version ${version}, and this program reads ${VERSION}.`;
    throw new BitmodelError('MEMPOOL_FILE_UNKNOWN', message);
  }
  const entries = Array.from({ length: reader.count(LEAST_ENTRY) }, () => {
    const time = Number(reader.u64());
    if (!Number.isSafeInteger(time)) throw damaged('a time is beyond any clock');
    return { time, transaction: decodeTransaction(reader.varBytes()) };
  });
  const deltas = Array.from(
    { length: reader.count(LEAST_DELTA) },
    () => [reader.bytes(HASH_SIZE), BigInt.asIntN(64, reader.u64())] as const,
  );
  reader.end();
  return { entries, deltas };
}

function damaged(why: string, cause?: unknown): BitmodelError {
  const message = `The saved mempool is damaged: ${why}.`;
  return new BitmodelError('MEMPOOL_FILE_DAMAGED', message, { cause });
}
