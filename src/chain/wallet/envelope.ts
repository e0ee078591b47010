import {
  BitmodelError,
  EXIT,
  formatAmount,
  fromHex,
  messageOf,
  parseAmount,
  toHex,
} from '../../base/index.js';
import { decodeOutputScript, encodeOutputScript } from '../codec/token.js';
import {
  decodeTransaction,
  encodeTransaction,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';

/**
 * What goes through the pipe `tx build | tx sign | tx send`: a transaction, signed or not, with the outputs it spends,
 * so that it can be signed and checked on a machine that sees no node. Signatures cover the amounts spent, so a wrong
 * one in here makes no valid transaction.
 */
export interface Envelope {
  readonly network: string;
  readonly transaction: Transaction;
  /** One per input, in order; undefined when the pipe carried the bare transaction in hex. */
  readonly spentOutputs: readonly TransactionOutput[] | undefined;
}

/** A transaction of 8 MB in hex, and as much again for what it spends. */
const LONGEST = 1 << 25;

/**
 * One line of JSON: `{v, network, transaction, spent: [{value, script}]}`, bytes in hex, amounts as decimals,
 * scripts with their token prefix.
 */
export function encodeEnvelope(
  network: string,
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
): string {
  return JSON.stringify({
    v: 1,
    network,
    transaction: toHex(encodeTransaction(transaction)),
    spent: spentOutputs.map((output) => ({
      value: formatAmount(output.value),
      script: toHex(encodeOutputScript(output)),
    })),
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function textField(value: unknown, name: string): string {
  const text = field(value, name);
  if (typeof text !== 'string') throw new TypeError(`"${name}" is missing`);
  return text;
}

function parseEnvelope(text: string, network: string): Envelope {
  const json: unknown = JSON.parse(text);
  if (field(json, 'v') !== 1) throw new TypeError('its version is not 1');
  const transaction = decodeTransaction(fromHex(textField(json, 'transaction')));
  const spent = field(json, 'spent');
  if (!Array.isArray(spent) || spent.length !== transaction.inputs.length) {
    throw new TypeError('it does not hold one spent output per input');
  }
  const spentOutputs = spent.map((output) => ({
    value: parseAmount(textField(output, 'value')),
    ...decodeOutputScript(fromHex(textField(output, 'script'))),
  }));
  const made = textField(json, 'network');
  if (made !== network) {
    throw new BitmodelError('WRONG_NETWORK', `This transaction is for ${made.slice(0, 20)}.`, {
      next: `Pass --network ${made.slice(0, 20)}`,
      exitCode: EXIT.usage,
    });
  }
  return { network, transaction, spentOutputs };
}

/**
 * Reads what the pipe carries: an envelope, or a bare transaction in hex.
 * @throws BitmodelError `BAD_TRANSACTION` when it is neither; `WRONG_NETWORK`
 */
export function decodeEnvelope(text: string, network: string): Envelope {
  try {
    if (text.length > LONGEST) throw new RangeError('it is too long');
    const trimmed = text.trim();
    if (trimmed.startsWith('{')) return parseEnvelope(trimmed, network);
    return { network, transaction: decodeTransaction(fromHex(trimmed)), spentOutputs: undefined };
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.code === 'WRONG_NETWORK') throw thrown;
    throw new BitmodelError('BAD_TRANSACTION', `This is no transaction: ${messageOf(thrown)}`, {
      next: 'Give the JSON that bitmodel tx build writes, or a transaction in hex',
      exitCode: EXIT.usage,
      cause: thrown,
    });
  }
}
