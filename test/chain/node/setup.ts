import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, utf8 } from '#src/base/index.js';
import {
  addressScript,
  type Block,
  ChainNode,
  type FixedInput,
  fundTransaction,
  type KeyPair,
  keyPair,
  merkleRoot,
  networkParameters,
  signP2pkhInputs,
  type Transaction,
  type TransactionOutput,
  transactionHash,
  type Utxo,
} from '#src/chain/index.js';
import { assembleBlock, solve } from '#src/chain/node/miner.js';

export const REGTEST = networkParameters('regtest');

/** A key of its own for each name. */
export function keyOf(name: string): KeyPair {
  return keyPair(sha256(utf8(name)), REGTEST);
}

export const MINER = keyOf('miner');
export const MINER_SCRIPT = addressScript(MINER.address, REGTEST);
export const OTHER = keyOf('other');
export const OTHER_SCRIPT = addressScript(OTHER.address, REGTEST);

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'bitmodel-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Copies a data folder, which a node may have open; what it listens on is no file. */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
}

/** A regtest node in a folder of its own, removed by `end`. */
export async function openTemporaryNode(
  options: { mempoolBytes?: number; threads?: number } = {},
): Promise<{ node: ChainNode; datadir: string; end(): Promise<void> }> {
  const { path, remove } = temporaryFolder();
  const node = await ChainNode.open({ datadir: path, network: 'regtest', ...options });
  const end = async (): Promise<void> => {
    await node.close();
    remove();
  };
  return { node, datadir: path, end };
}

/** The miner's coins that the next block may spend, those that nothing in the mempool spends. */
export function matureCoins(node: ChainNode): Utxo[] {
  const next = node.tip.height + 1;
  return node
    .unspentOf(MINER_SCRIPT)
    .filter(({ coin }) => !coin.coinbase || next - coin.height >= REGTEST.maturity)
    .map(({ outpoint, coin }) => ({ outpoint, ...coin }));
}

/** A signed transaction of the miner's that pays the outputs. */
export function payFromMiner(
  node: ChainNode,
  outputs: readonly TransactionOutput[],
  options: {
    utxos?: readonly Utxo[];
    inputs?: readonly FixedInput[];
    lockTime?: number;
    jobId?: Uint8Array;
    feeRate?: bigint;
  } = {},
): Transaction {
  const utxos = options.utxos ?? matureCoins(node);
  const request = { ...options, outputs, utxos, changeScript: MINER_SCRIPT };
  const { transaction, spentOutputs } = fundTransaction(request);
  return signP2pkhInputs(transaction, spentOutputs, [MINER]);
}

/** The coin that an output of a transaction will be. */
export function coinOf(transaction: Transaction, index: number): Utxo {
  const outpoint = { hash: transactionHash(transaction), index };
  return { outpoint, output: transaction.outputs[index]!, height: 0, coinbase: false };
}

export type Change = (block: Block) => Block;

/** The next block, changed by a test, with its Merkle root and nonce made right again unless told otherwise. */
export async function nextBlock(
  node: ChainNode,
  change: Change = (block) => block,
  options: { keepRoot?: boolean } = {},
): Promise<Block> {
  const { header, transactions } = change(assembleBlock(node, MINER_SCRIPT));
  const { root } = merkleRoot(transactions.map(transactionHash));
  const merkle = options.keepRoot ? header.merkleRoot : root;
  const solved = await solve({ ...header, merkleRoot: merkle, nonce: 0 }, () => true);
  return { header: solved!, transactions };
}

/** A block with another coinbase. */
export function withCoinbase(block: Block, change: (coinbase: Transaction) => Transaction): Block {
  const [first, ...rest] = block.transactions;
  return { ...block, transactions: [change(first!), ...rest] };
}

/** A block with transactions behind its own. */
export function withTransactions(block: Block, ...more: readonly Transaction[]): Block {
  return { ...block, transactions: [...block.transactions, ...more] };
}
