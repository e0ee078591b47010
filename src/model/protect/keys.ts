import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { getPublicKey, getSharedSecret, Point, utils } from '@noble/secp256k1';
import {
  BitmodelError,
  concatBytes,
  EXIT,
  equalBytes,
  fromHex,
  sha256,
  toHex,
  utf8,
} from '../../base/index.js';

/** Who holds one of the two shares of a content key. */
export type ShareHolder = 'contributor' | 'platform';

/** Both holders, in the order in which their shares make the content key. */
export const HOLDERS: readonly ShareHolder[] = ['contributor', 'platform'];

/** Bytes of a share, a content key and a bundle's label. */
export const SECRET = 32;
/** Every key here encrypts exactly one message, so the nonce may be zero. */
const ZERO_NONCE = new Uint8Array(24);
/** Bytes of a compressed public key, and of a Poly1305 tag. */
const POINT = 33;
const TAG = 16;
/** Bytes of a share sealed to its holder. */
export const SEALED_SHARE = POINT + SECRET + TAG;

/** HKDF with SHA-256 (RFC 5869). */
export function derive(secret: Uint8Array, salt: Uint8Array, purpose: string): Uint8Array {
  const info = `bitmodel/protect/1/${purpose}`;
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, SECRET));
}

/**
 * The key of a bundle's content: of two random shares, neither of which says anything about it alone.
 * @param label of the bundle
 */
export function contentKey(
  shares: Readonly<Record<ShareHolder, Uint8Array>>,
  label: Uint8Array,
): Uint8Array {
  return derive(concatBytes(shares.contributor, shares.platform), label, 'content');
}

/** What a bundle says of a share, so that a wrong one is known before anything is tried with it. */
export function commitmentTo(share: Uint8Array, label: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8('bitmodel/protect/1/commitment'), label, share));
}

const shareKey = (
  privateKey: Uint8Array,
  publicKey: Uint8Array,
  oneTime: Uint8Array,
  label: Uint8Array,
  holder: ShareHolder,
): Uint8Array =>
  derive(
    getSharedSecret(privateKey, publicKey, true),
    concatBytes(oneTime, label),
    `share/${holder}`,
  );

/** Whether this is a compressed public key of secp256k1. */
export function isPublicKey(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes).assertValidity();
    return bytes.length === POINT;
  } catch {
    return false;
  }
}

/**
 * Seals a share to its holder: ECDH on secp256k1 with a one-time key, HKDF, XChaCha20-Poly1305.
 * @param statement what the bundle says of itself; in no other one does the share open, else its holder could be made to open
 *   it under a description that somebody else wrote
 * @returns the one-time public key and the ciphertext
 * @throws BitmodelError `BAD_KEY`
 */
export function sealShare(
  share: Uint8Array,
  holder: ShareHolder,
  publicKey: Uint8Array,
  label: Uint8Array,
  statement: Uint8Array,
): Uint8Array {
  const secret = utils.randomSecretKey();
  const oneTime = getPublicKey(secret, true);
  const key = shareKey(secret, publicKey, oneTime, label, holder);
  return concatBytes(oneTime, xchacha20poly1305(key, ZERO_NONCE, statement).encrypt(share));
}

/**
 * Opens a share with its holder's private key.
 * @throws BitmodelError `PROTECTION_TAMPERED`
 */
export function unsealShare(
  sealed: Uint8Array,
  holder: ShareHolder,
  privateKey: Uint8Array,
  label: Uint8Array,
  statement: Uint8Array,
): Uint8Array {
  const oneTime = sealed.subarray(0, POINT);
  try {
    const key = shareKey(privateKey, oneTime, oneTime, label, holder);
    return xchacha20poly1305(key, ZERO_NONCE, statement).decrypt(sealed.subarray(POINT));
  } catch (thrown) {
    throw new BitmodelError(
      'PROTECTION_TAMPERED',
      `The ${holder}'s share does not open: what the model says of its protection was changed.`,
      { next: 'Fetch the protected model again', cause: thrown },
    );
  }
}

/** A share that its holder opened, for one bundle. */
export interface OpenShare {
  readonly holder: ShareHolder;
  /** Of the bundle it belongs to. */
  readonly label: Uint8Array;
  readonly secret: Uint8Array;
}

const SHARE_TEXT =
  /^bitmodel-share-1:(contributor|platform):([0-9a-f]{64}):([0-9a-f]{64}):([0-9a-f]{8})$/;

const checksum = (body: string): string => toHex(sha256(utf8(body)).subarray(0, 4));

/** A share as one line of text, to be handed on. Whoever has both lines has the model. */
export function shareText({ holder, label, secret }: OpenShare): string {
  const body = `bitmodel-share-1:${holder}:${toHex(label)}:${toHex(secret)}`;
  return `${body}:${checksum(body)}`;
}

/**
 * Reads what {@link shareText} wrote.
 * @throws BitmodelError `BAD_SHARE`, which never repeats the text
 */
export function parseShare(text: string): OpenShare {
  const line = text.trim();
  const match = SHARE_TEXT.exec(line);
  if (!match || checksum(line.slice(0, line.lastIndexOf(':'))) !== match[4]) {
    throw new BitmodelError('BAD_SHARE', 'This is no share, or it was not copied whole.', {
      next: 'Let its holder make it again: bitmodel model share DIR --key NAME > FILE',
      exitCode: EXIT.usage,
    });
  }
  const [, holder, label, secret] = match;
  return {
    holder: holder as ShareHolder,
    label: fromHex(label!, SECRET),
    secret: fromHex(secret!, SECRET),
  };
}

/** New random bytes of a secret's length. */
export function newSecret(): Uint8Array {
  return new Uint8Array(randomBytes(SECRET));
}

/** HMAC-SHA-256 of the description of a protected bundle. */
export function macOf(key: Uint8Array, label: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(
    createHmac('sha256', derive(key, label, 'description'))
      .update(bytes)
      .digest(),
  );
}

/** Encrypts the positions of a bundle: XChaCha20-Poly1305 under a key used for nothing else. */
export function sealPositions(key: Uint8Array, label: Uint8Array, bytes: Uint8Array): Uint8Array {
  return xchacha20poly1305(derive(key, label, 'positions'), ZERO_NONCE).encrypt(bytes);
}

/** @throws BitmodelError `POSITIONS_TAMPERED` */
export function openPositions(key: Uint8Array, label: Uint8Array, bytes: Uint8Array): Uint8Array {
  try {
    return xchacha20poly1305(derive(key, label, 'positions'), ZERO_NONCE).decrypt(bytes);
  } catch (thrown) {
    throw new BitmodelError('POSITIONS_TAMPERED', "The protection's positions were changed.", {
      next: 'Fetch the protected model again',
      cause: thrown,
    });
  }
}

/** Whether a share is the one that a bundle commits to. */
export function isCommitted(share: OpenShare, commitment: Uint8Array): boolean {
  return equalBytes(commitmentTo(share.secret, share.label), commitment);
}
