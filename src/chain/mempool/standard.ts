import type { Transaction } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import { MAX_BLOCK_SIGNATURE_CHECKS } from '../consensus/parameters.js';
import { rejectTransaction } from '../consensus/reject.js';
import { p2pkhHash } from '../script/standard.js';

/** Transaction versions that are relayed: Bitcoin's, and our own. */
const RELAYED_VERSIONS = new Set([1, 2, 10]);

/** Longest unlocking script that is relayed: as long as the longest element that a script may push. */
export const MAX_UNLOCKING_SIZE = 1_000_000;

/** Most signature checks of one relayed transaction: a fifth of a block's, as Bitcoin Core has it. */
export const MAX_SIGNATURE_CHECKS = MAX_BLOCK_SIGNATURE_CHECKS / 5;

/**
 * Least value of a P2PKH output that its sender was free to choose: Bitcoin's, three times the fee of one such output
 * and of the input that spends it.
 */
export const DUST_LIMIT = 546n;

/** What a node does not relay although a block may hold it, as far as the transaction alone shows it. */
export function checkForm(transaction: Transaction): void {
  if (!RELAYED_VERSIONS.has(transaction.version)) throw rejectTransaction('version');
  for (const { unlockingScript } of transaction.inputs) {
    if (unlockingScript.length > MAX_UNLOCKING_SIZE) throw rejectTransaction('scriptsig-size');
  }
}

/**
 * Small coins that cost more to spend than they bring. Whoever spends P2PKH coins alone is free in what to make of
 * them, and is held to the limit. A contract fixes the outputs of what spends it, shares of a few units and of none
 * among them (DESIGN 5.2), so that a transaction with a contract's coin is not. Contracts' own outputs are free too.
 * @param spent coins it spends
 * @throws RejectError `dust`
 */
export function checkDust(transaction: Transaction, spent: readonly Coin[]): void {
  if (!spent.every(({ output }) => p2pkhHash(output.lockingScript))) return;
  const at = transaction.outputs.findIndex(
    ({ value, lockingScript }) => value < DUST_LIMIT && p2pkhHash(lockingScript) !== undefined,
  );
  if (at < 0) return;
  throw rejectTransaction('dust', `output ${at} is below ${DUST_LIMIT} base units`);
}

/** @throws RejectError `bad-txns-too-many-sigops` */
export function checkSignatureCount(checks: number): void {
  if (checks <= MAX_SIGNATURE_CHECKS) return;
  throw rejectTransaction('bad-txns-too-many-sigops', `${checks} signature checks`);
}
