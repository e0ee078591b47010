import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { BitmodelError, concatBytes, sha256, toHex, utf8 } from '../../base/index.js';
import { derive } from './keys.js';

/** Bytes of plaintext in a segment. */
export const SEGMENT = 1 << 20;
const TAG = 16;
const SALT = 32;
const MAGIC = utf8('bitmodel-sealed\x01');
/** Bytes before the first segment. */
export const HEAD = MAGIC.length + SALT;
const CIPHER = 'aes-256-gcm';
/** Bytes of a whole segment as it lies in the file. */
export const SEALED_SEGMENT = SEGMENT + TAG;

function broken(path: string): BitmodelError {
  return new BitmodelError('SEALED_FILE_TAMPERED', `${path} was changed or cut short.`, {
    next: 'Fetch the protected model again',
  });
}

/** Bytes of a file when it is sealed. */
export function sealedSize(size: number): number {
  return HEAD + size + TAG * Math.max(1, Math.ceil(size / SEGMENT));
}

/**
 * Bytes of a file before it was sealed.
 * @throws BitmodelError `SEALED_FILE_TAMPERED` for a size that none has
 */
export function plainSize(sealed: number, path: string): number {
  const body = sealed - HEAD;
  const segments = Math.ceil(body / SEALED_SEGMENT);
  const size = body - TAG * segments;
  if (segments < 1 || size < 0 || sealedSize(size) !== sealed) throw broken(path);
  return size;
}

/**
 * One file as a stream of AEAD segments: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) with AES-256-GCM. The nonce of a segment is
 * its number and whether it is the last one, so none can be left out, repeated, put elsewhere or cut off. The key is one of
 * the file alone: derived from the content key, a random salt and the path, so files can't be exchanged either.
 */
export class SegmentCipher {
  readonly head: Uint8Array;
  readonly #key: Uint8Array;
  readonly #path: string;

  private constructor(key: Uint8Array, salt: Uint8Array, path: string) {
    this.head = concatBytes(MAGIC, salt);
    // hashed, since paths may be longer than what HKDF in OpenSSL takes
    this.#key = derive(key, salt, `file/${toHex(sha256(utf8(path)))}`);
    this.#path = path;
  }

  static create(contentKey: Uint8Array, path: string): SegmentCipher {
    return new SegmentCipher(contentKey, randomBytes(SALT), path);
  }

  /**
   * @param head first bytes of the sealed file
   * @throws BitmodelError `SEALED_FILE_TAMPERED`
   */
  static of(contentKey: Uint8Array, path: string, head: Uint8Array): SegmentCipher {
    const isOurs = head.length === HEAD && MAGIC.every((byte, i) => byte === head[i]);
    if (!isOurs) throw broken(path);
    return new SegmentCipher(contentKey, head.slice(MAGIC.length), path);
  }

  #nonce(index: number, last: boolean): Uint8Array {
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(index, 5, 6);
    nonce[11] = last ? 1 : 0;
    return nonce;
  }

  /** @returns ciphertext and tag, to be written one after the other */
  seal(segment: Uint8Array, index: number, last: boolean): readonly [Buffer, Buffer] {
    const cipher = createCipheriv(CIPHER, this.#key, this.#nonce(index, last));
    const ciphertext = cipher.update(segment);
    cipher.final();
    return [ciphertext, cipher.getAuthTag()];
  }

  /** @throws BitmodelError `SEALED_FILE_TAMPERED` */
  open(sealed: Uint8Array, index: number, last: boolean): Buffer {
    if (sealed.length < TAG) throw broken(this.#path);
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonce(index, last));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG));
    try {
      decipher.final();
    } catch {
      throw broken(this.#path);
    }
    return plain;
  }
}
