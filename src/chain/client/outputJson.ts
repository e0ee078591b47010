import { type BitmodelError, fromHex, messageOf, parseAmount } from '../../base/index.js';
import { idToHash, type TransactionOutput } from '../codec/transaction.js';
import { parseTokenView, type TokenJson } from '../wire/tokenView.js';
import { badAnswer } from './badAnswer.js';
import type { Utxo } from './ChainClient.js';

/** What `getaddressutxos` and `getoutpointspend` answer per output. */
export interface OutputJson {
  readonly txid: string;
  readonly vout: number;
  /** Decimal coins, as a string. */
  readonly value: string;
  readonly scriptPubKey: string;
  readonly height: number;
  readonly coinbase: boolean;
  readonly tokenData?: TokenJson;
  readonly pins?: readonly string[];
}

const MOST = 0xffff_ffff;

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST;
}

function isOutput(json: unknown): json is OutputJson {
  if (typeof json !== 'object' || json === null) return false;
  const { txid, vout, value, scriptPubKey, height, coinbase, pins } = json as OutputJson;
  const texts = [txid, value, scriptPubKey].every((text) => typeof text === 'string');
  const hasPins = Array.isArray(pins) && pins.every((pin) => typeof pin === 'string');
  const counts = isCount(vout) && isCount(height);
  return texts && counts && typeof coinbase === 'boolean' && (pins === undefined || hasPins);
}

function bad(why: string, cause?: unknown): BitmodelError {
  return badAnswer(`The node describes no coin: ${why}.`, cause);
}

/**
 * The coin that a node describes. A node is not trusted to keep to the form.
 * @throws BitmodelError `BAD_RPC_ANSWER`
 */
export function coinFromJson(json: unknown): Utxo {
  if (!isOutput(json)) throw bad('a field is missing or of another type');
  const { txid, vout, height, coinbase, pins } = json;
  try {
    return {
      outpoint: { hash: idToHash(txid), index: vout },
      output: outputFromJson(json),
      height,
      coinbase,
      ...(pins === undefined ? {} : { pins }),
    };
  } catch (thrown) {
    throw bad(messageOf(thrown), thrown);
  }
}

function outputFromJson(json: OutputJson): TransactionOutput {
  const output = { value: parseAmount(json.value), lockingScript: fromHex(json.scriptPubKey) };
  return json.tokenData ? { ...output, token: parseTokenView(json.tokenData) } : output;
}

/** The coins that a node lists. @throws BitmodelError `BAD_RPC_ANSWER` */
export function coinsFromJson(json: unknown): Utxo[] {
  if (!Array.isArray(json)) throw bad('it gives no list');
  return json.map(coinFromJson);
}
