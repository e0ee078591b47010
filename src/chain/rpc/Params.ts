import { fromHex } from '../../base/index.js';
import { idToHash } from '../codec/transaction.js';
import { amountOf } from '../wire/amount.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';

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
