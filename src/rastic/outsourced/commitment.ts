import { concatBytes, equalBytes, sha256, utf8 } from '../../base/index.js';
import { ByteWriter } from '../../chain/index.js';

const DOMAIN = utf8('bitmodel/check/1');

/** What an answer is bound to before it is shown. */
export interface AnswerBinding {
  /** SHA-256 of the question's bytes, 32 bytes. */
  readonly requestId: Uint8Array;
  /** Who answers: the peer id that its connection proves. */
  readonly neighbour: string;
}

/**
 * Commits a neighbour to its answer: SHA-256("bitmodel/check/1" ‖ salt ‖ request id ‖ var-bytes neighbour ‖ answer).
 * Whoever repeats another's commitment can't open it under its own name.
 * @param salt 32 random bytes, kept until the answer is shown
 * @returns 32 bytes
 */
export function commitAnswer(
  answer: Uint8Array,
  salt: Uint8Array,
  { requestId, neighbour }: AnswerBinding,
): Uint8Array {
  const name = new ByteWriter().varBytes(utf8(neighbour)).finish();
  return sha256(concatBytes(DOMAIN, salt, requestId, name, answer));
}

/** Whether an answer is the one that was committed to. */
export function opensTo(
  commitment: Uint8Array,
  answer: Uint8Array,
  salt: Uint8Array,
  binding: AnswerBinding,
): boolean {
  return salt.length === 32 && equalBytes(commitAnswer(answer, salt, binding), commitment);
}
