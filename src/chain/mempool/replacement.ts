import { hashToId, type Transaction } from '../codec/transaction.js';
import { hashKey } from '../consensus/coins.js';
import { rejectTransaction } from '../consensus/RejectError.js';
import { compareFeeRates, type FeeRate, type MempoolEntry, withDescendants } from './entry.js';
import type { Mempool } from './Mempool.js';
import { INCREMENTAL_FEE_RATE } from './MinimumFee.js';

/** Most transactions that one may replace, counted once for each that it conflicts with (BIP125, rule 5). */
const MAX_REPLACED = 100;

/** Entries that spend what the transaction spends. */
export function conflictsOf(transaction: Transaction, mempool: Mempool): Set<MempoolEntry> {
  const conflicts = new Set<MempoolEntry>();
  for (const { outpoint } of transaction.inputs) {
    const found = mempool.spender(outpoint);
    if (found) conflicts.add(found.entry);
  }
  return conflicts;
}

/**
 * What goes when the transaction comes: its conflicts and all that depends on them.
 * @throws RejectError `too many potential replacements`
 */
export function replacedBy(conflicts: ReadonlySet<MempoolEntry>): Set<MempoolEntry> {
  let count = 0;
  for (const conflict of conflicts) count += conflict.descendants.count;
  if (count > MAX_REPLACED) {
    throw rejectTransaction('too many potential replacements', `${count} > ${MAX_REPLACED}`);
  }
  const replaced = new Set<MempoolEntry>();
  for (const conflict of conflicts)
    for (const each of withDescendants(conflict)) replaced.add(each);
  return replaced;
}

/** A transaction can't stand on what it would remove. @throws RejectError `bad-txns-spends-conflicting-tx` */
export function checkDisjoint(
  ancestors: ReadonlySet<MempoolEntry>,
  conflicts: ReadonlySet<MempoolEntry>,
): void {
  for (const ancestor of ancestors) {
    if (!conflicts.has(ancestor)) continue;
    const id = hashToId(ancestor.hash);
    throw rejectTransaction('bad-txns-spends-conflicting-tx', `it spends from and replaces ${id}`);
  }
}

/**
 * BIP125's rules 2 to 4, as Bitcoin Core keeps them; rule 1, that the replaced must have agreed, is not asked for
 * (full replacement, see docs/mempool.md).
 * @param offer what the replacement pays, `prioritise` counted in
 * @throws RejectError `replacement-adds-unconfirmed`, `insufficient fee`
 */
export function checkReplacement(
  transaction: Transaction,
  offer: FeeRate,
  conflicts: ReadonlySet<MempoolEntry>,
  replaced: ReadonlySet<MempoolEntry>,
  mempool: Mempool,
): void {
  for (const conflict of conflicts) {
    if (compareFeeRates(offer, { fee: conflict.modifiedFee, size: conflict.size }) > 0) continue;
    throw rejectTransaction('insufficient fee', 'it pays no more per byte than what it replaces');
  }
  const known = new Set<string>();
  for (const conflict of conflicts) {
    for (const input of conflict.transaction.inputs) known.add(hashKey(input.outpoint.hash));
  }
  const added = transaction.inputs.findIndex(
    ({ outpoint }) => !known.has(hashKey(outpoint.hash)) && mempool.get(outpoint.hash),
  );
  if (added >= 0) {
    throw rejectTransaction('replacement-adds-unconfirmed', `input ${added} waits for a block`);
  }
  let lost = 0n;
  for (const entry of replaced) lost += entry.modifiedFee;
  const least = lost + INCREMENTAL_FEE_RATE * BigInt(offer.size);
  if (offer.fee >= least) return;
  throw rejectTransaction('insufficient fee', `${offer.fee} < ${least}, with the fees it replaces`);
}
