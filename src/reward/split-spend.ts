import { BitmodelError, equalBytes, sha256 } from '../base/index.js';
import {
  NO_JOB,
  type Outpoint,
  p2pkhScript,
  pushData,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '../chain/index.js';
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

/** Operation cost that one byte of a padding push pays for: 800, less 1 for pushing it. */
const COST_PER_PADDING = 799;
const HASH_ITERATIONS_PER_BYTE = 3.5;
/** What an input pays for without its unlocking script. */
const INPUT_OVERHEAD = 41;

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
    throw new BitmodelError('BAD_SPLIT', `The split contract can't be paid out: ${wrong}.`);
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

const zeros = (length: number): Uint8Array => pushData(new Uint8Array(length));

/**
 * Bytes of padding that an input needs, from what its script costs when cost is not limited. A coin for the fee
 * stands behind, because with it input 0 looks at one script more.
 */
function paddingOf(draft: Transaction, spent: readonly TransactionOutput[], input: number): number {
  const context = { transaction: draft, inputIndex: input, spentOutputs: spent };
  const { operationCost, hashIterations } = verifyInput(context, { cost: false });
  const bytes = Math.max(
    Math.ceil(operationCost / COST_PER_PADDING),
    Math.ceil(hashIterations / HASH_ITERATIONS_PER_BYTE),
  );
  return Math.max(0, bytes - INPUT_OVERHEAD);
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

  const fee = { value: 0n, lockingScript: p2pkhScript(new Uint8Array(20)) };
  const spent = [...coins.map(({ output }) => output), fee];
  const inputs = spent.map((_, i) => ({
    outpoint: coins[i]?.outpoint ?? { hash: NO_JOB, index: 0 },
    unlockingScript: zeros(0),
    sequence: 0xffff_ffff,
  }));
  const draft = { version: 10, inputs, outputs, lockTime: 0, jobId: NO_JOB };
  // every input behind the first does the same work
  const first = zeros(paddingOf(draft, spent, 0));
  const others = coins.length > 1 ? zeros(paddingOf(draft, spent, 1)) : first;
  return {
    coins,
    outputs,
    unlockingScripts: coins.map((_, i) => (i === 0 ? first : others)),
  };
}

/** A funded transaction with the contract's unlocking scripts put into its first inputs. */
export function unlockSplit(transaction: Transaction, spend: SplitSpend): Transaction {
  const inputs = transaction.inputs.map((input, i) => {
    const unlockingScript = spend.unlockingScripts[i];
    return unlockingScript ? { ...input, unlockingScript } : input;
  });
  return { ...transaction, inputs };
}
