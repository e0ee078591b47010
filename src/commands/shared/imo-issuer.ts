import { BitmodelError, EXIT } from '../../base/index.js';
import {
  Account,
  type ChainClient,
  type KeyPair,
  networkParameters,
  Wallet,
} from '../../chain/index.js';
import type { Settings } from './settings.js';
import { openSigner, type WalletChoice, walletBook } from './wallet.js';

/** Who makes offerings and pays their holders: contracts name one key, so it is a key, not an account of many. */
export interface Issuer {
  readonly key: KeyPair;
  readonly wallet: Wallet;
}

/** The key of an issuer, with its coins. @throws BitmodelError `NOT_A_PLAIN_KEY`, and as `openSigner` */
export async function openIssuer(
  client: ChainClient,
  settings: Settings,
  choice: WalletChoice,
  signal: AbortSignal,
): Promise<Issuer> {
  const key = await openSigner(settings, choice, signal);
  if (key instanceof Account) {
    throw new BitmodelError('NOT_A_PLAIN_KEY', `${choice.key} is an account, not a single key.`, {
      next: "Name the single key that holds the model's pin; bitmodel keygen makes one",
      exitCode: EXIT.usage,
    });
  }
  const params = networkParameters(settings.network);
  const wallet = new Wallet({ client, keys: [key], book: walletBook(settings), params });
  return { key, wallet };
}
