import { type Expression, expression } from './expression.js';

/**
 * Demands the bytes whose SHA-256 is `sha256`, and takes them.
 *
 * Stack: secret →
 */
export function hashLock(sha256: Expression): string {
  return `OP_SHA256 ${expression(sha256)} OP_EQUALVERIFY`;
}

/**
 * Demands the bytes whose SHA-256 is `sha256`, and keeps them.
 *
 * Stack: secret → secret
 */
export function hashLockKeeping(sha256: Expression): string {
  return `OP_DUP ${hashLock(sha256)}`;
}

/** Demands that the transaction's lock time is at least this height (below 500,000,000) or time (BIP65). */
export function timeLock(lockTime: Expression): string {
  return `${expression(lockTime)} OP_CHECKLOCKTIMEVERIFY OP_DROP`;
}

/**
 * Demands that the output being spent has at least this age (BIP112): blocks below 65,536, or units of
 * 512 seconds with bit 22 set.
 */
export function relativeLock(age: Expression): string {
  return `${expression(age)} OP_CHECKSEQUENCEVERIFY OP_DROP`;
}

/**
 * Demands a signature of the transaction by this public key, and takes it.
 *
 * Stack: signature →
 */
export function requireSignature(publicKey: Expression): string {
  return `${expression(publicKey)} OP_CHECKSIGVERIFY`;
}

/**
 * Demands a signature of SHA-256(message) by this public key, and takes both.
 *
 * Stack: signature message →
 */
export function requireDataSignature(publicKey: Expression): string {
  return `${expression(publicKey)} OP_CHECKDATASIGVERIFY`;
}
