import type { PooledJob } from '../pool/view.js';
import { SMALLEST_DRAW } from '../secondJury.js';

/**
 * Whether a job lists a verifier, or, where verifiers are drawn, its client calls it; the draw itself is checked later. A
 * verifier risks its bond in no draw over which too few would judge its verdict.
 * @param own the verifier's public key, hex
 */
export function isAsked(
  own: string,
  { spec, contests }: Pick<PooledJob, 'spec' | 'contests'>,
): boolean {
  if (Array.isArray(spec.verifiers)) return spec.verifiers.includes(own);
  if (spec.verifiers.count < SMALLEST_DRAW) return false;
  return contests.some(({ body }) => body.keys.some(({ verifier }) => verifier === own));
}
