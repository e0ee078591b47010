import type { Outpoint, Transaction } from '../codec/transaction.js';
import type { CheckedBlock } from './blockRules.js';
import { type Coin, type CoinSource, isUnspendable, outpointKey } from './coins.js';
import { sequenceLocksMet } from './locks.js';
import type { NetworkParameters } from './parameters.js';
import { rejectBlock, rejectTransaction } from './RejectError.js';
import { subsidyAt } from './subsidy.js';
import { checkTokens } from './tokens.js';
import { checkAmounts } from './transactionRules.js';

/** What connecting a block needs of the chain below it. */
export interface ConnectContext {
  readonly parameters: NetworkParameters;
  readonly height: number;
  readonly coins: CoinSource;
  /** Whether the chain below holds a transaction with this hash (BIP30). */
  readonly hasTransaction: (hash: Uint8Array) => boolean;
  /** Median time past of the block at a height below. */
  readonly medianTimeAt: (height: number) => number;
}

/** A block that may be connected, with the coins it spends: what undoing it needs. */
export interface ConnectableBlock extends CheckedBlock {
  readonly height: number;
  /** Per transaction, per input; empty for the coinbase. */
  readonly spent: readonly (readonly Coin[])[];
  readonly fees: bigint;
}

const SPENT = null;

/** Coins as they stand in the middle of a block: those below it, plus made, less spent within it. */
class BlockCoins {
  readonly #below: CoinSource;
  readonly #changed = new Map<string, Coin | typeof SPENT>();

  constructor(below: CoinSource) {
    this.#below = below;
  }

  spend(outpoint: Outpoint): Coin {
    const key = outpointKey(outpoint);
    const changed = this.#changed.get(key);
    const coin = changed === undefined ? this.#below.coin(outpoint) : changed;
    if (!coin) throw rejectTransaction('bad-txns-inputs-missingorspent');
    this.#changed.set(key, SPENT);
    return coin;
  }

  add(transaction: Transaction, hash: Uint8Array, height: number, coinbase: boolean): void {
    transaction.outputs.forEach((output, index) => {
      if (isUnspendable(output.lockingScript)) return;
      this.#changed.set(outpointKey({ hash, index }), { output, height, coinbase });
    });
  }
}

/**
 * The rules of a block that need the coins below it: inputs exist, are mature and unlocked, amounts hold, the
 * coinbase takes no more than its due. All but the scripts, which `ScriptVerifier` runs afterwards: they cost most.
 * Changes nothing.
 * @throws RejectError
 */
export function checkConnection(checked: CheckedBlock, context: ConnectContext): ConnectableBlock {
  const { height, parameters } = context;
  const { transactions } = checked.block;
  // every other transaction spends something that can't be spent twice, so only a coinbase could come again
  if (context.hasTransaction(checked.hashes[0]!)) throw rejectBlock('bad-txns-BIP30');
  const coins = new BlockCoins(context.coins);
  const spent: Coin[][] = [];
  let fees = 0n;
  transactions.forEach((transaction, index) => {
    const hash = checked.hashes[index]!;
    const used = index === 0 ? [] : transaction.inputs.map(({ outpoint }) => coins.spend(outpoint));
    if (index > 0) {
      fees += checkAmounts(transaction, used, height, parameters.maturity);
      checkTokens(transaction, used);
      if (!sequenceLocksMet(transaction, used, height, context.medianTimeAt)) {
        throw rejectBlock('bad-txns-nonfinal', 'a relative lock is not met');
      }
    }
    coins.add(transaction, hash, height, index === 0);
    spent.push(used);
  });
  const made = transactions[0]!.outputs.reduce((sum, output) => sum + output.value, 0n);
  const allowed = fees + subsidyAt(height, parameters);
  if (made > allowed) {
    throw rejectBlock('bad-cb-amount', `coinbase pays too much (${made} of at most ${allowed})`);
  }
  return { ...checked, height, spent, fees };
}
