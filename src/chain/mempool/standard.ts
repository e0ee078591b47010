import type { Transaction } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import { rejectTransaction } from '../consensus/RejectError.js';
import { p2pkhHash } from '../script/standard.js';

/** Transaction versions that are relayed: Bitcoin's, and our own. */
const RELAYED_VERSIONS = new Set([1, 2, 10]);

/**
 * Largest transaction that is relayed, in bytes: ten times Bitcoin Core's, a hundred times what a job's contracts need
 * (docs/contracts.md). What is larger must be brought to a miner.
 */
const MAX_RELAYED_SIZE = 1_000_000;

/** Longest unlocking script that is relayed, in bytes: ten times the longest that a contract here needs. */
const MAX_UNLOCKING_SIZE = 100_000;

/**
 * Most operation cost of all scripts of a relayed transaction: about half a second (docs/measurements.md), in which the
 * node does nothing else. The largest one with as many P2PKH inputs as fit comes to 190 million.
 */
export const MAX_SCRIPT_COST = 200_000_000;

/**
 * Least value of a P2PKH output that its sender was free to choose: Bitcoin's, three times the fee of one such output
 * and of the input that spends it.
 */
const DUST_LIMIT = 546n;

/**
 * What a node does not relay although a block may hold it, as far as the transaction alone shows it.
 * @param size its encoded bytes
 */
export function checkForm(transaction: Transaction, size: number): void {
  if (!RELAYED_VERSIONS.has(transaction.version)) throw rejectTransaction('version');
  if (size > MAX_RELAYED_SIZE) throw rejectTransaction('tx-size');
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
