import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import type { Nft } from '../codec/token.js';
import { idToHash, type Outpoint } from '../codec/transaction.js';
import type { FundedTransaction } from '../wallet/fund.js';
import type { Sent } from '../wallet/requests.js';
import type { Wallet } from '../wallet/Wallet.js';
import { fundFrom, TOKEN_FEES, tokenOutput } from './spend.js';

/** A token to be made: what it is, and who gets it. */
export interface NewToken {
  /** Fungible amount; none unless stated. */
  readonly amount?: bigint;
  readonly nft?: Nft;
  readonly lockingScript: Uint8Array;
}

/** A transaction that gives birth to a category, ready to be signed and sent by {@link sendMint}. */
export interface MintPlan extends FundedTransaction {
  /** 32 bytes in byte order. */
  readonly category: Uint8Array;
}

/** What a birth coin is worth that is made for the purpose: enough for a few outputs and their fee, in base units. */
const BIRTH_VALUE = 10_000n;

/**
 * A coin of the wallet's that a category can be born from: an output 0, confirmed if there is one.
 * @returns undefined when there is none; {@link makeBirthCoin} makes one
 */
export async function findBirthCoin(wallet: Wallet): Promise<Utxo | undefined> {
  const first = (await wallet.utxos()).filter(({ outpoint }) => outpoint.index === 0);
  return first.find(({ height }) => height > 0) ?? first[0];
}

/** Pays the wallet itself, so that it has a coin that a category can be born from; it need not be mined first. */
export async function makeBirthCoin(wallet: Wallet): Promise<Utxo> {
  const output = { value: BIRTH_VALUE, lockingScript: wallet.changeScript };
  const { txid } = await wallet.send([output]);
  return { outpoint: { hash: idToHash(txid), index: 0 }, output, height: 0, coinbase: false };
}

/**
 * Makes a transaction in which a category is born from a coin and gives out tokens: outputs 0, 1, … are theirs, in
 * order. It is not signed and not sent; `wallet.release(plan.transaction)` lets its coins go again.
 * @param birth of {@link findBirthCoin} or {@link makeBirthCoin}
 * @throws BitmodelError `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`, `BAD_BIRTH_COIN`
 */
export async function planMint(
  client: ChainClient,
  wallet: Wallet,
  birth: Utxo,
  tokens: readonly NewToken[],
): Promise<MintPlan> {
  if (birth.outpoint.index !== 0) {
    throw new BitmodelError('BAD_BIRTH_COIN', 'A category is born from an output 0 only.', {
      next: 'Leave it out: a fitting coin is found or made',
      exitCode: EXIT.usage,
    });
  }
  const category = birth.outpoint.hash;
  const outputs = tokens.map(({ amount = 0n, nft, lockingScript }) =>
    tokenOutput(nft ? { category, amount, nft } : { category, amount }, lockingScript),
  );
  return { ...(await fundFrom(client, wallet, birth, outputs)), category };
}

/**
 * Signs and sends what {@link planMint} made.
 * @throws BitmodelError what the wallet and the node say
 */
export function sendMint(wallet: Wallet, plan: MintPlan): Promise<Sent> {
  return wallet.submit(plan, TOKEN_FEES);
}

/** Outpoint of the n-th token of a mint that was sent. */
export function mintedAt({ txid }: Sent, index: number): Outpoint {
  return { hash: idToHash(txid), index };
}
