import { fromHex } from '../../../base/index.js';
import { addressScript } from '../../address/address.js';
import { ByteWriter } from '../../codec/ByteWriter.js';
import {
  JOB_VERSION,
  NO_JOB,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
} from '../../codec/transaction.js';
import { MAX_MONEY, type NetworkParameters } from '../../consensus/parameters.js';
import { OP } from '../../script/opcodes.js';
import { pushData } from '../../script/push.js';
import { amountOf } from '../../wire/amount.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { jsonType } from '../arguments.js';
import { Params } from '../Params.js';

/** Version of transactions that carry no job id: Bitcoin's. */
const PLAIN_VERSION = 2;
const MAX_U32 = 0xffff_ffff;
/** A sequence of at most this says that the transaction may be replaced (BIP125). */
const REPLACEABLE = 0xffff_fffd;
/** The highest sequence with which a lock time counts. */
const LOCKABLE = 0xffff_fffe;

type JsonObject = Readonly<Record<string, unknown>>;

function invalid(message: string): RpcError {
  return new RpcError(RPC_CODE.invalidParameter, `Invalid parameter, ${message}`);
}

function wrongType(value: unknown, wanted: string): RpcError {
  const message = `JSON value of type ${jsonType(value)} is not of expected type ${wanted}`;
  return new RpcError(RPC_CODE.type, message);
}

function isObject(value: unknown): value is JsonObject {
  return jsonType(value) === 'object';
}

function readInput(value: unknown, defaultSequence: number): TransactionInput {
  if (!isObject(value)) throw wrongType(value, 'object');
  const { txid, vout, sequence } = value;
  const hash = new Params([txid]).hash(0, 'txid');
  if (typeof vout !== 'number') throw invalid('missing vout key');
  if (vout < 0) throw invalid('vout cannot be negative');
  const index = new Params([vout]).integer(0, 'vout', 0, MAX_U32);
  const number = typeof sequence === 'number' ? sequence : defaultSequence;
  if (!Number.isInteger(number) || number < 0 || number > MAX_U32) {
    throw invalid('sequence number is out of range');
  }
  return { outpoint: { hash, index }, unlockingScript: new Uint8Array(), sequence: number };
}

function dataScript(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw wrongType(value, 'string');
  try {
    const script = new ByteWriter().u8(OP.OP_RETURN).bytes(pushData(fromHex(value)));
    return script.finish();
  } catch {
    const message = `Data must be hexadecimal string (not '${value.slice(0, 80)}')`;
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
}

function paymentScript(address: string, parameters: NetworkParameters): Uint8Array {
  try {
    return addressScript(address, parameters);
  } catch (thrown) {
    const message = `Invalid Bitmodel address: ${address.slice(0, 80)}`;
    throw new RpcError(RPC_CODE.notFound, message, { cause: thrown });
  }
}

/** The entries of `{NAME: VALUE, …}` or `[{NAME: VALUE}, …]`, in their order. */
function outputEntries(value: unknown): [name: string, value: unknown][] {
  if (isObject(value)) return Object.entries(value);
  return (value as unknown[]).map((each) => {
    if (!isObject(each)) throw invalid('key-value pair not an object as expected');
    const entries = Object.entries(each);
    if (entries.length !== 1) throw invalid('key-value pair must contain exactly one key');
    return entries[0]!;
  });
}

function readOutputs(value: unknown, parameters: NetworkParameters): TransactionOutput[] {
  const seen = new Set<string>();
  return outputEntries(value).map(([name, worth]) => {
    if (seen.has(name)) {
      throw name === 'data'
        ? invalid('duplicate key: data')
        : invalid(`duplicated address: ${name.slice(0, 80)}`);
    }
    seen.add(name);
    if (name === 'data') return { value: 0n, lockingScript: dataScript(worth) };
    const lockingScript = paymentScript(name, parameters);
    const units = amountOf(worth);
    if (units > MAX_MONEY) throw new RpcError(RPC_CODE.type, 'Amount out of range');
    return { value: units, lockingScript };
  });
}

/** Replaceable unless told otherwise; a lock time counts only when no sequence says that it is final. */
function defaultSequence(replaceable: boolean, lockTime: number): number {
  if (replaceable) return REPLACEABLE;
  return lockTime === 0 ? MAX_U32 : LOCKABLE;
}

/**
 * The unsigned transaction that `createrawtransaction` asks for. Without a job it has version 2, and Bitcoin's own tools
 * read it.
 * @throws RpcError as Bitcoin Core
 */
export function createTransaction(params: Params, parameters: NetworkParameters): Transaction {
  if (params.has(2) && !isLockTime(params.raw(2))) throw invalid('locktime out of range');
  const lockTime = params.integer(2, 'locktime', 0, MAX_U32, 0);
  const replaceable = params.boolean(3, 'replaceable', true);
  const sequence = defaultSequence(replaceable, lockTime);
  const inputs = (params.raw(0) as unknown[]).map((each) => readInput(each, sequence));
  const isFinal = inputs.length > 0 && inputs.every((input) => input.sequence > REPLACEABLE);
  if (params.has(3) && replaceable && isFinal) {
    throw new RpcError(
      RPC_CODE.invalidParameter,
      'Invalid parameter combination: Sequence number(s) contradict replaceable option',
    );
  }
  const outputs = readOutputs(params.raw(1), parameters);
  const jobId = params.has(4) ? params.hex(4, 'jobid', 32) : NO_JOB;
  const version = params.has(4) ? JOB_VERSION : PLAIN_VERSION;
  return { version, inputs, outputs, lockTime, jobId };
}

function isLockTime(value: unknown): boolean {
  return typeof value !== 'number' || (value >= 0 && value <= MAX_U32);
}
