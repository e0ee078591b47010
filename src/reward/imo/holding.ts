import { equalBytes } from '../../base/index.js';
import {
  type ChainClient,
  holderText,
  type NetworkParameters,
  previousOutputs,
  type Transaction,
  type TransactionOutput,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { isNftOf, nftBehind } from '../contracts/holder.js';
import type { Registry } from '../declared/registry.js';

/** The coins that a transaction's first two inputs spend: its issuer's, and where the model's pin lies with an NFT, that NFT. */
export type Spent = readonly TransactionOutput[];

/** Input of an offering that shows the NFT with which the model's pin lies. */
export const NFT_INPUT = 1;

/** What {@link Spent} is of a transaction. @throws BitmodelError `BAD_NODE_ANSWER` */
export function firstSpent(client: ChainClient, { inputs }: Transaction): Promise<Spent> {
  return previousOutputs(client, { inputs: inputs.slice(0, NFT_INPUT + 1) });
}

/**
 * Whether whoever spends these coins holds a pin that lies with this holder, as pins name holders: the first coin is at the
 * issuer's address, and the pin lies there or in the holder script of an NFT that the second coin is, at that address, too.
 */
export function holdsPin(
  owner: string | undefined,
  [first, second]: Spent,
  issuer: Uint8Array,
  params: NetworkParameters,
): boolean {
  if (!first || !equalBytes(first.lockingScript, issuer)) return false;
  if (owner === holderText(issuer, params)) return true;
  const terms = nftBehind(owner);
  if (!terms || !second || !equalBytes(second.lockingScript, issuer)) return false;
  return isNftOf(terms, second);
}

/** With what a key holds a model's pin: `address` where it lies there, or its NFT where that lies there; undefined for neither. */
export async function pinHeldBy(
  registry: Registry,
  model: string,
  wallet: Wallet,
  script: Uint8Array,
  params: NetworkParameters,
): Promise<'address' | Utxo | undefined> {
  const owner = registry.byId.get(model)?.pin.owner;
  if (owner === holderText(script, params)) return 'address';
  const terms = nftBehind(owner);
  if (!terms) return undefined;
  for await (const coin of wallet.eachToken()) {
    const { output } = coin;
    if (equalBytes(output.lockingScript, script) && isNftOf(terms, output)) return coin;
  }
  return undefined;
}
