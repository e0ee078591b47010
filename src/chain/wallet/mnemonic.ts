import { HDKey } from '@scure/bip32';
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { BitmodelError, EXIT } from '../../base/index.js';
import type { AddressParameters } from './address.js';
import { type KeyPair, keyPair } from './keys.js';

/**
 * Coin types of BIP44. 1 is every chain's test network. 25197 (0x626d, "bm") is ours on main: not registered in
 * SLIP-44, and on purpose not Bitcoin's 0, so that one phrase never gives both chains the same key.
 */
const COIN_TYPE = { main: 25197, test: 1 } as const;

/** Longest phrase looked at: 24 words of at most 8 letters, with room for odd spacing. */
const LONGEST = 400;

/** Where in the BIP32 tree of a phrase the key lies: the first receiving key of the first account (BIP44). */
export function derivationPath(parameters: Pick<AddressParameters, 'name'>): string {
  return `m/44'/${parameters.name === 'main' ? COIN_TYPE.main : COIN_TYPE.test}'/0'/0/0`;
}

/** A new English phrase of 12 words: 128 random bits and a checksum (BIP39). */
export function createMnemonic(): string {
  return generateMnemonic(wordlist, 128);
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
  const words = phrase.slice(0, LONGEST).trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) {
    throw new BitmodelError('BAD_MNEMONIC', 'These words are not a BIP39 phrase.', {
      next: 'Check each word and their order: 12 to 24 words of the English list',
      exitCode: EXIT.usage,
    });
  }
  const seed = await mnemonicToSeed(words);
  const master = HDKey.fromMasterSeed(seed);
  const child = master.derive(derivationPath(parameters));
  try {
    return keyPair(child.privateKey!.slice(), parameters);
  } finally {
    seed.fill(0);
    master.wipePrivateData();
    child.wipePrivateData();
  }
}
