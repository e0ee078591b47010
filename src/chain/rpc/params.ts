import { BitmodelError, fromHex, parseAmount } from '../../base/index.js';
import { idToHash } from '../codec/transaction.js';
import { JsonNumber } from './parseJson.js';
import { RPC_CODE, RpcError } from './RpcError.js';

/** Reads the positional parameters of one call, with the errors that Bitcoin Core gives. */
export class Params {
  readonly #values: readonly unknown[];

  constructor(values: readonly unknown[]) {
    this.#values = values;
  }

  /** Whether a parameter was given; null counts as absent. */
  has(index: number): boolean {
    return this.#values[index] !== undefined && this.#values[index] !== null;
  }

  raw(index: number): unknown {
    return this.#values[index];
  }

  string(index: number, name: string): string {
    const value = this.#values[index];
    if (typeof value === 'string') return value;
    throw this.has(index)
      ? new RpcError(RPC_CODE.type, `${name} must be a string`)
      : new RpcError(RPC_CODE.misc, `${name} is missing`);
  }

  /** A whole number within bounds; `fallback` when it is absent. */
  integer(index: number, name: string, least: number, most: number, fallback?: number): number {
    if (!this.has(index) && fallback !== undefined) return fallback;
    const value = this.#values[index];
    if (!this.has(index)) throw new RpcError(RPC_CODE.misc, `${name} is missing`);
    if (typeof value !== 'number') {
      throw new RpcError(RPC_CODE.type, `${name} must be a whole number`);
    }
    // Bitcoin Core reads numbers as C++ integers, and says this of what is none
    if (!Number.isInteger(value)) throw new RpcError(RPC_CODE.misc, 'JSON integer out of range');
    if (value < least || value > most) {
      throw new RpcError(RPC_CODE.invalidParameter, `${name} out of range`);
    }
    return value;
  }

  boolean(index: number, name: string, fallback: boolean): boolean {
    if (!this.has(index)) return fallback;
    const value = this.#values[index];
    if (typeof value === 'boolean') return value;
    if (value === 0 || value === 1) return value === 1;
    throw new RpcError(RPC_CODE.type, `${name} must be true or false`);
  }

  /** A number, or true for 1 and false for 0, as verbosity is given. */
  verbosity(index: number, name: string, most: number, fallback: number): number {
    const value = this.#values[index];
    if (typeof value === 'boolean') return Number(value);
    // beyond the most there is nothing more to show
    return Math.min(this.integer(index, name, 0, 0x7fff_ffff, fallback), most);
  }

  /** A printed transaction or block id, as 32 bytes in byte order. */
  hash(index: number, name: string): Uint8Array {
    const text = this.string(index, name);
    if (text.length !== 64) {
      const shown = `(not ${text.length}, for '${text.slice(0, 80)}')`;
      throw new RpcError(RPC_CODE.invalidParameter, `${name} must be of length 64 ${shown}`);
    }
    if (!/^[0-9a-f]{64}$/i.test(text)) {
      const message = `${name} must be hexadecimal string (not '${text}')`;
      throw new RpcError(RPC_CODE.invalidParameter, message);
    }
    return idToHash(text);
  }

  /** Bytes in hex; they are decoded by whoever asked, so a wrong digit is an encoding error as in Bitcoin Core. */
  hex(index: number, name: string, length?: number): Uint8Array {
    const text = this.string(index, name);
    try {
      return fromHex(text, length);
    } catch (thrown) {
      const message = `${name} must be hexadecimal`;
      throw new RpcError(RPC_CODE.deserialization, message, { cause: thrown });
    }
  }

  /** Bytes in hex, refused as Bitcoin Core refuses a parameter (-8) and not what is encoded in it. */
  hexString(index: number, name: string): Uint8Array {
    const text = this.string(index, name);
    try {
      return fromHex(text);
    } catch (thrown) {
      const message = `${name} must be hexadecimal string (not '${text.slice(0, 80)}')`;
      throw new RpcError(RPC_CODE.invalidParameter, message, { cause: thrown });
    }
  }

  /** An amount of coins, as a decimal number or string, in base units. Errors are Bitcoin Core's. */
  amount(index: number, name: string): bigint {
    if (!this.has(index)) throw new RpcError(RPC_CODE.misc, `${name} is missing`);
    return amountOf(this.#values[index]);
  }
}

/** Largest shift of the decimal point that is taken; no amount needs more. */
const MAX_EXPONENT = 20;

/** The digits of a decimal number, with what stands behind an `e` worked in; undefined for what is no number. */
function withoutExponent(text: string): string | undefined {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const shift = Number(power);
  if (Math.abs(shift) > MAX_EXPONENT) return undefined;
  const digits = `${'0'.repeat(MAX_EXPONENT)}${whole}${fraction}${'0'.repeat(MAX_EXPONENT)}`;
  const point = MAX_EXPONENT + whole.length + shift;
  const decimals = digits.slice(point).replace(/0+$/, '');
  const units = digits.slice(0, point).replace(/^0+(?=\d)/, '');
  return `${sign}${units}${decimals === '' ? '' : `.${decimals}`}`;
}

/**
 * Base units of an amount of coins as RPC takes it: a decimal number or text, never by way of a double.
 * @throws RpcError -3 as Bitcoin Core
 */
export function amountOf(value: unknown): bigint {
  const text =
    value instanceof JsonNumber ? value.text : typeof value === 'number' ? `${value}` : value;
  if (typeof text !== 'string') {
    throw new RpcError(RPC_CODE.type, 'Amount is not a number or string');
  }
  const decimal = withoutExponent(text);
  try {
    if (decimal === undefined) throw new BitmodelError('BAD_AMOUNT', 'Not a decimal number.');
    if (decimal.startsWith('-')) throw new RpcError(RPC_CODE.type, 'Amount out of range');
    return parseAmount(decimal);
  } catch (thrown) {
    if (thrown instanceof RpcError) throw thrown;
    throw new RpcError(RPC_CODE.type, 'Invalid amount', { cause: thrown });
  }
}
