import { existsSync } from 'node:fs';
import { BitmodelError } from '../../base/index.js';
import { decodeAddress, keyPath, networkParameters, readKeystore } from '../../chain/index.js';
import type { Settings } from './settings.js';

/**
 * The address meant by a key's name or by an address. No passphrase is needed: the keystore has it in the clear.
 * @throws BitmodelError `KEY_NOT_FOUND`, `CORRUPT_KEYSTORE`, `WRONG_NETWORK`, `BAD_ADDRESS`
 */
export function addressOf(text: string, settings: Settings): string {
  const parameters = networkParameters(settings.network);
  const path = keyPath(settings.datadir, parameters, text);
  if (!existsSync(path)) {
    try {
      decodeAddress(text, parameters);
      return text;
    } catch (thrown) {
      const looksLikeAddress = thrown instanceof BitmodelError && /^[1mn]\w{25,}$/.test(text);
      if (looksLikeAddress) throw thrown;
    }
  }
  return readKeystore(path, parameters).address;
}
