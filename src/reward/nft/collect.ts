import {
  type ChainClient,
  estimateFeeRate,
  idToHash,
  P2PKH_UNLOCKING_SIZE,
  proveCoins,
  TOKEN_FEES,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { holderUnlocking } from '../contracts/holder.js';
import { sameAgain } from '../contracts/sameAgain.js';
import { withUnlocking } from '../contracts/submit.js';
import { modelTerms } from './held.js';
import { waitingFees } from './waiting.js';

/** One transaction that took what waited. */
export interface Collection {
  readonly txid: string;
  /** Base units that waited, in this many coins. */
  readonly amount: bigint;
  readonly coins: number;
  /** Base units that the transaction cost, out of these or of the wallet's coins. */
  readonly fee: bigint;
}

/** What a collection took, and what it left. */
export interface Collected {
  readonly collections: readonly Collection[];
  /** Coins that are worth less than it costs to spend them. */
  readonly small: number;
  /** Coins that carry somebody's tokens. */
  readonly withTokens: number;
}

/** Coins taken in one transaction: 17 kB, a fraction of what a node relays. */
const MOST_COINS = 400;
/** Transactions at a time: the mempool takes a chain of 25 that wait for each other. */
const MOST_TRANSACTIONS = 20;
/** Bytes of an input that spends a holder script: outpoint, sequence, length, and a push of 0. */
const INPUT_SIZE = 42n;
/** The NFT is always the first input. */
const UNLOCKING = holderUnlocking(0);

async function collectSome(
  client: ChainClient,
  wallet: Wallet,
  nft: Utxo,
  coins: readonly Utxo[],
  feeRate: bigint,
): Promise<Collection> {
  await proveCoins(client, [nft, ...coins]);
  const held = { outpoint: nft.outpoint, output: nft.output, unlockingSize: P2PKH_UNLOCKING_SIZE };
  const waiting = coins.map(({ outpoint, output }) => ({
    outpoint,
    output,
    unlockingSize: UNLOCKING.length,
  }));
  const funded = await wallet.fund({
    inputs: [held, ...waiting],
    outputs: [sameAgain(nft)],
    feeRate,
  });
  const unlocked = withUnlocking(funded, [undefined, ...coins.map(() => UNLOCKING)]);
  const { txid, fee } = await wallet.submit(unlocked, TOKEN_FEES);
  const amount = coins.reduce((sum, { output }) => sum + output.value, 0n);
  return { txid, amount, coins: coins.length, fee };
}

/**
 * Takes what waits for the holder of a model's NFT: the NFT stands among the inputs and goes back where it lay, the
 * coins go to the wallet, up to 400 at a time, of the 1,000 worth most.
 * @param nft the NFT, which the wallet holds
 * @param pinId of the model, whose coin is left where it is; undefined where nobody published it
 * @throws BitmodelError `NO_MODEL_NFT`, `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`, and what the node says
 */
export async function collectFees(
  client: ChainClient,
  wallet: Wallet,
  nft: Utxo,
  pinId: string | undefined,
  signal?: AbortSignal,
): Promise<Collected> {
  const feeRate = await estimateFeeRate(client);
  const waiting = await waitingFees(client, modelTerms(nft.output), pinId);
  // the largest first, so that nobody can hide them behind many that are hardly worth their fee
  const worth = waiting.coins
    .filter(({ output }) => output.value > INPUT_SIZE * feeRate)
    .sort((a, b) => (a.output.value < b.output.value ? 1 : -1));
  const collections: Collection[] = [];
  let at = nft;
  for (let from = 0; from < worth.length && collections.length < MOST_TRANSACTIONS; ) {
    signal?.throwIfAborted();
    const some = worth.slice(from, from + MOST_COINS);
    const done = await collectSome(client, wallet, at, some, feeRate);
    collections.push(done);
    from += some.length;
    const outpoint = { hash: idToHash(done.txid), index: 0 };
    at = { outpoint, output: sameAgain(at), height: 0, coinbase: false };
  }
  return {
    collections,
    small: waiting.coins.length - worth.length,
    withTokens: waiting.withTokens,
  };
}
