import { toHex } from '../../base/index.js';
import { encodeHeader } from '../codec/block.js';
import {
  encodeTransaction,
  hashToId,
  JOB_VERSION,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  transactionHash,
} from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { isCoinbase } from '../consensus/transactionRules.js';
import type { ChainNode } from '../node/ChainNode.js';
import type { HeaderRecord } from '../store/records.js';
import { JsonAmount, JsonList } from '../wire/json.js';
import { tokenView } from '../wire/tokenView.js';
import { scriptAsm, scriptView } from './scriptViews.js';

function outputView(output: TransactionOutput, n: number, parameters: NetworkParameters): object {
  const { value, lockingScript, token } = output;
  return {
    value: new JsonAmount(value),
    n,
    scriptPubKey: scriptView(lockingScript, parameters),
    ...(token ? { tokenData: tokenView(token) } : {}),
  };
}

function coinView({ coinbase, height, output }: Coin, parameters: NetworkParameters): object {
  return {
    generated: coinbase,
    height,
    value: new JsonAmount(output.value),
    scriptPubKey: scriptView(output.lockingScript, parameters),
    ...(output.token ? { tokenData: tokenView(output.token) } : {}),
  };
}

function inputView(input: TransactionInput, coinbase: boolean, prevout?: object): object {
  const { outpoint, unlockingScript, sequence } = input;
  if (coinbase) return { coinbase: toHex(unlockingScript), sequence };
  return {
    txid: hashToId(outpoint.hash),
    vout: outpoint.index,
    scriptSig: { asm: scriptAsm(unlockingScript), hex: toHex(unlockingScript) },
    ...(prevout ? { prevout } : {}),
    sequence,
  };
}

/** What is known of a transaction beside its bytes. */
export interface TransactionSurroundings {
  /** The coins that it spends, by its inputs: they give the fee. */
  readonly coins?: readonly (Coin | undefined)[] | undefined;
  /** Show those coins, too. */
  readonly prevouts?: boolean;
}

function feeOf(
  { outputs }: Transaction,
  coins: readonly (Coin | undefined)[] | undefined,
): bigint | undefined {
  if (!coins?.length || coins.includes(undefined)) return undefined;
  const spent = coins.reduce((sum, coin) => sum + coin!.output.value, 0n);
  return outputs.reduce((left, { value }) => left - value, spent);
}

/** A transaction as `decoderawtransaction` shows it; inputs and outputs are made as they are written. */
export function transactionView(
  transaction: Transaction,
  parameters: NetworkParameters,
  { coins, prevouts = false }: TransactionSurroundings = {},
): object {
  const { length } = encodeTransaction(transaction);
  const coinbase = isCoinbase(transaction);
  const txid = hashToId(transactionHash(transaction));
  const fee = feeOf(transaction, coins);
  return {
    txid,
    hash: txid,
    version: transaction.version,
    size: length,
    vsize: length,
    weight: 4 * length,
    locktime: transaction.lockTime,
    ...(transaction.version >= JOB_VERSION ? { jobid: toHex(transaction.jobId) } : {}),
    vin: new JsonList(transaction.inputs, (input, index) => {
      const coin = prevouts ? coins?.[index] : undefined;
      return inputView(input, coinbase, coin && coinView(coin, parameters));
    }),
    vout: new JsonList(transaction.outputs, (output, n) => outputView(output, n, parameters)),
    ...(fee === undefined ? {} : { fee: new JsonAmount(fee) }),
  };
}

/** How much harder than difficulty 1 of Bitcoin a target is, computed as Bitcoin Core does; for people only. */
export function difficultyOf(bits: number): number {
  const exponent = bits >>> 24;
  return (0xffff / (bits & 0xff_ffff)) * 256 ** (29 - exponent);
}

/** A work as 64 hexadecimal digits. */
export function workView(work: bigint): string {
  return work.toString(16).padStart(64, '0');
}

/** Confirmations of a header: 1 at the tip, -1 off the active chain. */
function confirmationsOf(node: ChainNode, entry: HeaderRecord): number {
  return node.store.isActive(entry) ? node.tip.height - entry.height + 1 : -1;
}

/** A header as `getblockheader` shows it. */
export function headerView(node: ChainNode, entry: HeaderRecord): Record<string, unknown> {
  const { header, height } = entry;
  const next = node.store.isActive(entry) ? node.store.hashAt(height + 1) : undefined;
  return {
    hash: hashToId(entry.hash),
    confirmations: confirmationsOf(node, entry),
    height,
    version: header.version,
    versionHex: (header.version >>> 0).toString(16).padStart(8, '0'),
    merkleroot: hashToId(header.merkleRoot),
    time: header.time,
    mediantime: node.medianTimeOf(entry),
    nonce: header.nonce,
    bits: header.bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(header.bits),
    chainwork: workView(entry.work),
    nTx: entry.transactionCount,
    ...(height === 0 ? {} : { previousblockhash: hashToId(header.previousHash) }),
    ...(next ? { nextblockhash: hashToId(next) } : {}),
  };
}

/** The 80 bytes of a header in hex. */
export function headerHex(entry: HeaderRecord): string {
  return toHex(encodeHeader(entry.header));
}
