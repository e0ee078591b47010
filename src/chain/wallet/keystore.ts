import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import {
  BitmodelError,
  canonicalBytes,
  EXIT,
  equalBytes,
  fromHex,
  sha256,
  toHex,
} from '../../base/index.js';
import { type AddressParameters, publicKeyAddress } from './address.js';
import { type KeyPair, keyPair } from './keys.js';

/**
 * A keystore file: one private key under a passphrase, with public key and address in the clear, so that a wallet
 * can be watched without the passphrase. Everything but the ciphertext is bound to it as associated data.
 * Version 1 fixes the cost of scrypt (N = 2¹⁷, r = 8, p = 1: 128 MiB, about half a second), so a hostile file can't
 * ask for more.
 */
export interface Keystore {
  readonly v: 1;
  readonly network: string;
  readonly address: string;
  readonly publicKey: string;
  readonly kdf: {
    readonly name: 'scrypt';
    readonly n: 131072;
    readonly r: 8;
    readonly p: 1;
    readonly salt: string;
  };
  readonly cipher: {
    readonly name: 'xchacha20-poly1305';
    readonly nonce: string;
    readonly ciphertext: string;
  };
  /** SHA-256 of the canonical JSON of all other fields: tells a damaged file from a wrong passphrase. */
  readonly checksum: string;
}

type Header = Omit<Keystore, 'cipher' | 'checksum'> & {
  readonly cipher: Omit<Keystore['cipher'], 'ciphertext'>;
};

const SCRYPT: ScryptOptions = { N: 131072, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
/** No keystore file is longer. */
export const KEYSTORE_LIMIT = 2048;

const SALT_LENGTH = 32;
const NONCE_LENGTH = 24;
const CIPHERTEXT_LENGTH = 32 + 16;

function deriveKey(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  // one form for a letter that keyboards and systems write in several (NFKC)
  const password = Buffer.from(passphrase.normalize('NFKC'));
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, SCRYPT, (error, key) => {
      password.fill(0);
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function headerOf({ v, network, address, publicKey, kdf, cipher }: Header): Header {
  const { name, n, r, p, salt } = kdf;
  return {
    v,
    network,
    address,
    publicKey,
    kdf: { name, n, r, p, salt },
    cipher: { name: cipher.name, nonce: cipher.nonce },
  };
}

function withChecksum(header: Header, ciphertext: string): Keystore {
  const body = { ...header, cipher: { ...header.cipher, ciphertext } };
  return { ...body, checksum: toHex(sha256(canonicalBytes(body))) };
}

/**
 * Encrypts a key: scrypt makes a key of the passphrase, XChaCha20-Poly1305 encrypts with it. scrypt runs on a
 * thread of its own.
 * @throws BitmodelError `EMPTY_PASSPHRASE`
 */
export async function sealKey(
  key: KeyPair,
  passphrase: string,
  parameters: AddressParameters,
): Promise<Keystore> {
  if (passphrase === '') {
    throw new BitmodelError('EMPTY_PASSPHRASE', 'A key needs a passphrase.', {
      next: 'Choose one; several words are best',
      exitCode: EXIT.usage,
    });
  }
  const salt = randomBytes(SALT_LENGTH);
  const nonce = randomBytes(NONCE_LENGTH);
  const header: Header = {
    v: 1,
    network: parameters.name,
    address: key.address,
    publicKey: toHex(key.publicKey),
    kdf: { name: 'scrypt', n: 131072, r: 8, p: 1, salt: toHex(salt) },
    cipher: { name: 'xchacha20-poly1305', nonce: toHex(nonce) },
  };
  const secret = await deriveKey(passphrase, salt);
  const ciphertext = xchacha20poly1305(secret, nonce, canonicalBytes(header)).encrypt(
    key.privateKey,
  );
  secret.fill(0);
  return withChecksum(header, toHex(ciphertext));
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
  const secret = await deriveKey(passphrase, fromHex(keystore.kdf.salt));
  const associated = canonicalBytes(headerOf(keystore));
  let privateKey: Uint8Array;
  try {
    privateKey = xchacha20poly1305(secret, fromHex(keystore.cipher.nonce), associated).decrypt(
      fromHex(keystore.cipher.ciphertext),
    );
  } catch (thrown) {
    throw new BitmodelError('WRONG_PASSPHRASE', 'The passphrase does not open this key.', {
      next: 'Try again; a forgotten passphrase is only mended by the words or the private key: bitmodel keygen --mnemonic --restore',
      exitCode: EXIT.notAllowed,
      cause: thrown,
    });
  } finally {
    secret.fill(0);
  }
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
  const { kdf, cipher, v, publicKey, address } = keystore;
  const known =
    v === 1 &&
    kdf.name === 'scrypt' &&
    kdf.n === SCRYPT.N &&
    kdf.r === SCRYPT.r &&
    kdf.p === SCRYPT.p &&
    cipher.name === 'xchacha20-poly1305';
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
    fromHex(kdf.salt, SALT_LENGTH);
    fromHex(cipher.nonce, NONCE_LENGTH);
    fromHex(cipher.ciphertext, CIPHERTEXT_LENGTH);
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

function corrupt(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('CORRUPT_KEYSTORE', `This keystore file is damaged: ${why}.`, {
    next: 'Restore it from a backup, or make it anew: bitmodel keygen --mnemonic --restore',
    cause,
  });
}
