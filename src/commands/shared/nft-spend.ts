import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../../base/index.js';
import {
  Account,
  type ChainClient,
  type KeyPair,
  networkParameters,
  Wallet,
} from '../../chain/index.js';
import { PASSPHRASE_OPTION } from './passphrase.js';
import type { Settings } from './settings.js';
import { openSigner, type Signer, type WalletChoice, walletBook } from './wallet.js';

/** What every verb takes that spends something. */
export interface SpendOptions extends WalletChoice {
  readonly dryRun?: boolean;
}

/** Adds a verb with its example to `nft`. */
export function nftVerb(nft: Command, name: string, description: string, example: string): Command {
  return nft
    .command(name)
    .description(description)
    .addHelpText('after', `\nExample:\n  $ bitmodel nft ${example}`);
}

/** Adds the options of {@link SpendOptions}. */
export function spending(command: Command, key = 'the key that holds and pays'): Command {
  return command
    .option('--key <name>', key, 'default')
    .option(...PASSPHRASE_OPTION)
    .option('--dry-run', 'show what would be sent, and send nothing');
}

/** A usage error of an option. */
export function badOption(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** A wallet with the keys behind it, for contracts that their seller signs. */
export interface SigningWallet {
  readonly wallet: Wallet;
  /** The key behind a locking script; undefined where it is none of the wallet's. */
  keyFor(lockingScript: Uint8Array): KeyPair | undefined;
}

/** Opens a key or an account to spend and to sign contracts with. @throws as `openSigner` */
export async function openSigningWallet(
  client: ChainClient,
  settings: Settings,
  choice: WalletChoice,
  signal: AbortSignal,
): Promise<SigningWallet> {
  const params = networkParameters(settings.network);
  const book = walletBook(settings);
  const signer = await openSigner(settings, choice, signal);
  const wallet =
    signer instanceof Account
      ? new Wallet({ client, keys: [], account: signer, book, params })
      : new Wallet({ client, keys: [signer], book, params });
  return { wallet, keyFor: (script) => keyBehind(signer, wallet, script) };
}

function keyBehind(signer: Signer, wallet: Wallet, script: Uint8Array): KeyPair | undefined {
  if (signer instanceof Account) return signer.keyFor(script);
  return wallet.owns(script) ? signer : undefined;
}

/** The key that may sell an NFT that lies at a script. @throws BitmodelError `NFT_NOT_HELD` */
export function sellingKey({ keyFor }: SigningWallet, script: Uint8Array): KeyPair {
  const key = keyFor(script);
  if (key) return key;
  throw new BitmodelError('NFT_NOT_HELD', 'This key is not the one that offered this NFT.', {
    next: 'Name the key of its seller with --key',
    exitCode: EXIT.notAllowed,
  });
}
