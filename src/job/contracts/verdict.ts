import { concatBytes, utf8 } from '../../base/index.js';
import { encodeOutpoint, type Outpoint } from '../../chain/index.js';
import type { JobTerms } from '../terms.js';

/** What a verifier's signature says; the number is the last byte of the message. */
export const VERDICT = { invalid: 0, valid: 1 } as const;

/** `invalid` slashes the stake, `valid` clears the seller. */
export type VerdictName = keyof typeof VERDICT;

/** First bytes of every verdict message. */
export const VERDICT_PREFIX = 'bitmodel/verdict/1';

/**
 * The bytes a verifier signs with `signData` (which signs their SHA-256), 151 in all: "bitmodel/verdict/1" ‖
 * genesis ‖ stake outpoint ‖ job id ‖ commitment hash ‖ verdict (DESIGN 5.2, step 7). The stake's outpoint makes
 * a verdict good for one claim only.
 */
export function verdictMessage(
  terms: Pick<JobTerms, 'genesis' | 'jobId'>,
  stakeOutpoint: Outpoint,
  commitmentHash: Uint8Array,
  verdict: VerdictName,
): Uint8Array {
  return concatBytes(
    utf8(VERDICT_PREFIX),
    terms.genesis,
    encodeOutpoint(stakeOutpoint),
    terms.jobId,
    commitmentHash,
    Uint8Array.of(VERDICT[verdict]),
  );
}
