import { join } from 'node:path';
import {
  ChainClient,
  type KeyPair,
  loadKey,
  type NetworkParameters,
  networkParameters,
  RpcClient,
  Wallet,
} from '../../chain/index.js';
import { readPassphrase } from './passphrase.js';
import type { Settings } from './settings.js';
import type { WalletChoice } from './wallet.js';

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
 * @throws BitmodelError `KEY_NOT_FOUND`, `WRONG_PASSPHRASE`, `NO_PASSPHRASE`, `NODE_UNREACHABLE`
 */
export async function openParticipant(
  settings: Settings,
  { key: name, passphraseFile }: WalletChoice,
  signal: AbortSignal,
  stdinIsData = false,
): Promise<OpenParticipant> {
  const params = networkParameters(settings.network);
  const { rpc, datadir, network } = settings;
  const chain = new ChainClient(RpcClient.forNode({ rpc, datadir, network }));
  await chain.height();
  const passphrase = await readPassphrase({
    passphraseFile,
    stdinIsData,
    question: `The passphrase of ${name}`,
    settings,
    signal,
  });
  const key = await loadKey(datadir, params, name, passphrase);
  return { chain, params, key, wallet: new Wallet({ client: chain, keys: [key], params }) };
}

/** Where the records of a network's jobs lie. */
export function jobsFolder({ datadir, network }: Settings): string {
  return join(datadir, network, 'jobs');
}
