import { BitmodelError, EXIT } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { Account, type AccountIndexes } from './Account.js';
import {
  type AccountFile,
  checkAccountFile,
  unsealAccount,
  type WatchFile,
} from './accountFile.js';
import { decodeExtendedKey } from './hd.js';
import type { KeyPair } from './keys.js';
import { corrupt, decodeKeystore, type Keystore, unsealKey } from './keystore.js';

/** What lies behind a key's name: one key, an HD account, or something to watch. */
export type KeyFile = Keystore | AccountFile | WatchFile;

/** What a key file can hold. */
export type KeyKind = 'key' | 'account' | 'watched address' | 'watched account';

/** No such file is longer. */
export const KEY_FILE_LIMIT = 8192;

/**
 * Reads the text of a key's file of either version. Only the very text that the encoders write is taken, so no byte of
 * it can change unnoticed.
 * @throws BitmodelError `CORRUPT_KEYSTORE`; `WRONG_NETWORK`
 */
export function decodeKeyFile(text: string, parameters: AddressParameters): KeyFile {
  if (text.length > KEY_FILE_LIMIT) throw corrupt('it is too long');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw corrupt('it is not a keystore', thrown);
  }
  if ((json as { v?: unknown } | null)?.v !== 2) return decodeKeystore(text, parameters);
  const file = checkAccountFile(json, text, parameters);
  if (file.network === parameters.name) return file;
  throw new BitmodelError(
    'WRONG_NETWORK',
    `This key is for ${String(file.network).slice(0, 20)}, not for ${parameters.name}.`,
    { next: `Pass --network ${String(file.network).slice(0, 20)}`, exitCode: EXIT.usage },
  );
}

/** What a key file holds. */
export function keyKind(file: KeyFile): KeyKind {
  if (file.v === 1) return 'key';
  if (file.kind === 'account') return 'account';
  return file.address === undefined ? 'watched account' : 'watched address';
}

/** The account's public side, or undefined for a file with one address. */
export function watchedAccount(
  file: KeyFile,
  parameters: AddressParameters,
  indexes?: AccountIndexes,
): Account | undefined {
  const xpub = file.v === 1 ? undefined : file.xpub;
  if (xpub === undefined) return undefined;
  return new Account(decodeExtendedKey(xpub, parameters), parameters, indexes);
}

/** The one address that stands for a key: an account's first receiving address. */
export function keyAddress(file: KeyFile, parameters: AddressParameters): string {
  if (file.v === 1) return file.address;
  if (file.kind === 'watch' && file.address !== undefined) return file.address;
  return watchedAccount(file, parameters)!.firstAddress;
}

/** Says that nothing can be signed. */
function watchOnly(name: string): BitmodelError {
  return new BitmodelError('WATCH_ONLY', `${name} is only watched: its private key is not here.`, {
    next: `Build with bitmodel tx build --from ${name}, and sign where the key is: bitmodel tx sign`,
    exitCode: EXIT.notAllowed,
  });
}

/**
 * Opens what can sign: one key, or an account with its private keys.
 * @param name for the error
 * @throws BitmodelError `WATCH_ONLY`, `WRONG_PASSPHRASE`, `CORRUPT_KEYSTORE`
 */
export async function openKeyFile(
  file: KeyFile,
  name: string,
  passphrase: string,
  parameters: AddressParameters,
  indexes?: AccountIndexes,
): Promise<KeyPair | Account> {
  assertCanSign(file, name);
  if (file.v === 1) return unsealKey(file, passphrase, parameters);
  return unsealAccount(file as AccountFile, passphrase, parameters, indexes);
}

/** Checks, before a passphrase is asked for, that there is something to open. @throws BitmodelError `WATCH_ONLY` */
export function assertCanSign(file: KeyFile, name: string): void {
  if (file.v === 2 && file.kind === 'watch') throw watchOnly(name);
}
