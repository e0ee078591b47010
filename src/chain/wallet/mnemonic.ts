import { HDKey } from '@scure/bip32';
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { BitmodelError, EXIT } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { derivationPath, extendedKeyVersions } from './hd.js';
import { type KeyPair, keyPair } from './keys.js';

/** Longest phrase looked at: 24 words of at most 8 letters, with room for odd spacing. */
const LONGEST = 400;
/** Longest BIP39 passphrase taken, in characters. */
export const MNEMONIC_PASSPHRASE_LIMIT = 256;

/** A new English phrase of 12 words: 128 random bits and a checksum (BIP39). */
export function createMnemonic(): string {
  return generateMnemonic(wordlist, 128);
}

/**
 * A phrase in the one form that BIP39 hashes: lower case, single spaces. The words never get into an error.
 * @throws BitmodelError `BAD_MNEMONIC` when a word is not in the list, or the checksum fails
 */
export function normalizeMnemonic(phrase: string): string {
  const words = phrase.slice(0, LONGEST).trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) {
    throw new BitmodelError('BAD_MNEMONIC', 'These words are not a BIP39 phrase.', {
      next: 'Check each word and their order: 12 to 24 words of the English list',
      exitCode: EXIT.usage,
    });
  }
  return words;
}

/**
 * The private node of a phrase at a path.
 * @param passphrase BIP39's (the "25th word"); not what encrypts the keystore
 * @throws BitmodelError `BAD_MNEMONIC`, `BAD_MNEMONIC_PASSPHRASE`
 */
export async function nodeFromMnemonic(
  phrase: string,
  passphrase: string,
  path: string,
  parameters: Pick<AddressParameters, 'name'>,
): Promise<HDKey> {
  const words = normalizeMnemonic(phrase);
  if (passphrase.length > MNEMONIC_PASSPHRASE_LIMIT) {
    throw new BitmodelError(
      'BAD_MNEMONIC_PASSPHRASE',
      'This passphrase of the words is too long.',
      {
        next: `Give at most ${MNEMONIC_PASSPHRASE_LIMIT} characters`,
        exitCode: EXIT.usage,
      },
    );
  }
  const seed = await mnemonicToSeed(words, passphrase);
  const master = HDKey.fromMasterSeed(seed, extendedKeyVersions(parameters));
  try {
    return master.derive(path);
  } finally {
    seed.fill(0);
    // the node of the path "m" is the master itself
    if (path !== 'm') master.wipePrivateData();
  }
}

/**
 * The key of a phrase, at {@link derivationPath}, with BIP39's empty passphrase (what encrypts the keystore is
 * another one). Case and spacing don't matter. The words never get into an error.
 * @throws BitmodelError `BAD_MNEMONIC` when a word is not in the list, or the checksum fails
 */
export async function keyFromMnemonic(
  phrase: string,
  parameters: AddressParameters,
): Promise<KeyPair> {
  const child = await nodeFromMnemonic(phrase, '', derivationPath(parameters), parameters);
  try {
    return keyPair(child.privateKey!.slice(), parameters);
  } finally {
    child.wipePrivateData();
  }
}
