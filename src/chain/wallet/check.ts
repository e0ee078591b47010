import { BitmodelError, EXIT, equalBytes, formatAmount, toHex } from '../../base/index.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import { encodeOutputScript } from '../codec/token.js';
import {
  formatOutpoint,
  hashToId,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../codec/transaction.js';
import { coinbasePrefix } from '../consensus/blockRules.js';
import { isCoinbase } from '../consensus/transactionRules.js';
import { verifyInput } from '../script/interpreter.js';
import { p2pkhHash } from '../script/standard.js';
import { dustOf, totalValue } from './size.js';

/** A fee of more than one part in this many of the value sent needs a word of consent. */
const HIGH_FEE_DIVISOR = 10n;

/** Whether a locking script takes change, as far as its owner knows. */
export type IsChange = (lockingScript: Uint8Array) => boolean;

/**
 * What a transaction sends: its outputs without change, which goes back to a script it spends from or to one that the
 * owner knows; all of them when all go back.
 */
function valueSent(
  { outputs }: Transaction,
  spentOutputs: readonly TransactionOutput[],
  isChange: IsChange,
): bigint {
  const own = new Set(spentOutputs.map(({ lockingScript }) => toHex(lockingScript)));
  const away = outputs.filter(
    ({ value, lockingScript }) =>
      value > 0n && !own.has(toHex(lockingScript)) && !isChange(lockingScript),
  );
  return totalValue(away.length > 0 ? away : outputs);
}

/** Whether a fee is more than a tenth of what is sent. */
function isHighFee(
  fee: bigint,
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
  isChange: IsChange,
): boolean {
  const least = fee * HIGH_FEE_DIVISOR;
  // no output is so small that it matters which of them are change: that can take a search among many addresses
  const paying = transaction.outputs.filter(({ value }) => value > 0n);
  if (paying.length > 0 && paying.every(({ value }) => value >= least)) return false;
  return least > valueSent(transaction, spentOutputs, isChange);
}

/** What a fee may be. */
export interface FeeLimits {
  /** Let the fee be more than a tenth of what is sent, and more than {@link MAX_FEE} unless `maxFee` says otherwise. */
  readonly allowHighFee?: boolean | undefined;
  /** Most that is paid in any case, base units. */
  readonly maxFee?: bigint | undefined;
}

/** No fee is above this many base units (a tenth of a coin, as in Bitcoin Core) unless it was allowed. */
export const MAX_FEE = 10_000_000n;

/**
 * Checks what a wallet would regret: more paid out than in, a fee above a tenth of the value sent or above the limit,
 * P2PKH outputs too small to be worth spending.
 * @param isChange what is change beside outputs to scripts that are spent from; an account needs it
 * @returns the fee, base units
 * @throws BitmodelError `AMOUNT_ABOVE_INPUTS`, `HIGH_FEE`, `DUST_OUTPUT`
 */
export function checkAmounts(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
  options: FeeLimits = {},
  isChange: IsChange = () => false,
): bigint {
  const fee = totalValue(spentOutputs) - totalValue(transaction.outputs);
  if (fee < 0n) {
    throw new BitmodelError(
      'AMOUNT_ABOVE_INPUTS',
      `The outputs are worth ${formatAmount(-fee)} coins more than the inputs.`,
      { next: 'Build it anew with a smaller amount: bitmodel tx build' },
    );
  }
  for (const [index, output] of transaction.outputs.entries()) {
    const least = dustOf(output);
    if (output.value < least && p2pkhHash(output.lockingScript)) {
      throw dustOutput(index, output.value, least);
    }
  }
  const limit = options.maxFee ?? (options.allowHighFee ? fee : MAX_FEE);
  if (fee > limit) {
    throw new BitmodelError(
      'HIGH_FEE',
      `The fee of ${formatAmount(fee)} coins is above the limit of ${formatAmount(limit)}.`,
      { next: 'Lower --fee-rate, or raise --max-fee', exitCode: EXIT.notAllowed },
    );
  }
  if (!options.allowHighFee && isHighFee(fee, transaction, spentOutputs, isChange)) {
    throw new BitmodelError(
      'HIGH_FEE',
      `The fee of ${formatAmount(fee)} coins is more than a tenth of what is sent.`,
      { next: 'Pass --allow-high-fee if this is meant', exitCode: EXIT.notAllowed },
    );
  }
  return fee;
}

function dustOutput(index: number, value: bigint, least: bigint): BitmodelError {
  return new BitmodelError(
    'DUST_OUTPUT',
    `Output ${index} of ${formatAmount(value)} coins is too small to be worth spending.`,
    { next: `Send at least ${formatAmount(least)}`, exitCode: EXIT.usage },
  );
}

/**
 * Runs every input's scripts.
 * @throws BitmodelError `UNSIGNED_INPUT` for an empty unlocking script, `BAD_SIGNATURE` for one that fails
 */
export function checkScripts(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
): void {
  for (const [inputIndex, input] of transaction.inputs.entries()) {
    const result = verifyInput({ transaction, inputIndex, spentOutputs });
    if (result.ok) continue;
    if (input.unlockingScript.length === 0) {
      throw new BitmodelError('UNSIGNED_INPUT', `Input ${inputIndex} is not signed.`, {
        next: 'Sign it with its key: bitmodel tx sign --key NAME',
        exitCode: EXIT.notAllowed,
      });
    }
    throw new BitmodelError(
      'BAD_SIGNATURE',
      `Input ${inputIndex} does not unlock what it spends: ${result.error}.`,
      { next: 'Sign it again: bitmodel tx sign --key NAME', exitCode: EXIT.notAllowed },
    );
  }
}

/**
 * The transactions that a transaction spends from, one per input, as the node gave them, each with its id computed
 * again: a node can withhold one, but not change a byte of it.
 * @throws BitmodelError `UNKNOWN_INPUT`, `BAD_NODE_ANSWER`
 */
export function previousTransactions(
  client: ChainClient,
  transaction: Pick<Transaction, 'inputs'>,
): Promise<Transaction[]> {
  const answers = new Map<string, ReturnType<ChainClient['transaction']>>();
  return Promise.all(
    transaction.inputs.map(async ({ outpoint }, index) => {
      const id = hashToId(outpoint.hash);
      const answer = answers.get(id) ?? client.transaction(id);
      answers.set(id, answer);
      const previous = (await answer)?.transaction;
      if (previous && transactionId(previous) !== id) {
        throw badNodeAnswer(`The node gave another transaction for ${id}.`);
      }
      if (previous?.outputs[outpoint.index]) return previous;
      throw new BitmodelError(
        'UNKNOWN_INPUT',
        `Input ${index} spends ${formatOutpoint(outpoint)}, which the node does not know.`,
        { next: 'Wait until the node has caught up, or build it anew', exitCode: EXIT.notFound },
      );
    }),
  );
}

/**
 * The outputs that a transaction spends, one per input, each out of its own transaction ({@link previousTransactions}).
 * @throws BitmodelError `UNKNOWN_INPUT`, `BAD_NODE_ANSWER`
 */
export async function previousOutputs(
  client: ChainClient,
  transaction: Pick<Transaction, 'inputs'>,
): Promise<TransactionOutput[]> {
  const previous = await previousTransactions(client, transaction);
  return previous.map(({ outputs }, index) => outputs[transaction.inputs[index]!.outpoint.index]!);
}

/** Says that a node told something that can't be true. */
export function badNodeAnswer(message: string): BitmodelError {
  return new BitmodelError('BAD_NODE_ANSWER', message, {
    next: 'Use a node that you trust more: --rpc URL',
  });
}

function assertSameOutput(said: TransactionOutput, truth: TransactionOutput): void {
  if (said.value !== truth.value) {
    throw badNodeAnswer(
      `The node says a coin holds ${formatAmount(said.value)}, its transaction says ${formatAmount(truth.value)}.`,
    );
  }
  if (!equalBytes(encodeOutputScript(said), encodeOutputScript(truth))) {
    throw badNodeAnswer('The node says of a coin another script or token than its transaction.');
  }
}

/**
 * Checks all that coins themselves can show of what a node said of them: their transactions' ids, amounts, scripts and
 * tokens, and whether and at what height they were mined as a coinbase (BIP34).
 * @throws BitmodelError `UNKNOWN_INPUT`, `BAD_NODE_ANSWER`
 */
export async function proveCoins(client: ChainClient, coins: readonly Utxo[]): Promise<void> {
  const inputs = coins.map(({ outpoint }) => ({
    outpoint,
    unlockingScript: new Uint8Array(0),
    sequence: 0,
  }));
  const previous = await previousTransactions(client, { inputs });
  for (const [i, { outpoint, output, coinbase, height }] of coins.entries()) {
    const transaction = previous[i]!;
    assertSameOutput(output, transaction.outputs[outpoint.index]!);
    const mined = isCoinbase(transaction);
    const prefix = coinbasePrefix(height);
    const script = transaction.inputs[0]!.unlockingScript.subarray(0, prefix.length);
    if (mined !== coinbase || (mined && !equalBytes(script, prefix))) {
      throw badNodeAnswer(
        `The node says of ${formatOutpoint(outpoint)} another height or origin than its transaction.`,
      );
    }
  }
}
