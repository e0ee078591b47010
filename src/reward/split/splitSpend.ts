import { BitmodelError, equalBytes, sha256 } from '../../base/index.js';
import {
  NO_JOB,
  type Outpoint,
  p2pkhScript,
  paddingFor,
  paddingPush,
  type Transaction,
  type TransactionOutput,
} from '../../chain/index.js';
import { parseSplitScript, type SplitShare, splitAmounts } from './split.js';

/** An unspent output with where it is. */
export interface SplitCoin {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
}

/** The part of a transaction that a split contract demands: its first inputs and its first outputs, in order. */
export interface SplitSpend {
  readonly coins: readonly SplitCoin[];
  readonly outputs: readonly TransactionOutput[];
  /** One unlocking script per coin: a padding push that pays for the script's work. Nothing in them is signed. */
  readonly unlockingScripts: readonly Uint8Array[];
}

/** Most coins of one contract spent together; more are settled in several transactions. */
export const MAXIMUM_SPLIT_INPUTS = 500;

function assertCoins(script: Uint8Array, coins: readonly SplitCoin[]): SplitShare[] {
  const shares = parseSplitScript(script);
  const wrong = !shares
    ? 'the script is no split contract'
    : coins.length === 0
      ? 'no money lies in it'
      : coins.length > MAXIMUM_SPLIT_INPUTS
        ? `more than ${MAXIMUM_SPLIT_INPUTS} coins can't be spent at once`
        : coins.some(({ output }) => !equalBytes(output.lockingScript, script))
          ? 'a coin lies in another script'
          : undefined;
  if (!shares || wrong) {
    throw new BitmodelError('BAD_SPLIT', `The split contract can't be paid out: ${wrong}.`, {
      next: `Give 1 to ${MAXIMUM_SPLIT_INPUTS} coins that lie in one split contract`,
    });
  }
  return shares;
}

function payShares(
  shares: readonly SplitShare[],
  destinations: readonly Uint8Array[],
  sum: bigint,
): TransactionOutput[] {
  const fits = shares.every(({ scriptHash }, i) => {
    const destination = destinations[i];
    return destination !== undefined && equalBytes(sha256(destination), scriptHash);
  });
  if (!fits || destinations.length !== shares.length) {
    throw new BitmodelError(
      'BAD_DESTINATION',
      'The scripts to pay are not those whose hashes the split contract names.',
      { next: 'Give the locking scripts of the parents and the owner, in the order of the shares' },
    );
  }
  return splitAmounts(shares, sum).map((value, i) => ({ value, lockingScript: destinations[i]! }));
}

/**
 * How to pay out what lies in a split contract: these coins from input 0 on, these outputs from output 0 on.
 * Coins for the fee, and their change, go behind.
 * @param destinations locking scripts in the order of the contract's shares, the one that takes the rest last
 * @throws BitmodelError `BAD_SPLIT`, `BAD_DESTINATION`
 */
export function splitSpend(
  script: Uint8Array,
  coins: readonly SplitCoin[],
  destinations: readonly Uint8Array[],
): SplitSpend {
  const shares = assertCoins(script, coins);
  const sum = coins.reduce((total, { output }) => total + output.value, 0n);
  const outputs = payShares(shares, destinations, sum);

  // a coin for the fee stands behind: with it input 0 looks at one script more
  const fee = { value: 0n, lockingScript: p2pkhScript(new Uint8Array(20)) };
  const spent = [...coins.map(({ output }) => output), fee];
  const inputs = spent.map((_, i) => ({
    outpoint: coins[i]?.outpoint ?? { hash: NO_JOB, index: 0 },
    unlockingScript: new Uint8Array(0),
    sequence: 0xffff_ffff,
  }));
  const draft = { version: 10, inputs, outputs, lockTime: 0, jobId: NO_JOB };
  const padding = paddingFor(draft, spent, coins.length, (_, length) => paddingPush(length));
  return { coins, outputs, unlockingScripts: padding.map(paddingPush) };
}

/** A funded transaction with the contract's unlocking scripts put into its first inputs. */
export function unlockSplit(transaction: Transaction, spend: SplitSpend): Transaction {
  const inputs = transaction.inputs.map((input, i) => {
    const unlockingScript = spend.unlockingScripts[i];
    return unlockingScript ? { ...input, unlockingScript } : input;
  });
  return { ...transaction, inputs };
}
