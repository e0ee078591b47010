import { toHex } from '../../base/index.js';
import { encodeHeader } from '../codec/block.js';
import {
  encodeTransaction,
  hashToId,
  JOB_VERSION,
  type Transaction,
  type TransactionOutput,
  transactionHash,
} from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { bitsToTarget } from '../consensus/target.js';
import { isCoinbase } from '../consensus/transactionRules.js';
import type { ChainNode } from '../node/ChainNode.js';
import { disassemble } from '../script/assembler.js';
import { classifyScript } from '../script/standard.js';
import type { HeaderRecord } from '../store/records.js';
import { scriptAddress } from '../wallet/address.js';
import { JsonAmount } from './json.js';

/** A locking script as Bitcoin Core's `scriptPubKey`. */
export function scriptView(script: Uint8Array, parameters: NetworkParameters): object {
  const address = scriptAddress(script, parameters);
  return {
    asm: disassemble(script),
    hex: toHex(script),
    ...(address === undefined ? {} : { address }),
    type: classifyScript(script).type,
  };
}

function outputView(output: TransactionOutput, n: number, parameters: NetworkParameters): object {
  return {
    value: new JsonAmount(output.value),
    n,
    scriptPubKey: scriptView(output.lockingScript, parameters),
  };
}

/** A transaction as `decoderawtransaction` shows it. */
export function transactionView(transaction: Transaction, parameters: NetworkParameters): object {
  const bytes = encodeTransaction(transaction);
  const coinbase = isCoinbase(transaction);
  const txid = hashToId(transactionHash(transaction));
  return {
    txid,
    hash: txid,
    version: transaction.version,
    size: bytes.length,
    vsize: bytes.length,
    locktime: transaction.lockTime,
    ...(transaction.version >= JOB_VERSION ? { jobid: toHex(transaction.jobId) } : {}),
    vin: transaction.inputs.map(({ outpoint, unlockingScript, sequence }) =>
      coinbase
        ? { coinbase: toHex(unlockingScript), sequence }
        : {
            txid: hashToId(outpoint.hash),
            vout: outpoint.index,
            scriptSig: { asm: disassemble(unlockingScript), hex: toHex(unlockingScript) },
            sequence,
          },
    ),
    vout: transaction.outputs.map((output, n) => outputView(output, n, parameters)),
  };
}

/** How much harder than difficulty 1 of Bitcoin a target is; for people only. */
export function difficultyOf(bits: number): number {
  const one = 0xffffn << 208n;
  return Number((one * 1_000_000_000_000n) / bitsToTarget(bits)!) / 1e12;
}

/** A work as 64 hexadecimal digits. */
export function workView(work: bigint): string {
  return work.toString(16).padStart(64, '0');
}

/** Confirmations of a header: 1 at the tip, -1 off the active chain. */
export function confirmationsOf(node: ChainNode, entry: HeaderRecord): number {
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
