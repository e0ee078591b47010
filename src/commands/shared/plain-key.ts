import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import { Account } from '../../chain/index.js';
import type { Settings } from './settings.js';
import { openSigner, type WalletChoice } from './wallet.js';

/**
 * A single key of the data folder, opened.
 * @throws BitmodelError `NOT_A_PLAIN_KEY`, and as `openSigner`
 */
export async function openPlainKey(
  settings: Settings,
  choice: WalletChoice,
  signal?: AbortSignal,
  stdinIsData = false,
): Promise<{ readonly privateKey: Uint8Array; readonly publicKey: string }> {
  const key = await openSigner(settings, choice, signal, stdinIsData);
  if (!(key instanceof Account)) {
    return { privateKey: key.privateKey, publicKey: toHex(key.publicKey) };
  }
  throw new BitmodelError('NOT_A_PLAIN_KEY', `${choice.key} is an account, not a single key.`, {
    next: 'Name the key that the share was sealed to',
    exitCode: EXIT.usage,
  });
}
