import { encodeTransaction, type Transaction, transactionHash } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { isFinal, sequenceLocksMet } from '../consensus/locks.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { rejectTransaction } from '../consensus/reject.js';
import type { ScriptVerifier } from '../consensus/scripts.js';
import { checkTokens } from '../consensus/tokens.js';
import { checkAmounts, checkTransaction, isCoinbase } from '../consensus/transactionRules.js';
import type { ChainStore } from '../store/ChainStore.js';
import { compareFeeRates, type Mempool, type NewEntry, withAncestors } from './Mempool.js';

/** Least fee that is relayed, in base units per byte. Outputs of any value relay, zero included (DESIGN 5.2). */
export const MIN_RELAY_FEE_RATE = 1n;

/** Most transactions that one may depend on within the mempool, itself included. */
export const MAX_ANCESTORS = 25;

/** Transaction versions that are relayed: Bitcoin's, and our own. */
const RELAYED_VERSIONS = new Set([1, 2, 10]);

/** What admitting a transaction needs. */
export interface AdmitContext {
  readonly store: ChainStore;
  readonly mempool: Mempool;
  readonly parameters: NetworkParameters;
  readonly scripts: ScriptVerifier;
  /** Height of the next block. */
  readonly height: number;
  readonly medianTimeAt: (height: number) => number;
  /** Fee rate that must be beaten because the mempool was full lately. */
  readonly floor: { readonly fee: bigint; readonly size: number } | undefined;
  /** Seconds since 1970. */
  readonly now: number;
}

function coinFor(
  transaction: Transaction,
  index: number,
  { store, mempool, height }: AdmitContext,
): Coin {
  const { outpoint } = transaction.inputs[index]!;
  if (mempool.spender(outpoint)) throw rejectTransaction('txn-mempool-conflict');
  const parent = mempool.get(outpoint.hash);
  const output = parent?.transaction.outputs[outpoint.index];
  if (output && !isUnspendable(output.lockingScript)) return { output, height, coinbase: false };
  const coin = parent ? undefined : store.coin(outpoint);
  if (!coin) throw rejectTransaction('bad-txns-inputs-missingorspent');
  return coin;
}

function checkFee(fee: bigint, size: number, floor: AdmitContext['floor']): void {
  const least = MIN_RELAY_FEE_RATE * BigInt(size);
  if (fee < least) throw rejectTransaction('min relay fee not met', `${fee} < ${least}`);
  if (floor && compareFeeRates({ fee, size }, floor) <= 0) {
    throw rejectTransaction('mempool min fee not met', 'the mempool is full of better paying ones');
  }
}

function checkAncestors(transaction: Transaction, mempool: Mempool): void {
  const ancestors = new Set(
    [...mempool.parentsOf(transaction)].flatMap((p) => [...withAncestors(p)]),
  );
  if (ancestors.size + 1 > MAX_ANCESTORS) {
    throw rejectTransaction(
      'too-long-mempool-chain',
      `too many unconfirmed ancestors [limit: ${MAX_ANCESTORS}]`,
    );
  }
}

/**
 * Whether the mempool takes a transaction; cheap checks come first. Changes nothing.
 * @throws RejectError with Bitcoin's reason
 */
export function admit(transaction: Transaction, context: AdmitContext): NewEntry {
  const { store, mempool, parameters, height, medianTimeAt } = context;
  const size = encodeTransaction(transaction).length;
  checkTransaction(transaction, size);
  if (isCoinbase(transaction)) throw rejectTransaction('coinbase');
  if (!RELAYED_VERSIONS.has(transaction.version)) throw rejectTransaction('version');
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
  checkFee(fee, size, context.floor);
  checkAncestors(transaction, mempool);
  const signatureChecks = context.scripts.verify(transaction, hash, spent);
  return { transaction, hash, size, fee, time: context.now, signatureChecks, spent };
}
