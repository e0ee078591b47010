import { createRequire } from 'node:module';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import * as noble from '@noble/secp256k1';
import { BitmodelError } from '../../base/index.js';
import { compactFromDer, derFromCompact, isLowS } from './der.js';

noble.hashes.sha256 = nobleSha256;
noble.hashes.hmacSha256 = (key, message) => hmac(nobleSha256, key, message);

/** Checks a compact, low-S signature of a 32-byte digest. Never throws: a key that is no point is false. */
export type EcdsaVerifier = (
  compact: Uint8Array,
  digest: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

/** Whether a DER signature (no hash type byte) of a 32-byte digest is the key's. */
export type SignatureCheck = (
  der: Uint8Array,
  digest: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

interface NativeSecp256k1 {
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
}

function loadNative(): NativeSecp256k1 | undefined {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings') as NativeSecp256k1;
  } catch {
    // no prebuilt library for this platform: noble answers the same, slower
    return undefined;
  }
}

const native = loadNative();

// A short array that is handed to native code moves out of V8's heap for good; these lie outside already.
const signatureBytes = Buffer.alloc(64);
const digestBytes = Buffer.alloc(32);
const compressedKey = Buffer.alloc(33);
const plainKey = Buffer.alloc(65);

/** libsecp256k1's check; undefined where the platform has no build of it. */
export const verifyNative: EcdsaVerifier | undefined =
  native &&
  ((compact, digest, publicKey) => {
    const key = publicKey.length === compressedKey.length ? compressedKey : plainKey;
    const whole = compact.length === signatureBytes.length && digest.length === digestBytes.length;
    if (!whole || publicKey.length !== key.length) return false;
    try {
      signatureBytes.set(compact);
      digestBytes.set(digest);
      key.set(publicKey);
      return native.ecdsaVerify(signatureBytes, digestBytes, key);
    } catch {
      // the library throws for bytes that are no point or no pair of scalars
      return false;
    }
  });

/** The same check in JavaScript. */
export const verifyNoble: EcdsaVerifier = (compact, digest, publicKey) => {
  try {
    return noble.verify(compact, digest, publicKey, { prehash: false, lowS: true });
  } catch {
    return false;
  }
};

/** Which library checks signatures in this process. */
export const signatureBackend: 'libsecp256k1' | 'noble' = verifyNative ? 'libsecp256k1' : 'noble';

const verify = verifyNative ?? verifyNoble;

const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

function withLowS(compact: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(compact.subarray(32)).toString('hex')}`);
  if (s === 0n || s >= ORDER) return compact;
  const out = compact.slice();
  out.set(Buffer.from((ORDER - s).toString(16).padStart(64, '0'), 'hex'), 32);
  return out;
}

/**
 * Whether a DER signature (no hash type byte) of a 32-byte digest is the key's. High S is taken as its low
 * twin: the rule against it is the script machine's, so that it can be switched off.
 * @param publicKey 33 or 65 bytes
 */
export function verifyEcdsa(der: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  if (publicKey.length !== 33 && publicKey.length !== 65) return false;
  const compact = compactFromDer(der);
  if (!compact) return false;
  return verify(isLowS(compact) ? compact : withLowS(compact), digest, publicKey);
}

/** Strict DER, low-S signature of a 32-byte digest with a deterministic nonce (RFC 6979). */
export function signEcdsa(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  return derFromCompact(noble.sign(digest, privateKey, { prehash: false, lowS: true }));
}

/** A signature that gives away its public key: a recovery id from 0 to 3, then r and s, 65 bytes in all (SEC 1, 4.1.6). */
export function signRecoverable(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  return noble.sign(digest, privateKey, { prehash: false, lowS: true, format: 'recovered' });
}

/**
 * The public key that made a signature of a 32-byte digest, or undefined when no key did.
 * @param signature as {@link signRecoverable} makes it; high S is taken too
 * @param compressed 33 bytes, else 65
 */
export function recoverPublicKey(
  signature: Uint8Array,
  digest: Uint8Array,
  compressed: boolean,
): Uint8Array | undefined {
  try {
    return noble.recoverPublicKey(signature, digest, { prehash: false, isCompressed: compressed });
  } catch {
    // the library throws for numbers out of range and for an r that is no point's
    return undefined;
  }
}

/**
 * The compressed public key, 33 bytes.
 * @throws BitmodelError `BAD_PRIVATE_KEY`
 */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  return noble.getPublicKey(privateKey, true);
}

function assertPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length !== 32 || !noble.utils.isValidSecretKey(privateKey)) {
    throw new BitmodelError('BAD_PRIVATE_KEY', 'These 32 bytes are not a secp256k1 private key.');
  }
}
