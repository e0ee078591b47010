import { equalBytes, toHex } from '../../base/index.js';
import {
  encodeOutpoint,
  NO_JOB,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import type { ConnectableBlock } from '../consensus/connect.js';
import type { HeaderEntry } from '../consensus/headers.js';
import { orderedKey, outpointInGroup, scriptKey, utxoKey } from './keys.js';
import { encodeCoin, encodeLocation, encodeSpender, type TransactionLocation } from './records.js';
import type { Tables } from './tables.js';
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

const PRESENT = Uint8Array.of(1);

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

/** The scripts whose history the transaction belongs to, each once. */
function touchedScripts(placed: PlacedTransaction): Uint8Array[] {
  const keys = new Map<string, Uint8Array>();
  const touch = (script: Uint8Array): void => {
    if (isUnspendable(script)) return;
    const key = scriptKey(script);
    keys.set(toHex(key), key);
  };
  for (const coin of placed.spent) touch(coin.output.lockingScript);
  for (const output of placed.transaction.outputs) touch(output.lockingScript);
  return [...keys.values()];
}

function putCoin(tables: Tables, outpoint: Outpoint, coin: Coin): void {
  tables.utxos.putSync(utxoKey(outpoint), encodeCoin(coin));
  const group = scriptKey(coin.output.lockingScript);
  tables.addressUtxos.putSync(outpointInGroup(group, outpoint), PRESENT);
  putTokenCoin(tables, outpoint, coin);
}

function removeCoin(tables: Tables, outpoint: Outpoint, output: TransactionOutput): void {
  tables.utxos.removeSync(utxoKey(outpoint));
  tables.addressUtxos.removeSync(outpointInGroup(scriptKey(output.lockingScript), outpoint));
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
  spent.forEach((coin, inputIndex) => {
    const { outpoint } = transaction.inputs[inputIndex]!;
    removeCoin(tables, outpoint, coin.output);
    tables.spenders.putSync(encodeOutpoint(outpoint), encodeSpender({ hash, inputIndex, height }));
  });
  transaction.outputs.forEach((output, index) => {
    if (isUnspendable(output.lockingScript)) return;
    const coin = { output, height, coinbase: position === 0 };
    const carriesPins = pinned.has(index);
    putCoin(tables, { hash, index }, carriesPins ? { ...coin, carriesPins } : coin);
  });
  tables.transactions.putSync(hash, encodeLocation(placed.location));
  for (const key of touchedScripts(placed)) {
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
  revertTokens(tables, placed);
  tables.jobs.removeSync(orderedKey(transaction.jobId, height, position));
  for (const key of touchedScripts(placed)) {
    tables.history.removeSync(orderedKey(key, height, position));
  }
  tables.transactions.removeSync(hash);
  transaction.outputs.forEach((output, index) => {
    if (!isUnspendable(output.lockingScript)) {
      removeCoin(tables, { hash, index }, output);
    }
  });
  spent.forEach((coin, inputIndex) => {
    const { outpoint } = transaction.inputs[inputIndex]!;
    tables.spenders.removeSync(encodeOutpoint(outpoint));
    putCoin(tables, outpoint, coin);
  });
}
