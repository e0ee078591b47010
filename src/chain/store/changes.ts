import { equalBytes } from '../../base/index.js';
import type { ByteWriter } from '../codec/ByteWriter.js';
import {
  encodeOutpoint,
  NO_JOB,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import { type Coin, hashKey, isUnspendable } from '../consensus/coins.js';
import type { ConnectableBlock } from '../consensus/connect.js';
import type { HeaderEntry } from '../consensus/headers.js';
import { putIndexedCoin, removeIndexedCoin } from './coinIndex.js';
import { orderedKey, scriptKey, utxoKey } from './keys.js';
import { coinRecord, locationRecord, spenderRecord, type TransactionLocation } from './records.js';
import type { Table, Tables } from './tables.js';
import { applyTokens, putTokenCoin, removeTokenCoin, revertTokens } from './tokenIndex.js';

/** One transaction of the block that is being connected or disconnected. */
export interface PlacedTransaction {
  readonly transaction: Transaction;
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly location: TransactionLocation;
  readonly height: number;
  /** Its place in the block. */
  readonly position: number;
  /** Coins it spends, one per input; none for the coinbase. */
  readonly spent: readonly Coin[];
}

/** The transactions of a block with their places in it, in its order. */
export function* placeTransactions(
  entry: HeaderEntry,
  parts: Pick<ConnectableBlock, 'block' | 'hashes' | 'offsets' | 'spent'>,
): Generator<PlacedTransaction> {
  const { hash: blockHash, height } = entry;
  const { block, hashes, offsets, spent } = parts;
  for (const [position, transaction] of block.transactions.entries()) {
    const offset = offsets[position]!;
    const location = { blockHash, offset, length: offsets[position + 1]! - offset };
    const hash = hashes[position]!;
    yield { transaction, hash, location, height, position, spent: spent[position]! };
  }
}

/** What the scripts of a transaction are filed under, each hashed once. */
interface ScriptGroups {
  /** Of each coin that is spent. */
  readonly spent: readonly Uint8Array[];
  /** Of each output; undefined for one that nobody can spend. */
  readonly made: readonly (Uint8Array | undefined)[];
  /** All of them, none twice: whose history the transaction belongs to. */
  readonly touched: readonly Uint8Array[];
}

function groupsOf({ transaction, spent }: PlacedTransaction): ScriptGroups {
  const before = spent.map((coin) => scriptKey(coin.output.lockingScript));
  const made = transaction.outputs.map(({ lockingScript }) =>
    isUnspendable(lockingScript) ? undefined : scriptKey(lockingScript),
  );
  const touched = new Map<string, Uint8Array>();
  for (const group of before) touched.set(hashKey(group), group);
  for (const group of made) if (group) touched.set(hashKey(group), group);
  return { spent: before, made, touched: [...touched.values()] };
}

/** LMDB copies a value before it returns, so the writer's own bytes will do. */
function put(table: Table, key: Uint8Array, record: ByteWriter): void {
  record.into((value) => table.putSync(key, value));
}

function putCoin(tables: Tables, outpoint: Outpoint, coin: Coin, group: Uint8Array): void {
  put(tables.utxos, utxoKey(outpoint), coinRecord(coin));
  putIndexedCoin(tables, group, outpoint, coin);
  putTokenCoin(tables, outpoint, coin);
}

function removeCoin(
  tables: Tables,
  outpoint: Outpoint,
  output: TransactionOutput,
  group: Uint8Array,
): void {
  tables.utxos.removeSync(utxoKey(outpoint));
  removeIndexedCoin(tables, group, outpoint, output.value);
  removeTokenCoin(tables, outpoint, output.token);
}

/**
 * Spends the inputs, makes the outputs, and enters the transaction into every index but that of pins.
 * @param pinned indexes of the outputs that hold pins
 */
export function applyTransaction(
  tables: Tables,
  placed: PlacedTransaction,
  pinned: ReadonlySet<number>,
): void {
  const { transaction, hash, height, position, spent } = placed;
  const groups = groupsOf(placed);
  spent.forEach((coin, inputIndex) => {
    const { outpoint } = transaction.inputs[inputIndex]!;
    removeCoin(tables, outpoint, coin.output, groups.spent[inputIndex]!);
    put(tables.spenders, encodeOutpoint(outpoint), spenderRecord({ hash, inputIndex, height }));
  });
  transaction.outputs.forEach((output, index) => {
    const group = groups.made[index];
    if (!group) return;
    const coin = { output, height, coinbase: position === 0 };
    const carriesPins = pinned.has(index);
    putCoin(tables, { hash, index }, carriesPins ? { ...coin, carriesPins } : coin, group);
  });
  put(tables.transactions, hash, locationRecord(placed.location));
  for (const key of groups.touched) {
    tables.history.putSync(orderedKey(key, height, position), hash);
  }
  if (!equalBytes(transaction.jobId, NO_JOB)) {
    tables.jobs.putSync(orderedKey(transaction.jobId, height, position), hash);
  }
  applyTokens(tables, placed);
}

/** Undoes {@link applyTransaction} exactly. */
export function revertTransaction(tables: Tables, placed: PlacedTransaction): void {
  const { transaction, hash, height, position, spent } = placed;
  const groups = groupsOf(placed);
  revertTokens(tables, placed);
  tables.jobs.removeSync(orderedKey(transaction.jobId, height, position));
  for (const key of groups.touched) {
    tables.history.removeSync(orderedKey(key, height, position));
  }
  tables.transactions.removeSync(hash);
  transaction.outputs.forEach((output, index) => {
    const group = groups.made[index];
    if (group) removeCoin(tables, { hash, index }, output, group);
  });
  spent.forEach((coin, inputIndex) => {
    const { outpoint } = transaction.inputs[inputIndex]!;
    tables.spenders.removeSync(encodeOutpoint(outpoint));
    putCoin(tables, outpoint, coin, groups.spent[inputIndex]!);
  });
}
