import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { sha256 } from '../../base/index.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { encodeOutputScript } from '../codec/token.js';
import type { Outpoint } from '../codec/transaction.js';
import { type Coin, hashKey } from '../consensus/coins.js';
import type { ChainStore } from './ChainStore.js';
import { decodeUtxoKey } from './keys.js';
import { decodeCoin, type HeaderRecord } from './records.js';
import { tableBytes } from './tables.js';

/** What `gettxoutsetinfo` tells of the set of unspent outputs, all of it as of one block. */
export interface UtxoSetInfo {
  readonly tip: HeaderRecord;
  /** Unspent outputs. */
  readonly txouts: number;
  /** Transactions with an unspent output. */
  readonly transactions: number;
  /** Base units. */
  readonly totalAmount: bigint;
  /** Bitcoin Core's measure of the set that does not depend on how it is stored. */
  readonly bogosize: number;
  /** Bytes of the pages that hold the set. */
  readonly diskSize: number;
  /** Bitcoin Core's `hash_serialized_3`: the double SHA-256 of every output, 32 bytes in byte order. */
  readonly hash: Uint8Array;
}

/** Outputs between two pauses: a few milliseconds. */
const CHUNK = 1_024;
/** What Bitcoin Core's GetBogoSize counts beside the script: id, index, height and flag, amount, length. */
const BOGO_OVERHEAD = 32 + 4 + 4 + 8 + 2;

/** Order of Bitcoin Core's serialisation: what is hashed of one output (`TxOutSer` in kernel/coinstats.cpp). */
function writeEntry(writer: ByteWriter, outpoint: Outpoint, coin: Coin, script: Uint8Array): void {
  writer.bytes(outpoint.hash).u32(outpoint.index);
  writer.u32(coin.height * 2 + (coin.coinbase ? 1 : 0));
  writer.u64(coin.output.value).varBytes(script);
}

/** Sums over the part of the set walked so far. */
class Walk {
  readonly sums = { txouts: 0, transactions: 0, totalAmount: 0n, bogosize: 0 };
  readonly #hash = createHash('sha256');
  #transaction = '';

  /** Takes the next outputs in the order of their keys. */
  take(entries: Iterable<{ key: Uint8Array; value: Uint8Array }>): Uint8Array | undefined {
    const writer = new ByteWriter(CHUNK * 96);
    let last: Uint8Array | undefined;
    for (const { key, value } of entries) {
      const coin = decodeCoin(value);
      const outpoint = decodeUtxoKey(key);
      const script = encodeOutputScript(coin.output);
      writeEntry(writer, outpoint, coin, script);
      const transaction = hashKey(outpoint.hash);
      if (transaction !== this.#transaction) this.sums.transactions++;
      this.#transaction = transaction;
      this.sums.txouts++;
      this.sums.totalAmount += coin.output.value;
      this.sums.bogosize += BOGO_OVERHEAD + script.length;
      last = Uint8Array.from(key);
    }
    this.#hash.update(writer.finish());
    return last;
  }

  hash(): Uint8Array {
    return sha256(this.#hash.digest());
  }
}

/**
 * Walks the set of unspent outputs in the order of Bitcoin Core (transaction hash, then index) over one snapshot, with
 * pauses, so that the node goes on meanwhile; only sums are held in memory. The script that is hashed and counted is
 * the field on the wire, a token's prefix included.
 * @throws BitmodelError `STORE_DAMAGED`, `NODE_STOPPING`
 */
export async function utxoSetInfo(store: ChainStore): Promise<UtxoSetInfo> {
  const snapshot = store.snapshot();
  try {
    // read at the same moment: nothing is written between two statements
    const tip = store.tip();
    const diskSize = tableBytes(store.tables.utxos);
    const walk = new Walk();
    let last: Uint8Array | undefined;
    const next = (): Uint8Array | undefined => walk.take(snapshot.range('utxos', last, CHUNK));
    for (let end = store.read(next); end; end = store.read(next)) {
      last = end;
      await setImmediate();
    }
    return { tip, ...walk.sums, diskSize, hash: walk.hash() };
  } finally {
    snapshot.done();
  }
}
