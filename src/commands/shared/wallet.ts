import { ChainClient, loadKey, networkParameters, RpcClient, Wallet } from '../../chain/index.js';
import { PASSPHRASE_OPTION, readPassphrase } from './passphrase.js';
import type { Settings } from './settings.js';

/** The option that names the key which pays: `command.requiredOption(...KEY_OPTION)`. */
export const KEY_OPTION = ['--key <name>', 'the key that pays (see bitmodel keygen)'] as const;

/** Both options that {@link openWallet} reads. */
export const WALLET_OPTIONS = [KEY_OPTION, PASSPHRASE_OPTION] as const;

export interface WalletChoice {
  readonly key: string;
  readonly passphraseFile?: string;
}

/** The node that the settings name. @throws BitmodelError `NODE_UNREACHABLE`, `BAD_RPC_URL` */
export function nodeClient({ rpc, datadir, network }: Settings): ChainClient {
  return new ChainClient(RpcClient.forNode({ rpc, datadir, network }));
}

/**
 * A wallet with one key of the data folder, its passphrase asked for.
 * @throws BitmodelError `KEY_NOT_FOUND`, `WRONG_PASSPHRASE`, `NO_PASSPHRASE`
 */
export async function openWallet(
  client: ChainClient,
  settings: Settings,
  { key, passphraseFile }: WalletChoice,
  signal?: AbortSignal,
): Promise<Wallet> {
  const params = networkParameters(settings.network);
  const passphrase = await readPassphrase({
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
    question: `The passphrase of ${key}`,
    settings,
    ...(signal === undefined ? {} : { signal }),
  });
  const pair = await loadKey(settings.datadir, params, key, passphrase);
  return new Wallet({ client, keys: [pair], params });
}
