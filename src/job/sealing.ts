import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { getPublicKey, getSharedSecret, utils } from '@noble/secp256k1';
import { BitmodelError, concatBytes, utf8 } from '../base/index.js';

const ECIES_INFO = utf8('bitmodel/ecies/1');
const LAYER_INFO = utf8('bitmodel/seal/1');
/** Every key here encrypts exactly one message, so the nonce may be zero. */
const ZERO_NONCE = new Uint8Array(24);
const PUBLIC_KEY_LENGTH = 33;
const TAG_LENGTH = 16;

function eciesKey(privateKey: Uint8Array, publicKey: Uint8Array, oneTimePublicKey: Uint8Array) {
  const point = getSharedSecret(privateKey, publicKey, true);
  return hkdf(sha256, point, oneTimePublicKey, ECIES_INFO, 32);
}

function layerKey(k: Uint8Array): Uint8Array {
  return hkdf(sha256, k, undefined, LAYER_INFO, 32);
}

function open(key: Uint8Array, ciphertext: Uint8Array, what: string): Uint8Array {
  try {
    return xchacha20poly1305(key, ZERO_NONCE).decrypt(ciphertext);
  } catch (thrown) {
    throw new BitmodelError('SEAL_BROKEN', `${what} does not open with this key.`, {
      next: 'Open it with the key it was sealed to, as it was sent',
      cause: thrown,
    });
  }
}

/** A fresh private key for one sealed message. */
export function createOneTimeKey(): Uint8Array {
  return utils.randomSecretKey();
}

/**
 * ECIES as DESIGN 5.2 has it: the one-time public key (33 bytes), then XChaCha20-Poly1305 of the plaintext.
 * @param oneTimeKey a private key used for this message alone; keep it where it must be shown later (counter-proof)
 * @throws BitmodelError `BAD_KEY` when the public key is not a point of the curve
 */
export function sealTo(
  publicKey: Uint8Array,
  plaintext: Uint8Array,
  oneTimeKey: Uint8Array = createOneTimeKey(),
): Uint8Array {
  try {
    const oneTimePublicKey = getPublicKey(oneTimeKey, true);
    const key = eciesKey(oneTimeKey, publicKey, oneTimePublicKey);
    return concatBytes(oneTimePublicKey, xchacha20poly1305(key, ZERO_NONCE).encrypt(plaintext));
  } catch (thrown) {
    throw new BitmodelError('BAD_KEY', 'The key to seal to is not a secp256k1 public key.', {
      next: 'Give the compressed public key of who shall read it',
      cause: thrown,
    });
  }
}

/**
 * Opens what {@link sealTo} made.
 * @throws BitmodelError `SEAL_BROKEN`
 */
export function openSealed(privateKey: Uint8Array, sealed: Uint8Array): Uint8Array {
  return openWith(sealed, (oneTimePublicKey) =>
    eciesKey(privateKey, oneTimePublicKey, oneTimePublicKey),
  );
}

/**
 * Opens a sealed message from the sender's side, with the one-time private key: the seller's counter-proof.
 * @throws BitmodelError `SEAL_BROKEN`, also when the key is not the one whose public key stands in front
 */
export function openWithOneTimeKey(
  oneTimeKey: Uint8Array,
  receiver: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  return openWith(sealed, (oneTimePublicKey) => {
    const shown = getPublicKey(oneTimeKey, true);
    if (Buffer.compare(shown, oneTimePublicKey) !== 0) throw broken('another one-time key');
    return eciesKey(oneTimeKey, receiver, oneTimePublicKey);
  });
}

function openWith(sealed: Uint8Array, keyFor: (oneTimePublicKey: Uint8Array) => Uint8Array) {
  if (sealed.length < PUBLIC_KEY_LENGTH + TAG_LENGTH) throw broken('it is too short');
  const oneTimePublicKey = sealed.slice(0, PUBLIC_KEY_LENGTH);
  let key: Uint8Array;
  try {
    key = keyFor(oneTimePublicKey);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    throw broken('it does not begin with a public key', thrown);
  }
  return open(key, sealed.subarray(PUBLIC_KEY_LENGTH), 'The sealed message');
}

function broken(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('SEAL_BROKEN', `The sealed message does not open: ${why}.`, {
    next: 'Ask its author to send it again',
    cause,
  });
}

/** The layer under k: XChaCha20-Poly1305 with HKDF-SHA-256(k, "bitmodel/seal/1"). */
export function sealUnder(k: Uint8Array, bytes: Uint8Array): Uint8Array {
  return xchacha20poly1305(layerKey(k), ZERO_NONCE).encrypt(bytes);
}

/**
 * Takes the layer under k away.
 * @throws BitmodelError `SEAL_BROKEN`
 */
export function openUnder(k: Uint8Array, sealed: Uint8Array): Uint8Array {
  return open(layerKey(k), sealed, 'The layer under k');
}
