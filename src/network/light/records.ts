import { BitmodelError, equalBytes } from '../../base/index.js';
import {
  ByteReader,
  ByteWriter,
  type LightRecord,
  readMerkleTree,
  writeMerkleTree,
} from '../../chain/index.js';
import { type Claim, claimOf } from './Claims.js';
import { decodedTransaction, type Fact, provenPlace } from './facts.js';
import type { HeaderChain } from './HeaderChain.js';

/** First bytes of the keys of records. */
const FACT = 0x66;
const OUTGOING = 0x6f;

function keyOf(kind: number, hash: Uint8Array): Uint8Array {
  return new ByteWriter(33).u8(kind).bytes(hash).finish();
}

/** Key of the record of a proven transaction. */
export function factKey({ hash }: Pick<Fact, 'hash'>): Uint8Array {
  return keyOf(FACT, hash);
}

/** A proven transaction with what proves it, to be kept on disk. */
export function factRecord(fact: Fact): LightRecord {
  const writer = new ByteWriter(fact.bytes.length + 600).bytes(fact.blockHash);
  writeMerkleTree(writer, fact.tree);
  return { key: factKey(fact), value: writer.varBytes(fact.bytes).finish() };
}

/** Key of the record of a transaction that was sent. */
export function outgoingKey({ hash }: Pick<Claim, 'hash'>): Uint8Array {
  return keyOf(OUTGOING, hash);
}

/** A transaction that was sent and is not known to be in a block. */
export function outgoingRecord(claim: Claim): LightRecord {
  return { key: outgoingKey(claim), value: claim.bytes };
}

function factOf({ key, value }: LightRecord, headers: HeaderChain): Fact | undefined {
  const reader = new ByteReader(value);
  const blockHash = reader.bytes(32);
  const tree = readMerkleTree(reader);
  const bytes = reader.varBytes();
  reader.end();
  const header = headers.header(blockHash);
  if (!header) return undefined;
  const hash = key.slice(1);
  const position = provenPlace(tree, header, hash);
  const { transaction, txid, hash: real } = decodedTransaction(bytes);
  if (position === undefined || !equalBytes(real, hash)) return undefined;
  return { txid, hash, transaction, bytes, blockHash, tree, height: header.height, position };
}

/** What a light node's own records say, checked as when it came. */
export interface Remembered {
  readonly facts: readonly Fact[];
  readonly outgoing: readonly Claim[];
  /** Keys of records that say nothing any more: their block is no longer on the chain, or they are damaged. */
  readonly useless: readonly Uint8Array[];
}

/** Reads a light node's own records. */
export function remember(records: readonly LightRecord[], headers: HeaderChain): Remembered {
  const facts: Fact[] = [];
  const outgoing: Claim[] = [];
  const useless: Uint8Array[] = [];
  for (const record of records) {
    try {
      if (record.key[0] === OUTGOING) {
        outgoing.push(claimOf(record.value, true));
        continue;
      }
      const fact = factOf(record, headers);
      if (fact) facts.push(fact);
      else useless.push(record.key);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      useless.push(record.key);
    }
  }
  return { facts, outgoing, useless };
}
