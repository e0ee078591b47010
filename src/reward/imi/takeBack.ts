import { equalBytes, joinBytes } from '../../base/index.js';
import {
  type ContractInput,
  contractInput,
  dustOf,
  estimateFeeRate,
  isMature,
  pushData,
  pushNumber,
  type Sent,
  SIGNATURE_PUSH,
  signInput,
  type TransactionOutput,
  type Utxo,
} from '../../chain/index.js';
import {
  type Delivery,
  GRANT_PATH,
  grantScript,
  PLEDGE_PATH,
  pledgeScript,
} from '../contracts/assurance.js';
import type { ImiHands } from './act.js';
import type { TaskProgress } from './progress.js';
import { windowEnd } from './state.js';
import type { PinnedTask } from './tasks.js';

/** Coins that one transaction takes at most. */
const COINS_AT_ONCE = 200;
/** Bytes of an input that takes a pledge or grant: outpoint, length, signature, path, sequence. */
const INPUT_BYTES = 41 + SIGNATURE_PUSH + 1;
/** Bytes of an output that carries a token with the longest commitment, 128 bytes. */
const MOST_TOKEN_BYTES = 240;

/** A transaction that took coins out of pledges or grants. */
export interface TakenBack extends Sent {
  /** Base units that lay in them. */
  readonly value: bigint;
  readonly coins: number;
}

/** Contract coins that one key can take alone. */
interface Takeable {
  readonly coins: readonly Utxo[];
  /** Number of the contract's path. */
  readonly path: number;
  readonly sequence?: number | undefined;
  readonly lockTime: number;
}

const isThere = (coin: Utxo, tip: number): boolean => coin.height > 0 && isMature(coin, tip);

/**
 * Those coins that bring more than it costs to take them, the largest first: anybody can put any number of tiny ones
 * there, and no fee for them shall keep a backer from the rest.
 */
function worthTaking(coins: readonly Utxo[], feeRate: bigint, toScript: Uint8Array): Utxo[] {
  const brings = ({ output }: Utxo): bigint => {
    const kept = tokenKept(output, toScript);
    const bytes = INPUT_BYTES + (kept.length > 0 ? MOST_TOKEN_BYTES : 0);
    return (
      output.value - feeRate * BigInt(bytes) - kept.reduce((sum, { value }) => sum + value, 0n)
    );
  };
  return coins
    .filter((coin) => brings(coin) > 0n)
    .sort((a, b) =>
      a.output.value > b.output.value ? -1 : a.output.value < b.output.value ? 1 : 0,
    );
}

/** Takes coins to the key's own address, the fee out of them where the key has no others; tokens on them go along. */
async function take(hands: ImiHands, takeable: Takeable): Promise<TakenBack[]> {
  const { chain, wallet, key } = hands;
  if (takeable.coins.length === 0) return [];
  const feeRate = await estimateFeeRate(chain);
  const worth = worthTaking(takeable.coins, feeRate, wallet.changeScript);
  const sent: TakenBack[] = [];
  for (let at = 0; at < worth.length; at += COINS_AT_ONCE) {
    const coins = worth.slice(at, at + COINS_AT_ONCE);
    const inputs = coins.map(
      ({ outpoint, output: { token, ...made } }): ContractInput =>
        contractInput({ outpoint, token }, made, SIGNATURE_PUSH + 1, takeable.sequence),
    );
    const funded = await wallet.fund({
      inputs,
      outputs: coins.flatMap(({ output }) => tokenKept(output, wallet.changeScript)),
      lockTime: takeable.lockTime,
      feeRate,
    });
    const unlocked = funded.transaction.inputs.map((input, inputIndex) => {
      if (inputIndex >= coins.length) return input;
      const signature = signInput({ ...funded, inputIndex }, key.privateKey);
      const unlockingScript = joinBytes([pushData(signature), pushNumber(takeable.path)]);
      return { ...input, unlockingScript };
    });
    const transaction = { ...funded.transaction, inputs: unlocked };
    const done = await wallet.submit({ ...funded, transaction }, { allowHighFee: true });
    const value = coins.reduce((sum, { output }) => sum + output.value, 0n);
    sent.push({ ...done, value, coins: coins.length });
  }
  return sent;
}

/** The output that a token is kept in, if there is one: somebody may have put it there. */
function tokenKept({ token }: TransactionOutput, lockingScript: Uint8Array): TransactionOutput[] {
  if (!token) return [];
  const output = { value: 0n, lockingScript, token };
  return [{ ...output, value: dustOf(output) }];
}

/**
 * Pledges of a key that can be taken back now, found by the key alone: what its pledge to a task is locked to follows
 * from the task, whether or not it was announced.
 */
export async function refundable(
  { chain, key }: Pick<ImiHands, 'chain' | 'key'>,
  { terms }: PinnedTask,
): Promise<Utxo[]> {
  const height = await chain.height();
  if (height < terms.deadline) return [];
  const coins = await chain.largestUtxos([pledgeScript(terms, key.publicKey)]);
  return coins.filter((coin) => isThere(coin, height));
}

/** Takes all pledges of the key to a task back, once its deadline has come. @throws what the wallet and the node say */
export async function refundPledges(hands: ImiHands, known: PinnedTask): Promise<TakenBack[]> {
  const coins = await refundable(hands, known);
  return take(hands, { coins, path: PLEDGE_PATH.refund, lockTime: known.terms.deadline });
}

/** The key's grants for any delivery of a task that are there to be withdrawn. */
async function ownGrants(
  { chain, key }: ImiHands,
  { known, deliveries, acceptances, height }: TaskProgress,
): Promise<Utxo[]> {
  const { acceptance } = known.terms;
  if (acceptance.by !== 'backers') return [];
  const granted: readonly Delivery[] = [...deliveries, ...acceptances];
  const scripts = granted.map((delivery) => grantScript(acceptance, key.publicKey, delivery));
  const coins = scripts.length === 0 ? [] : await chain.largestUtxos(scripts);
  return coins.filter((coin) => !coin.coinbase || isThere(coin, height));
}

/** Takes the key's own grants back, as a dissenter: any time until the payee has taken them. */
export async function withdrawGrants(
  hands: ImiHands,
  progress: TaskProgress,
): Promise<TakenBack[]> {
  const coins = await ownGrants(hands, progress);
  return take(hands, { coins, path: GRANT_PATH.withdraw, lockTime: 0 });
}

/** Takes what was granted to the key, the payee, where the window is over. */
export async function takeGrants(hands: ImiHands, progress: TaskProgress): Promise<TakenBack[]> {
  const { known, acceptances, height } = progress;
  const { acceptance } = known.terms;
  if (acceptance.by !== 'backers') return [];
  const due = acceptances.filter((each) => {
    const end = windowEnd(progress, each);
    return end !== undefined && end <= height + 1 && equalBytes(each.payee, hands.key.publicKey);
  });
  const coins = due.flatMap((each) =>
    each.grants
      .filter(({ state }) => state === 'waiting')
      .map(({ outpoint, value, backer }): Utxo => {
        const lockingScript = grantScript(acceptance, backer, each);
        return { outpoint, output: { value, lockingScript }, height: each.height, coinbase: false };
      }),
  );
  return take(hands, { coins, path: GRANT_PATH.take, sequence: acceptance.window, lockTime: 0 });
}
