import { encodeTransaction, type Transaction, transactionHash } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { isFinal, sequenceLocksMet } from '../consensus/locks.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { rejectTransaction } from '../consensus/RejectError.js';
import type { ScriptVerifier } from '../consensus/ScriptVerifier.js';
import { checkTokens } from '../consensus/tokens.js';
import { checkAmounts, checkTransaction, isCoinbase } from '../consensus/transactionRules.js';
import { mayHoldPins } from '../pins/tracking.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { MempoolEntry, NewEntry } from './entry.js';
import type { Mempool } from './Mempool.js';
import { feeAt, MIN_RELAY_FEE_RATE } from './MinimumFee.js';
import { checkPackageLimits } from './packageLimits.js';
import { checkDisjoint, checkReplacement, conflictsOf, replacedBy } from './replacement.js';
import { checkDust, checkForm, MAX_SCRIPT_COST } from './standard.js';

/** What admitting a transaction needs. */
export interface AdmitContext {
  readonly store: ChainStore;
  readonly mempool: Mempool;
  readonly parameters: NetworkParameters;
  readonly scripts: ScriptVerifier;
  /** Height of the next block. */
  readonly height: number;
  readonly medianTimeAt: (height: number) => number;
  /** What the full mempool asks for, in base units per 1,000 bytes. */
  readonly minimumFee: bigint;
  /** Seconds since 1970. */
  readonly now: number;
  /** Takes it at any fee: it was in a block already, or waited here before. */
  readonly anyFee?: boolean;
}

/** A transaction that may enter, and what must go for it. */
export interface Admitted {
  readonly entry: NewEntry;
  readonly replaced: ReadonlySet<MempoolEntry>;
}

/** The coin that an input spends, whether or not something here spends it too. */
function coinFor(
  transaction: Transaction,
  index: number,
  { store, mempool, height }: AdmitContext,
): Coin {
  const { outpoint } = transaction.inputs[index]!;
  const parent = mempool.get(outpoint.hash);
  const output = parent?.transaction.outputs[outpoint.index];
  if (parent && output && !isUnspendable(output.lockingScript)) {
    const carriesPins = mayHoldPins(parent.transaction, parent.spent).has(outpoint.index);
    return { output, height, coinbase: false, ...(carriesPins ? { carriesPins } : {}) };
  }
  const coin = parent ? undefined : store.coin(outpoint);
  if (!coin) throw rejectTransaction('bad-txns-inputs-missingorspent');
  return coin;
}

function checkFee(fee: bigint, size: number, minimum: bigint): void {
  const asked = feeAt(minimum, size);
  if (fee < asked) throw rejectTransaction('mempool min fee not met', `${fee} < ${asked}`);
  const least = MIN_RELAY_FEE_RATE * BigInt(size);
  if (fee < least) throw rejectTransaction('min relay fee not met', `${fee} < ${least}`);
}

/** The rules between the transaction and those that wait already. Returns what it replaces. */
function checkNeighbours(
  transaction: Transaction,
  offer: { fee: bigint; size: number },
  mempool: Mempool,
): ReadonlySet<MempoolEntry> {
  const conflicts = conflictsOf(transaction, mempool);
  const replaced = replacedBy(conflicts);
  const parents = mempool.parentsOf(transaction);
  const ancestors = checkPackageLimits(parents, offer.size, replaced);
  if (conflicts.size === 0) return replaced;
  checkDisjoint(ancestors, conflicts);
  checkReplacement(transaction, offer, conflicts, replaced, mempool);
  return replaced;
}

/**
 * Whether the mempool takes a transaction; cheap checks come first, in Bitcoin Core's order. Changes nothing. Every
 * reason stands in docs/mempool.md.
 * @throws RejectError with Bitcoin's reason
 */
export function admit(transaction: Transaction, context: AdmitContext): Admitted {
  const { store, mempool, parameters, height, medianTimeAt } = context;
  const size = encodeTransaction(transaction).length;
  checkTransaction(transaction, size);
  if (isCoinbase(transaction)) throw rejectTransaction('coinbase');
  checkForm(transaction, size);
  if (!isFinal(transaction, height, medianTimeAt(height - 1))) throw rejectTransaction('non-final');
  const hash = transactionHash(transaction);
  if (mempool.get(hash)) throw rejectTransaction('txn-already-in-mempool');
  if (store.hasTransaction(hash)) throw rejectTransaction('txn-already-known');
  const spent = transaction.inputs.map((_, index) => coinFor(transaction, index, context));
  if (!sequenceLocksMet(transaction, spent, height, medianTimeAt)) {
    throw rejectTransaction('non-BIP68-final');
  }
  const fee = checkAmounts(transaction, spent, height, parameters.maturity);
  checkTokens(transaction, spent);
  checkDust(transaction, spent);
  const offer = { fee: fee + mempool.delta(hash), size };
  if (!context.anyFee) checkFee(offer.fee, size, context.minimumFee);
  const replaced = checkNeighbours(transaction, offer, mempool);
  const signatureChecks = context.scripts.verify(transaction, hash, spent, MAX_SCRIPT_COST);
  const { now: time } = context;
  return {
    entry: { transaction, hash, size, fee, time, height: height - 1, signatureChecks, spent },
    replaced,
  };
}
