import type { AnyMessage, MessageType } from './messages.js';
import type { JobSpec } from './spec.js';

/** Bytes of a message whose size doesn't depend on the job. */
const SMALL_BYTES = 64 << 10;
/** Bytes of a verdict, whose longest part is a reason of 200 letters. */
const VERDICT_BYTES = 4 << 10;
/** Bytes of sealed token ids in base64 as JSON: four bytes a token, a third more, and room. */
const TOKEN_BYTES = 6;
/** Bytes one author may say about a job beside what its tokens take. */
const AUTHOR_BASE_BYTES = 128 << 10;
/** Messages of one author, kind and job have these numbers: 0, and 1 for one correction. */
const LAST_SEQUENCE = 1;

/**
 * Most bytes of a message of one kind about a job. What carries token ids may be as long as the job's own bounds on
 * them make it, so that a small job can't be used to fill a pool.
 */
export function sizeLimit(type: MessageType, job: JobSpec): number {
  const { inputTokens, maxTokens } = job;
  switch (type) {
    case 'accept':
      return (8 << 10) + TOKEN_BYTES * inputTokens;
    case 'commitment':
      return (8 << 10) + TOKEN_BYTES * maxTokens;
    case 'contest':
    case 'counterproof':
      // a key for each of up to 15 verifiers goes with the evidence
      return (16 << 10) + TOKEN_BYTES * (inputTokens + maxTokens);
    case 'verdict':
      // a client can call more keys than a job has seats
      return VERDICT_BYTES;
    default:
      return SMALL_BYTES;
  }
}

/**
 * Most bytes of all that one author says about a job: at most 1.25 MiB, enough for a buyer's acceptance and contest or
 * a seller's commitment and counter-proof. Two accepted sellers, the buyer, its verifiers' verdicts and the offers are
 * all that a job holds, so with these it stays near 4 MiB, and nobody in it can take another's room.
 */
export function authorLimit({ inputTokens, maxTokens }: JobSpec): number {
  const most = Math.max(inputTokens, maxTokens);
  return AUTHOR_BASE_BYTES + TOKEN_BYTES * (inputTokens + maxTokens + most);
}

const CARRIES_TOKENS: readonly MessageType[] = ['accept', 'commitment', 'contest', 'counterproof'];

/** Why a message is too large or numbered too high whatever its job is; undefined if it isn't. */
export function tooMuch({ type, sequence }: AnyMessage, bytes: number): string | undefined {
  if (sequence > LAST_SEQUENCE) return `it is numbered beyond ${LAST_SEQUENCE}`;
  const isTooLong = bytes > SMALL_BYTES && !CARRIES_TOKENS.includes(type);
  return isTooLong ? `its kind, ${type}, is at most 64 KiB long` : undefined;
}
