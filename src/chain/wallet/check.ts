import { BitmodelError, EXIT, formatAmount, toHex } from '../../base/index.js';
import {
  formatOutpoint,
  hashToId,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../codec/transaction.js';
import type { ChainClient } from '../rpc/ChainClient.js';
import { verifyInput } from '../script/interpreter.js';
import { p2pkhHash } from '../script/standard.js';
import { DUST } from './size.js';

/** A fee of more than one part in this many of the value sent needs a word of consent. */
const HIGH_FEE_DIVISOR = 10n;

function total(outputs: readonly TransactionOutput[]): bigint {
  return outputs.reduce((sum, { value }) => sum + value, 0n);
}

/**
 * What a transaction sends: its outputs without those that go back to a script it spends from (change); all of them
 * when all go back.
 */
function valueSent(transaction: Transaction, spentOutputs: readonly TransactionOutput[]): bigint {
  const own = new Set(spentOutputs.map(({ lockingScript }) => toHex(lockingScript)));
  const away = transaction.outputs.filter(({ lockingScript }) => !own.has(toHex(lockingScript)));
  const value = total(away);
  return value > 0n ? value : total(transaction.outputs);
}

/**
 * Checks what a wallet would regret: more paid out than in, a fee above a tenth of the value sent, P2PKH outputs too
 * small to be worth spending.
 * @returns the fee, base units
 * @throws BitmodelError `AMOUNT_ABOVE_INPUTS`, `HIGH_FEE`, `DUST_OUTPUT`
 */
export function checkAmounts(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
  options: { readonly allowHighFee?: boolean } = {},
): bigint {
  const fee = total(spentOutputs) - total(transaction.outputs);
  if (fee < 0n) {
    throw new BitmodelError(
      'AMOUNT_ABOVE_INPUTS',
      `The outputs are worth ${formatAmount(-fee)} coins more than the inputs.`,
      { next: 'Build it anew with a smaller amount: bitmodel tx build' },
    );
  }
  for (const [index, { value, lockingScript }] of transaction.outputs.entries()) {
    if (value < DUST && p2pkhHash(lockingScript)) throw dustOutput(index, value);
  }
  if (!options.allowHighFee && fee * HIGH_FEE_DIVISOR > valueSent(transaction, spentOutputs)) {
    throw new BitmodelError(
      'HIGH_FEE',
      `The fee of ${formatAmount(fee)} coins is more than a tenth of what is sent.`,
      { next: 'Pass --allow-high-fee if this is meant', exitCode: EXIT.notAllowed },
    );
  }
  return fee;
}

function dustOutput(index: number, value: bigint): BitmodelError {
  return new BitmodelError(
    'DUST_OUTPUT',
    `Output ${index} of ${formatAmount(value)} coins is too small to be worth spending.`,
    { next: `Send at least ${formatAmount(DUST)}`, exitCode: EXIT.usage },
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
 * The outputs that a transaction spends, one per input, each out of its own transaction as the node gave it, whose id
 * is computed again: a node can withhold, but not lie about an amount.
 * @throws BitmodelError `UNKNOWN_INPUT`, `BAD_NODE_ANSWER`
 */
export function previousOutputs(
  client: ChainClient,
  transaction: Transaction,
): Promise<TransactionOutput[]> {
  const answers = new Map<string, ReturnType<ChainClient['transaction']>>();
  return Promise.all(
    transaction.inputs.map(async ({ outpoint }, index) => {
      const id = hashToId(outpoint.hash);
      const answer = answers.get(id) ?? client.transaction(id);
      answers.set(id, answer);
      const previous = (await answer)?.transaction;
      if (previous && transactionId(previous) !== id) {
        throw new BitmodelError('BAD_NODE_ANSWER', `The node gave another transaction for ${id}.`, {
          next: 'Use a node that you trust more: --rpc URL',
        });
      }
      const output = previous?.outputs[outpoint.index];
      if (output) return output;
      throw new BitmodelError(
        'UNKNOWN_INPUT',
        `Input ${index} spends ${formatOutpoint(outpoint)}, which the node does not know.`,
        { next: 'Wait until the node has caught up, or build it anew', exitCode: EXIT.notFound },
      );
    }),
  );
}
