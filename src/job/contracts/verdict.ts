import { concatBytes, u32le, utf8 } from '../../base/index.js';
import { encodeOutpoint, type Outpoint } from '../../chain/index.js';
import type { JobTerms, VerifierDraw } from '../terms.js';

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

/** First bytes of every verdict message of a drawn verifier. */
export const DRAWN_VERDICT_PREFIX = 'bitmodel/verdict/2';

/** Length of a drawn verifier's message. */
export const DRAWN_VERDICT_BYTES = 252;

/** The client's secret c and the seller's key k: what verifiers are drawn by, once both are on the chain. */
export interface DrawnBy {
  readonly drawSecret: Uint8Array;
  readonly k: Uint8Array;
}

/** c ‖ k, 64 bytes: the seed of the draw. */
export function drawSeed({ drawSecret, k }: DrawnBy): Uint8Array {
  return concatBytes(drawSecret, k);
}

/**
 * What every verdict message of a draw begins with, before the seed: prefix ‖ genesis ‖ registry ‖ size u32LE ‖
 * count u8.
 */
export function drawnVerdictHead(genesis: Uint8Array, draw: VerifierDraw): Uint8Array {
  const counts = concatBytes(u32le(draw.size), Uint8Array.of(draw.count));
  return concatBytes(utf8(DRAWN_VERDICT_PREFIX), genesis, draw.registry, counts);
}

/**
 * The 252 bytes a drawn verifier signs: "bitmodel/verdict/2" ‖ genesis ‖ registry ‖ size u32LE ‖ count u8 ‖ c ‖ k ‖
 * stake outpoint ‖ job id ‖ commitment hash ‖ verdict. It names the draw, so that its bond can be shown who judges the
 * verdict again: a verifier signs only for a registry that it finds on the chain itself.
 */
export function drawnVerdictMessage(
  terms: Pick<JobTerms, 'genesis' | 'jobId'>,
  draw: VerifierDraw,
  about: DrawnBy & { readonly stakeOutpoint: Outpoint; readonly commitmentHash: Uint8Array },
  verdict: VerdictName,
): Uint8Array {
  return concatBytes(
    drawnVerdictHead(terms.genesis, draw),
    drawSeed(about),
    encodeOutpoint(about.stakeOutpoint),
    terms.jobId,
    about.commitmentHash,
    Uint8Array.of(VERDICT[verdict]),
  );
}
