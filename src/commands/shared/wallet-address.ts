import { existsSync } from 'node:fs';
import { BitmodelError } from '../../base/index.js';
import {
  Account,
  decodeAddress,
  keyAddress,
  keyPath,
  networkParameters,
  readKeyFile,
  WalletBook,
  watchedAccount,
} from '../../chain/index.js';
import type { Settings } from './settings.js';

/**
 * What is meant by a name or by an address: an account, or one address. No passphrase is needed: key files have their
 * public side in the clear.
 * @throws BitmodelError `KEY_NOT_FOUND`, `CORRUPT_KEYSTORE`, `WRONG_NETWORK`, `BAD_ADDRESS`
 */
export function watchedOf(text: string, settings: Settings): Account | string {
  const { datadir, network } = settings;
  const parameters = networkParameters(network);
  const path = keyPath(datadir, parameters, text);
  if (!existsSync(path)) {
    try {
      decodeAddress(text, parameters);
      return text;
    } catch (thrown) {
      const looksLikeAddress = thrown instanceof BitmodelError && /^[1mn]\w{25,}$/.test(text);
      if (looksLikeAddress) throw thrown;
    }
  }
  const file = readKeyFile(path, parameters);
  const xpub = file.v === 1 ? undefined : file.xpub;
  if (xpub === undefined) return keyAddress(file, parameters);
  const indexes = WalletBook.of(datadir, network).indexes(xpub);
  return watchedAccount(file, parameters, indexes)!;
}

/**
 * The one address that stands for a key's name or an address: of an account its first receiving address.
 * @throws as {@link watchedOf}
 */
export function addressOf(text: string, settings: Settings): string {
  const watched = watchedOf(text, settings);
  return watched instanceof Account ? watched.firstAddress : watched;
}

/** An address to be paid at: of an account the next that was not used. @throws as {@link watchedOf} */
export function receiveAddressOf(text: string, settings: Settings): string {
  const watched = watchedOf(text, settings);
  return watched instanceof Account ? watched.receiveAddress : watched;
}
