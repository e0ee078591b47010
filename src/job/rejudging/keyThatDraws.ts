import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import { drawnLeaves } from '../../chain/index.js';
import type { VerifierRegistry } from '../bonds/registry.js';
import { drawSeed } from '../contracts/verdict.js';

/** Keys that are tried before it is clear that these verifiers can't be drawn together. */
const MOST_TRIES = 20_000;

/**
 * A key k by which these verifiers are among those drawn. Who plants a job is its buyer and its seller, so it chooses both
 * halves of the seed; nobody else's money depends on who judges it.
 * @param count seats of the draw
 * @param wanted public keys, hex
 * @throws BitmodelError `NOT_DRAWABLE`
 */
export function keyThatDraws(
  registry: Pick<VerifierRegistry, 'keys' | 'size'>,
  count: number,
  drawSecret: Uint8Array,
  wanted: readonly string[],
): Uint8Array {
  const leaves = wanted.map((key) => registry.keys.findIndex((each) => toHex(each) === key));
  const missing = wanted[leaves.indexOf(-1)];
  if (missing !== undefined) {
    throw new BitmodelError('NOT_DRAWABLE', `${missing} is not bonded.`, {
      next: 'See who is: bitmodel verifier bonds',
      exitCode: EXIT.notFound,
    });
  }
  // each seat is drawn out of a part of its own
  const part = Math.floor(registry.size / count);
  const parts = leaves.map((leaf) => Math.floor(leaf / part));
  const isPossible = new Set(parts).size === parts.length && parts.every((each) => each < count);
  for (let tries = 0; isPossible && tries < MOST_TRIES; tries++) {
    const k = new Uint8Array(randomBytes(32));
    const drawn = drawnLeaves(drawSeed({ drawSecret, k }), registry.size, count);
    if (leaves.every((leaf) => drawn.includes(leaf))) return k;
  }
  throw new BitmodelError('NOT_DRAWABLE', 'These verifiers can not be drawn together this time.', {
    next: 'Try again after the next block, which orders the registry anew, or name fewer',
  });
}
