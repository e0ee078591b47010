import { hashToId, type Transaction, transactionHash } from '../../codec/transaction.js';
import { hashKey, outpointKey } from '../../consensus/coins.js';
import type { Trial } from '../../mempool/Admission.js';
import type { NewEntry } from '../../mempool/entry.js';
import { feeAt } from '../../mempool/MinimumFee.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { Params } from '../Params.js';
import { decodeParam } from './decodeParam.js';

/** Most transactions of a package, as Bitcoin Core has it. */
const MAX_PACKAGE = 25;
/** Rates from 1 coin per 1,000 bytes on are taken for a slip, as Bitcoin Core does. */
const ABSURD_RATE = 100_000_000n;
/** Unless stated, 0.1 coins per 1,000 bytes. */
const DEFAULT_MAX_RATE = 10_000_000n;

/** The rate in base units per 1,000 bytes above which a transaction is not sent; 0 is no limit. */
export function maxFeeRate(params: Params, index: number): bigint {
  if (!params.has(index)) return DEFAULT_MAX_RATE;
  const rate = params.amount(index, 'maxfeerate');
  if (rate < ABSURD_RATE) return rate;
  const message = 'Fee rates larger than or equal to 1 coin/kvB are not accepted';
  throw new RpcError(RPC_CODE.invalidParameter, message);
}

/** Whether a fee is beyond what the caller meant to pay. */
export function exceedsRate(fee: bigint, size: number, maximum: bigint): boolean {
  return maximum !== 0n && fee > feeAt(maximum, size);
}

/** Why transactions make no package at all. */
function packageError(transactions: readonly Transaction[], hashes: readonly Uint8Array[]) {
  const later = new Set(hashes.map(hashKey));
  if (later.size < hashes.length) return 'package-contains-duplicates';
  const spent = new Set<string>();
  for (const [index, { inputs }] of transactions.entries()) {
    if (inputs.some(({ outpoint }) => later.has(hashKey(outpoint.hash)))) {
      return 'package-not-sorted';
    }
    later.delete(hashKey(hashes[index]!));
  }
  for (const { inputs } of transactions) {
    for (const { outpoint } of inputs) {
      const key = outpointKey(outpoint);
      if (spent.has(key)) return 'conflict-in-package';
      spent.add(key);
    }
  }
  return undefined;
}

function allowedView({ fee, size }: NewEntry, txid: string): object {
  return {
    allowed: true,
    vsize: size,
    fees: {
      base: new JsonAmount(fee),
      'effective-feerate': new JsonAmount((fee * 1_000n) / BigInt(size)),
      'effective-includes': [txid],
    },
  };
}

function trialView(trial: Trial, txid: string, maximum: bigint): object {
  if (!trial) return {};
  if ('refused' in trial) {
    const { reason, message } = trial.refused;
    const missing = reason === 'bad-txns-inputs-missingorspent';
    return {
      allowed: false,
      'reject-reason': missing ? 'missing-inputs' : reason,
      'reject-details': message,
    };
  }
  const { fee, size } = trial.entry;
  if (!exceedsRate(fee, size, maximum)) return allowedView(trial.entry, txid);
  return { allowed: false, 'reject-reason': 'max-fee-exceeded' };
}

/** One alone may replace what waits; several are tried one after the other and may not. */
function tryAll({ admission }: ChainNode, transactions: readonly Transaction[]): Trial[] {
  return transactions.length === 1
    ? [admission.trial(transactions[0]!)]
    : admission.testPackage(transactions);
}

/** `testmempoolaccept`: whether transactions would be taken, in Bitcoin Core's shape. */
export function testAccept(node: ChainNode, params: Params): object[] {
  const list = params.raw(0);
  if (!Array.isArray(list) || list.length < 1 || list.length > MAX_PACKAGE) {
    const message = `Array must contain between 1 and ${MAX_PACKAGE} transactions.`;
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  const given = new Params(list);
  const transactions = list.map((_, index) => decodeParam(given, index));
  const maximum = maxFeeRate(params, 1);
  const hashes = transactions.map(transactionHash);
  const ids = hashes.map(hashToId);
  const broken = packageError(transactions, hashes);
  if (broken) return ids.map((txid) => ({ txid, wtxid: txid, 'package-error': broken }));
  const trials = tryAll(node, transactions);
  let exceeded = false;
  return trials.map((trial, index) => {
    const txid = ids[index]!;
    // as Bitcoin Core: what comes after one that pays too much is not judged
    const view = exceeded ? {} : trialView(trial, txid, maximum);
    exceeded ||= 'reject-reason' in view;
    return { txid, wtxid: txid, ...view };
  });
}
