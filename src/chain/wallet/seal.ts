import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import {
  BitmodelError,
  type CanonicalValue,
  canonicalBytes,
  EXIT,
  fromHex,
  toHex,
} from '../../base/index.js';

/**
 * How a file's secret lies under a passphrase. The cost of scrypt is fixed (N = 2¹⁷, r = 8, p = 1: 128 MiB, about half
 * a second), so a hostile file can't ask for more.
 */
export interface SealParameters {
  readonly kdf: {
    readonly name: 'scrypt';
    readonly n: 131072;
    readonly r: 8;
    readonly p: 1;
    /** Hex of 32 bytes. */
    readonly salt: string;
  };
  readonly cipher: {
    readonly name: 'xchacha20-poly1305';
    /** Hex of 24 bytes. */
    readonly nonce: string;
  };
}

/** {@link SealParameters} with the encrypted secret, in hex. */
export interface Sealed extends SealParameters {
  readonly cipher: SealParameters['cipher'] & { readonly ciphertext: string };
}

const SCRYPT: ScryptOptions = { N: 131072, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
const SALT_LENGTH = 32;
const NONCE_LENGTH = 24;
/** Bytes that the ciphertext is longer than the secret. */
const SEAL_OVERHEAD = 16;

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

/** The parameters alone, in the order in which files have them. */
export function sealParametersOf({ kdf, cipher }: SealParameters): SealParameters {
  const { name, n, r, p, salt } = kdf;
  return { kdf: { name, n, r, p, salt }, cipher: { name: cipher.name, nonce: cipher.nonce } };
}

/**
 * Encrypts a secret: scrypt makes a key of the passphrase, XChaCha20-Poly1305 encrypts with it. scrypt runs on a
 * thread of its own.
 * @param headerOf what the file says in the clear beside these parameters; the ciphertext is bound to it
 * @throws BitmodelError `EMPTY_PASSPHRASE`
 */
export async function sealSecret(
  secret: Uint8Array,
  passphrase: string,
  headerOf: (parameters: SealParameters) => CanonicalValue,
): Promise<Sealed> {
  if (passphrase === '') {
    throw new BitmodelError('EMPTY_PASSPHRASE', 'A key needs a passphrase.', {
      next: 'Choose one; several words are best',
      exitCode: EXIT.usage,
    });
  }
  const salt = randomBytes(SALT_LENGTH);
  const nonce = randomBytes(NONCE_LENGTH);
  const parameters: SealParameters = {
    kdf: { name: 'scrypt', n: 131072, r: 8, p: 1, salt: toHex(salt) },
    cipher: { name: 'xchacha20-poly1305', nonce: toHex(nonce) },
  };
  const key = await deriveKey(passphrase, salt);
  const associated = canonicalBytes(headerOf(parameters));
  const ciphertext = xchacha20poly1305(key, nonce, associated).encrypt(secret);
  key.fill(0);
  return { ...parameters, cipher: { ...parameters.cipher, ciphertext: toHex(ciphertext) } };
}

/**
 * Decrypts what {@link sealSecret} made.
 * @param header the same as then
 * @throws BitmodelError `WRONG_PASSPHRASE`
 */
export async function openSealed(
  sealed: Sealed,
  passphrase: string,
  header: CanonicalValue,
): Promise<Uint8Array> {
  const { kdf, cipher } = sealed;
  const key = await deriveKey(passphrase, fromHex(kdf.salt));
  try {
    const opener = xchacha20poly1305(key, fromHex(cipher.nonce), canonicalBytes(header));
    return opener.decrypt(fromHex(cipher.ciphertext));
  } catch (thrown) {
    throw new BitmodelError('WRONG_PASSPHRASE', 'The passphrase does not open this key.', {
      next: 'Try again; a forgotten passphrase is only mended by the words or the private key: bitmodel keygen --mnemonic --restore',
      exitCode: EXIT.notAllowed,
      cause: thrown,
    });
  } finally {
    key.fill(0);
  }
}

/** Whether the parameters are those that this version knows. */
export function isKnownSeal({ kdf, cipher }: SealParameters): boolean {
  return (
    kdf.name === 'scrypt' &&
    kdf.n === SCRYPT.N &&
    kdf.r === SCRYPT.r &&
    kdf.p === SCRYPT.p &&
    cipher.name === 'xchacha20-poly1305'
  );
}

/**
 * Checks the lengths of salt, nonce and ciphertext.
 * @param least bytes of the secret at least
 * @param most bytes of the secret at most
 * @throws BitmodelError `BAD_HEX`; RangeError
 */
export function checkSealForm({ kdf, cipher }: Sealed, least: number, most: number): void {
  fromHex(kdf.salt, SALT_LENGTH);
  fromHex(cipher.nonce, NONCE_LENGTH);
  const length = fromHex(cipher.ciphertext).length - SEAL_OVERHEAD;
  if (length < least || length > most) throw new RangeError('the ciphertext has a wrong length');
}
