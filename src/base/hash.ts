import { createHash, hash as hashOnce } from 'node:crypto';

/**
 * Digest of one message by an algorithm of OpenSSL (`sha256`, `sha1`, `ripemd160` …).
 * @throws Error where this build of OpenSSL lacks the algorithm
 */
export function digest(algorithm: string, message: Uint8Array): Uint8Array {
  // one character per byte: a string comes back three times as fast as a buffer, and most messages are short
  const characters = hashOnce(algorithm, message, 'binary');
  const out = new Uint8Array(characters.length);
  for (let i = 0; i < out.length; i++) out[i] = characters.charCodeAt(i);
  return out;
}

/** SHA-256 (FIPS 180-4), 32 bytes. Several parts are hashed as if joined. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return digest('sha256', parts[0]!);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Double SHA-256, as Bitcoin uses for ids, 32 bytes. */
export function sha256d(...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(sha256(...parts));
}
