import {
  BitmodelError,
  canonicalBytes,
  EXIT,
  equalBytes,
  fromHex,
  sha256,
  toHex,
} from '../../base/index.js';
import { type AddressParameters, publicKeyAddress } from '../address/address.js';
import { type KeyPair, keyPair } from './keys.js';
import {
  checkSealForm,
  isKnownSeal,
  openSealed,
  type Sealed,
  sealParametersOf,
  sealSecret,
} from './seal.js';

/**
 * A keystore file of version 1: one private key under a passphrase ({@link Sealed}), with public key and address in the
 * clear, so that a wallet can be watched without the passphrase. Everything but the ciphertext is bound to it as
 * associated data.
 */
export interface Keystore extends Sealed {
  readonly v: 1;
  readonly network: string;
  readonly address: string;
  readonly publicKey: string;
  /** SHA-256 of the canonical JSON of all other fields: tells a damaged file from a wrong passphrase. */
  readonly checksum: string;
}

type Header = Omit<Keystore, 'cipher' | 'checksum'> & {
  readonly cipher: Omit<Keystore['cipher'], 'ciphertext'>;
};

/** No keystore file is longer. */
const KEYSTORE_LIMIT = 2048;

const KEY_LENGTH = 32;

function headerOf(header: Header): Header {
  const { v, network, address, publicKey } = header;
  return { v, network, address, publicKey, ...sealParametersOf(header) };
}

function withChecksum(header: Header, ciphertext: string): Keystore {
  const body = { ...header, cipher: { ...header.cipher, ciphertext } };
  return { ...body, checksum: toHex(sha256(canonicalBytes(body))) };
}

/**
 * Encrypts a key.
 * @throws BitmodelError `EMPTY_PASSPHRASE`
 */
export async function sealKey(
  key: KeyPair,
  passphrase: string,
  parameters: AddressParameters,
): Promise<Keystore> {
  const open = {
    v: 1 as const,
    network: parameters.name,
    address: key.address,
    publicKey: toHex(key.publicKey),
  };
  const sealed = await sealSecret(key.privateKey, passphrase, (seal) => ({ ...open, ...seal }));
  return withChecksum({ ...open, ...sealParametersOf(sealed) }, sealed.cipher.ciphertext);
}

/**
 * Decrypts the key of a keystore.
 * @throws BitmodelError `WRONG_PASSPHRASE`; `CORRUPT_KEYSTORE` when the key inside is not the one outside
 */
export async function unsealKey(
  keystore: Keystore,
  passphrase: string,
  parameters: AddressParameters,
): Promise<KeyPair> {
  const privateKey = await openSealed(keystore, passphrase, headerOf(keystore));
  const key = keyPair(privateKey, parameters);
  if (!equalBytes(key.publicKey, fromHex(keystore.publicKey))) throw corrupt('its keys differ');
  return key;
}

/** The file's text: indented JSON in a fixed order of fields. */
export function encodeKeystore(keystore: Keystore): string {
  const { checksum, cipher } = keystore;
  const body = withChecksum(headerOf(keystore), cipher.ciphertext);
  return `${JSON.stringify({ ...body, checksum }, null, 2)}\n`;
}

/**
 * Reads a keystore file for a network. Only the very text that {@link encodeKeystore} writes is taken, so no byte of
 * it can change unnoticed.
 * @throws BitmodelError `CORRUPT_KEYSTORE`; `WRONG_NETWORK`
 */
export function decodeKeystore(text: string, parameters: AddressParameters): Keystore {
  if (text.length > KEYSTORE_LIMIT) throw corrupt('it is too long');
  let keystore: Keystore;
  let canonical: string;
  try {
    keystore = JSON.parse(text) as Keystore;
    canonical = encodeKeystore(keystore);
  } catch (thrown) {
    throw corrupt('it is not a keystore', thrown);
  }
  const { cipher, v, publicKey, address } = keystore;
  const known = v === 1 && isKnownSeal(keystore);
  if (!known) throw corrupt('its version is not known');
  if (
    canonical !== text ||
    keystore.checksum !== withChecksum(headerOf(keystore), cipher.ciphertext).checksum
  ) {
    throw corrupt('its checksum does not fit');
  }
  if (keystore.network !== parameters.name) {
    throw new BitmodelError(
      'WRONG_NETWORK',
      `This key is for ${keystore.network}, not for ${parameters.name}.`,
      { next: `Pass --network ${keystore.network}`, exitCode: EXIT.usage },
    );
  }
  try {
    checkSealForm(keystore, KEY_LENGTH, KEY_LENGTH);
    const key = fromHex(publicKey, 33);
    if (publicKeyAddress(key, parameters) !== address)
      throw corrupt('its address is not its key’s');
  } catch (thrown) {
    throw thrown instanceof BitmodelError && thrown.code === 'CORRUPT_KEYSTORE'
      ? thrown
      : corrupt('a field has the wrong form', thrown);
  }
  return keystore;
}

/** What every unreadable keystore file is answered with. */
export function corrupt(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('CORRUPT_KEYSTORE', `This keystore file is damaged: ${why}.`, {
    next: 'Restore it from a backup, or make it anew: bitmodel keygen --mnemonic --restore',
    cause,
  });
}
