import { join } from 'node:path';
import {
  Account,
  type ChainClient,
  type KeyPair,
  type NetworkParameters,
  networkParameters,
  Wallet,
} from '../../chain/index.js';
import type { Settings } from './settings.js';
import { nodeClient, openSigner, type WalletChoice, walletBook } from './wallet.js';

/** What a buyer, seller or verifier is started with: node, key, and the coins of that key. */
export interface OpenParticipant {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  readonly key: KeyPair;
  readonly wallet: Wallet;
}

/**
 * Opens the key once, and holds it until the process ends.
 * @param stdinIsData a prompt comes over standard input, so that the passphrase can't
 * @throws BitmodelError `KEY_NOT_FOUND`, `WATCH_ONLY`, `WRONG_PASSPHRASE`, `NO_PASSPHRASE`, `NODE_UNREACHABLE`
 */
export async function openParticipant(
  settings: Settings,
  choice: WalletChoice,
  signal: AbortSignal,
  stdinIsData = false,
): Promise<OpenParticipant> {
  const params = networkParameters(settings.network);
  const chain = nodeClient(settings);
  await chain.height();
  const signer = await openSigner(settings, choice, signal, stdinIsData);
  // a participant is one key: of an account its first receiving key
  const key = signer instanceof Account ? signer.keyAt('receive', 0) : signer;
  const wallet = new Wallet({ client: chain, keys: [key], book: walletBook(settings), params });
  return { chain, params, key, wallet };
}

/** Where the records of a network's jobs lie. */
export function jobsFolder({ datadir, network }: Settings): string {
  return join(datadir, network, 'jobs');
}
