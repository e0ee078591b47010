import type { Outpoint, TransactionOutput } from '../codec/transaction.js';

/** An output that may be spent, with what its spender must know. */
export interface Coin {
  readonly output: TransactionOutput;
  /** Block that made it. */
  readonly height: number;
  readonly coinbase: boolean;
  /** Whether pins lie in it (DESIGN 4.4); only the store's index of pins asks, no rule does. */
  readonly carriesPins?: boolean;
}

/** What of an unspent output decides where a list has it. */
export interface CoinPlace {
  /** Base units. */
  readonly value: bigint;
  readonly outpoint: Outpoint;
}

/** The order of every list of coins: those worth most first, of equal ones by transaction hash (byte order), then index. */
export function compareCoins(a: CoinPlace, b: CoinPlace): number {
  if (a.value !== b.value) return a.value > b.value ? -1 : 1;
  return Buffer.compare(a.outpoint.hash, b.outpoint.hash) || a.outpoint.index - b.outpoint.index;
}

/** Where unspent outputs are looked up. */
export interface CoinSource {
  coin(outpoint: Outpoint): Coin | undefined;
}

const outpointBytes = Buffer.alloc(36);

/** An outpoint as a key of a `Map`: its 36 bytes, one character each. */
export function outpointKey({ hash, index }: Outpoint): string {
  outpointBytes.set(hash);
  outpointBytes.writeUInt32LE(index, 32);
  return outpointBytes.toString('latin1');
}

const keyBytes = Buffer.alloc(128);

/**
 * A hash, or any few bytes, as a key of a `Map`: one character per byte. Short arrays lie within V8's heap until their
 * buffer is asked for; copying them is cheaper than moving them out.
 */
export function hashKey(hash: Uint8Array): string {
  if (hash.length > keyBytes.length) return Buffer.from(hash).toString('latin1');
  keyBytes.set(hash);
  return keyBytes.toString('latin1', 0, hash.length);
}

const OP_RETURN = 0x6a;

/** Whether no unlocking script can ever spend it, so that it need not be kept: `[OP_0] OP_RETURN …`. */
export function isUnspendable(lockingScript: Uint8Array): boolean {
  return (
    lockingScript[0] === OP_RETURN || (lockingScript[0] === 0 && lockingScript[1] === OP_RETURN)
  );
}
