import { Point } from '@noble/secp256k1';
import { BitmodelError } from '../../../base/index.js';

/** What every contract asks of the terms it is compiled from. @throws BitmodelError `BAD_TERMS` from each */
export function demand(condition: boolean, why: string): asserts condition {
  if (condition) return;
  throw new BitmodelError('BAD_TERMS', `These terms make no safe contract: ${why}.`, {
    next: 'Change what was agreed, then try again',
  });
}

/** Demands a compressed public key that is a point of the curve. */
export function demandKey(key: Uint8Array, what: string): void {
  demand(key.length === 33 && isPoint(key), `${what} is not a compressed public key`);
}

function isPoint(key: Uint8Array): boolean {
  try {
    Point.fromBytes(key);
    return true;
  } catch {
    return false;
  }
}

/** Demands a whole number within bounds, both included. */
export function demandInteger(value: number, least: number, most: number, name: string): void {
  const good = Number.isInteger(value) && value >= least && value <= most;
  demand(good, `${name} is ${value}; it must be a whole number from ${least} to ${most}`);
}

/** Demands so many bytes. */
export function demandLength(bytes: Uint8Array, length: number, name: string): void {
  demand(bytes.length === length, `${name} has ${bytes.length} bytes instead of ${length}`);
}

/** Demands an amount of base units that an output can be worth, at least `least`. */
export function demandAmount(value: bigint, least: bigint, name: string): void {
  const most = (1n << 63n) - 1n;
  demand(value >= least && value <= most, `${name} is ${value}; it must be ${least} to ${most}`);
}
