import { formatAmount, fromHex } from '../../base/index.js';
import type { RpcClient } from '../client/RpcClient.js';
import { decodePin } from '../pins/pin.js';
import { amountOf } from '../wire/amount.js';
import type { TokenJson } from '../wire/tokenView.js';
import { callExact, coinsOf, mapFew } from './exact.js';

interface ScriptJson {
  readonly hex: string;
  readonly type: string;
  readonly address?: string;
}

interface CoinJson {
  readonly value: unknown;
  readonly scriptPubKey: ScriptJson;
  readonly tokenData?: TokenJson;
}

interface InputJson {
  readonly coinbase?: string;
  readonly txid?: string;
  readonly vout?: number;
  readonly sequence: number;
  readonly prevout?: CoinJson & { readonly height: number; readonly generated: boolean };
}

interface TransactionJson {
  readonly txid: string;
  readonly version: number;
  readonly size: number;
  readonly locktime: number;
  readonly jobid?: string;
  readonly vin: readonly InputJson[];
  readonly vout: readonly (CoinJson & { readonly n: number })[];
  readonly fee?: unknown;
  readonly blockhash?: string;
  readonly height?: number;
  readonly confirmations?: number;
  readonly time?: number;
}

/** A coin, for people and pages: amounts are decimal coins as text. */
export interface ShownCoin {
  readonly value: string;
  /** pubkeyhash, pubkey, nulldata or nonstandard. */
  readonly type: string;
  readonly address?: string;
  /** The locking script in hex. */
  readonly script: string;
  readonly token?: TokenJson;
}

/** An input as an explorer shows it. */
export interface ShownInput extends Partial<ShownCoin> {
  /** `TXID:OUTPUT`; absent in a coinbase. */
  readonly from?: string;
  /** What a coinbase says, in hex. */
  readonly coinbase?: string;
  readonly sequence: number;
}

/** An output as an explorer shows it, with what spent it. */
export interface ShownOutput extends ShownCoin {
  readonly index: number;
  /** What spent it; null while nothing has. Left out on pages that show many transactions. */
  readonly spent?: { readonly txid: string; readonly vin: number; readonly height: number } | null;
  /** What a pin says in this output. */
  readonly says?: {
    readonly operation: string;
    readonly path: string;
    readonly contentType: string;
  };
  /** Ids of the pins that lie in it while it is unspent. */
  readonly pins?: readonly string[];
}

/** Everything about a transaction that an explorer shows. */
export interface ShownTransaction {
  readonly txid: string;
  readonly version: number;
  readonly size: number;
  readonly lockTime: number;
  /** The job that it pays for, unless that is zeros. */
  readonly job?: string;
  readonly block?: string;
  /** Undefined in the mempool. */
  readonly height?: number;
  readonly confirmations: number;
  /** The block's time, or when the mempool took it, in seconds since 1970. */
  readonly time?: number;
  /** Undefined for a coinbase. */
  readonly fee?: string;
  /** Base units per byte, to three places. */
  readonly feeRate?: string;
  readonly inputs: readonly ShownInput[];
  readonly outputs: readonly ShownOutput[];
}

/** Outputs of which it is asked whether they are spent. */
const MAX_SPENDS_ASKED = 1_000;
const NO_JOB = /^0*$/;

function shownCoin({ value, scriptPubKey, tokenData }: CoinJson): ShownCoin {
  const { type, address, hex } = scriptPubKey;
  return {
    value: coinsOf(value),
    type,
    ...(address === undefined ? {} : { address }),
    script: hex,
    ...(tokenData ? { token: tokenData } : {}),
  };
}

function shownInput({ coinbase, txid, vout, sequence, prevout }: InputJson): ShownInput {
  if (coinbase !== undefined) return { coinbase, sequence };
  return { from: `${txid}:${vout}`, ...(prevout ? shownCoin(prevout) : {}), sequence };
}

function shownOutput(output: CoinJson & { readonly n: number }): ShownOutput {
  const pin = decodePin(fromHex(output.scriptPubKey.hex));
  return {
    index: output.n,
    ...shownCoin(output),
    ...(pin
      ? { says: { operation: pin.operation, path: pin.path, contentType: pin.contentType } }
      : {}),
  };
}

/** Thousandths of a base unit per byte, written as a decimal. */
function feeRate(fee: bigint, size: number): string {
  const thousandths = (fee * 1_000n) / BigInt(size);
  return `${thousandths / 1_000n}.${(thousandths % 1_000n).toString().padStart(3, '0')}`;
}

function shown(json: TransactionJson): ShownTransaction {
  const fee = json.fee === undefined ? undefined : amountOf(json.fee);
  const { jobid, blockhash, height, time } = json;
  return {
    txid: json.txid,
    version: json.version,
    size: json.size,
    lockTime: json.locktime,
    ...(jobid === undefined || NO_JOB.test(jobid) ? {} : { job: jobid }),
    ...(blockhash === undefined ? {} : { block: blockhash }),
    ...(height === undefined ? {} : { height }),
    confirmations: json.confirmations ?? 0,
    ...(time === undefined ? {} : { time }),
    ...(fee === undefined ? {} : { fee: formatAmount(fee), feeRate: feeRate(fee, json.size) }),
    inputs: json.vin.map(shownInput),
    outputs: json.vout.map(shownOutput),
  };
}

/**
 * A transaction as pages with many of them show it: with what its inputs are worth, and its fee.
 * @param block id of the block to look in, for one off the active chain
 * @throws RpcError `NOT_FOUND`
 */
export async function exploreBriefly(
  rpc: RpcClient,
  txid: string,
  block?: string,
): Promise<ShownTransaction> {
  const where = block === undefined ? [] : [block];
  return shown(await callExact<TransactionJson>(rpc, 'getrawtransaction', txid, 2, ...where));
}

/**
 * A transaction with all that an explorer shows of it: also what spent its outputs, and the pins that lie in them.
 * @throws RpcError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function exploreTransaction(rpc: RpcClient, txid: string): Promise<ShownTransaction> {
  const found = await exploreBriefly(rpc, txid);
  const asked = found.outputs.slice(0, MAX_SPENDS_ASKED);
  const outputs = await mapFew(asked, async (output): Promise<ShownOutput> => {
    const known = await rpc.call<Pick<ShownOutput, 'spent' | 'pins'> | null>(
      'getoutpointspend',
      txid,
      output.index,
    );
    return {
      ...output,
      spent: known?.spent ?? null,
      ...(known?.pins ? { pins: known.pins } : {}),
    };
  });
  return { ...found, outputs: [...outputs, ...found.outputs.slice(MAX_SPENDS_ASKED)] };
}
