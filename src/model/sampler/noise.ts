import { BitmodelError, sha256, utf8 } from '../../base/index.js';
import { philoxWord } from './philox.js';

const DOMAIN = utf8('bitmodel/gumbel/1');
const WORDS = 0x1_0000_0000;

/** Gumbel noise as a function of output position and token (DESIGN 6), so that each position can be checked alone. */
export interface GumbelNoise {
  /** g = −ln(−ln u) for one token at one output position, both from 0; binary64. */
  at(position: number, token: number): number;
  /** The 32-bit word w₀ that it is made of, which the noise rises with. */
  word(position: number, token: number): number;
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
  const key0 = view.getUint32(0, true);
  const key1 = view.getUint32(4, true);
  return {
    at: (position, token) =>
      -Math.log(-Math.log((philoxWord(token, position, key0, key1) + 0.5) / WORDS)),
    word: (position, token) => philoxWord(token, position, key0, key1),
  };
}
