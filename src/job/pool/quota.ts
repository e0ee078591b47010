import { APPEAL_BYTES } from '../cases/case.js';
import type { AnyMessage, MessageType } from '../messages.js';
import type { JobSpec } from '../spec.js';

/** Bytes of a message whose size doesn't depend on the job. */
const SMALL_BYTES = 64 << 10;
/** Bytes of a verdict, whose longest part is a reason of 200 letters. */
const VERDICT_BYTES = 4 << 10;
/** Bytes of sealed token ids in base64 as JSON: four bytes a token, a third more, and room. */
const TOKEN_BYTES = 6;
/** Messages of one author, kind and job have these numbers: 0, and 1 for what is said anew. */
export const LAST_SEQUENCE = 1;

/**
 * The number of what is said after something else of the kind: the last one stays the last one, since of messages with
 * one number a pool keeps as many as {@link kindQuota} counts.
 */
export function nextSequence(said: { readonly sequence: number } | undefined): number {
  return said ? Math.min(said.sequence + 1, LAST_SEQUENCE) : 0;
}

/**
 * Most bytes of a message of one kind about a job. What carries token ids may be as long as the job's own bounds on
 * them make it, so that a small job can't be used to fill a pool.
 */
export function sizeLimit(type: MessageType, job: JobSpec): number {
  const { inputTokens, maxTokens } = job;
  switch (type) {
    case 'prompt':
      return (8 << 10) + TOKEN_BYTES * inputTokens;
    case 'commitment':
      return (8 << 10) + TOKEN_BYTES * maxTokens;
    case 'contest':
    case 'counterproof':
      // a key for each of up to 15 verifiers goes with the evidence
      return (16 << 10) + TOKEN_BYTES * (inputTokens + maxTokens);
    case 'appeal':
      return APPEAL_BYTES + TOKEN_BYTES * (inputTokens + maxTokens);
    case 'rejudgement':
      return VERDICT_BYTES;
    case 'verdict':
      // a client can call more keys than a job has seats
      return VERDICT_BYTES;
    default:
      return SMALL_BYTES;
  }
}

/** How many messages of one kind are kept of one author in a job; contradicting ones are evidence. */
export interface KindQuota {
  readonly count: number;
  /** A message is kept when those before it, in the order of {@link JobEntries}, take no more than so many bytes. */
  readonly bytesBefore: number;
}

/** Two acceptances let two sellers speak; more would only let a buyer's friends fill the pool. */
const FEW = 2;
const MANY = 4;

/**
 * What one author may say of one kind about a job: at most twice {@link sizeLimit} bytes. Two accepted sellers, the
 * buyer, its verifiers' verdicts and the offers are all that a job holds, so with these it stays near 8 MiB, and
 * nobody in it can take another's room.
 */
export function kindQuota(type: MessageType, job: JobSpec): KindQuota {
  const isFew = type === 'announce' || type === 'accept';
  return { count: isFew ? FEW : MANY, bytesBefore: sizeLimit(type, job) };
}

const CARRIES_TOKENS: readonly MessageType[] = [
  'prompt',
  'commitment',
  'contest',
  'counterproof',
  'appeal',
];

/** Why a message is too large or numbered too high whatever its job is; undefined if it isn't. */
export function tooMuch({ type, sequence }: AnyMessage, bytes: number): string | undefined {
  if (sequence > LAST_SEQUENCE) return `it is numbered beyond ${LAST_SEQUENCE}`;
  const isTooLong = bytes > SMALL_BYTES && !CARRIES_TOKENS.includes(type);
  return isTooLong ? `its kind, ${type}, is at most 64 KiB long` : undefined;
}
