import * as noble from '@noble/hashes/legacy.js';
import { digest, messageOf } from '../../base/index.js';

/** Hashes one message. */
type Digest = (message: Uint8Array) => Uint8Array;

function fastest(algorithm: string, fallback: Digest): Digest {
  try {
    digest(algorithm, new Uint8Array(0));
  } catch (thrown) {
    // builds of OpenSSL may leave old algorithms out; anything else is no reason to go on
    if (!/unsupported|not supported|invalid digest/i.test(messageOf(thrown))) throw thrown;
    return fallback;
  }
  return (message) => digest(algorithm, message);
}

/** RIPEMD-160, 20 bytes. */
export const ripemd160: Digest = fastest('ripemd160', noble.ripemd160);

/** SHA-1, 20 bytes. */
export const sha1: Digest = fastest('sha1', noble.sha1);
