import { BitmodelError, sha256, utf8 } from '../../base/index.js';
import { philox4x32 } from './philox.js';

const DOMAIN = utf8('bitmodel/gumbel/1');

/** Gumbel noise as a function of output position and token (DESIGN 6), so that each position can be checked alone. */
export interface GumbelNoise {
  /** g = −ln(−ln u) for one token at one output position, both from 0; binary64. */
  at(position: number, token: number): number;
}

/**
 * The noise that a 32-byte seed fixes: Philox4x32-10 with counter (token, position, 0, 0), keyed by the first
 * 8 bytes of SHA-256("bitmodel/gumbel/1" ‖ seed) as two little-endian words; u = (w₀ + ½) / 2³².
 * @throws BitmodelError `BAD_SEED` unless the seed has 32 bytes
 */
export function gumbelNoise(seed: Uint8Array): GumbelNoise {
  if (seed.length !== 32) throw new BitmodelError('BAD_SEED', 'A seed has 32 bytes.');
  const digest = sha256(DOMAIN, seed);
  const view = new DataView(digest.buffer, digest.byteOffset);
  const key = [view.getUint32(0, true), view.getUint32(4, true)] as const;
  return {
    at(position, token) {
      const word = philox4x32([token, position, 0, 0], key)[0];
      return -Math.log(-Math.log((word + 0.5) / 0x1_0000_0000));
    },
  };
}
