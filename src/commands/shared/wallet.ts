import {
  Account,
  assertCanSign,
  ChainClient,
  keyPath,
  networkParameters,
  openKeyFile,
  RpcClient,
  readKeyFile,
  Wallet,
  WalletBook,
} from '../../chain/index.js';
import { PASSPHRASE_OPTION, readPassphrase } from './passphrase.js';
import type { Settings } from './settings.js';
import { watchedOf } from './wallet-address.js';

/** The option that names the key which pays: `command.requiredOption(...KEY_OPTION)`. */
export const KEY_OPTION = ['--key <name>', 'the key that pays (see bitmodel keygen)'] as const;

/** Both options that {@link openWallet} reads. */
export const WALLET_OPTIONS = [KEY_OPTION, PASSPHRASE_OPTION] as const;

/** Which key or account a command uses. */
export interface WalletChoice {
  readonly key: string;
  readonly passphraseFile?: string;
}

/** The node that the settings name. @throws BitmodelError `NODE_UNREACHABLE`, `BAD_RPC_URL` */
export function nodeClient(settings: Settings): ChainClient {
  return new ChainClient(RpcClient.forNode(settings));
}

/** What wallets of this data folder note beside the keys. */
export function walletBook({ datadir, network }: Settings): WalletBook {
  return WalletBook.of(datadir, network);
}

/** A key or an account of the data folder that can sign, as {@link openSigner} gives it. */
export type Signer = Awaited<ReturnType<typeof openKeyFile>>;

/**
 * A key or an account of the data folder, its passphrase asked for.
 * @param stdinIsData stdin carries something else
 * @throws BitmodelError `KEY_NOT_FOUND`, `WATCH_ONLY`, `WRONG_PASSPHRASE`, `NO_PASSPHRASE`
 */
export async function openSigner(
  settings: Settings,
  { key, passphraseFile }: WalletChoice,
  signal?: AbortSignal,
  stdinIsData = false,
): Promise<Signer> {
  const params = networkParameters(settings.network);
  const file = readKeyFile(keyPath(settings.datadir, params, key), params);
  assertCanSign(file, key);
  const passphrase = await readPassphrase({
    passphraseFile,
    stdinIsData,
    question: `The passphrase of ${key}`,
    settings,
    signal,
  });
  const xpub = file.v === 1 ? undefined : file.xpub;
  const indexes = xpub === undefined ? undefined : walletBook(settings).indexes(xpub);
  return openKeyFile(file, key, passphrase, params, indexes);
}

/**
 * A wallet with one key or one account of the data folder, its passphrase asked for.
 * @throws as {@link openSigner}
 */
export async function openWallet(
  client: ChainClient,
  settings: Settings,
  choice: WalletChoice,
  signal?: AbortSignal,
): Promise<Wallet> {
  const params = networkParameters(settings.network);
  const book = walletBook(settings);
  const signer = await openSigner(settings, choice, signal);
  return signer instanceof Account
    ? new Wallet({ client, keys: [], account: signer, book, params })
    : new Wallet({ client, keys: [signer], book, params });
}

/**
 * A wallet that only looks, at a key, an account or an address: no passphrase is asked for.
 * @throws as {@link watchedOf}
 */
export function watchWallet(client: ChainClient, settings: Settings, who: string): Wallet {
  const params = networkParameters(settings.network);
  const book = walletBook(settings);
  const watched = watchedOf(who, settings);
  return watched instanceof Account
    ? new Wallet({ client, keys: [], account: watched, book, params })
    : new Wallet({ client, keys: [], watch: [watched], book, params });
}
