import { createHash, hash as hashOnce } from 'node:crypto';

/** SHA-256 (FIPS 180-4), 32 bytes. Several parts are hashed as if joined. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  // one call is twice as fast as a hash object, and blocks are mostly short messages
  if (parts.length === 1) return new Uint8Array(hashOnce('sha256', parts[0]!, 'buffer'));
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Double SHA-256, as Bitcoin uses for ids, 32 bytes. */
export function sha256d(...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(sha256(...parts));
}
