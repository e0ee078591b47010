import { BitmodelError, equalBytes } from '../../base/index.js';
import { receiptOf } from '../client/answer.js';
import type { ClientAnswer, ClientRecord } from '../client/record.js';
import { encodeCommitment } from '../contracts/commitment.js';
import { checkReceipt, type Receipt, receiptCommitment } from '../receipt.js';
import type { JobTrace } from '../trace.js';

/** Decodes output ids as the buyer's own model does, without a final end token. */
export type AnswerReader = (ids: readonly number[], finish: ClientAnswer['finish']) => string;

/**
 * An answer that a watcher told, held against the chain: the ids must be those of the commitment that the seller showed to
 * be paid, signed by it, and the text is decoded here.
 * @param record with the escrow of the chain
 * @param read absent where the model is not at hand: the text is then the watcher's word, and marked as such
 * @returns undefined where the chain does not bear it out
 */
export function checkedAnswer(
  record: ClientRecord,
  answer: ClientAnswer,
  { claim }: JobTrace,
  read?: AnswerReader,
): ClientAnswer | undefined {
  const receipt = receiptOf({ ...record, answer });
  if (!claim || !receipt) return undefined;
  const isPaid = equalBytes(receipt.k, claim.state.k) && isOf(receipt, claim.commitment);
  if (!isPaid) return undefined;
  const { outputIds, finish } = answer;
  return read ? { ...answer, text: read(outputIds, finish) } : { ...answer, textFrom: 'watcher' };
}

/** Whether a receipt's parts make up a commitment, and the seller signed it. */
function isOf(receipt: Receipt, commitment: Uint8Array): boolean {
  try {
    const made = encodeCommitment(receiptCommitment(receipt));
    return equalBytes(made, commitment) && checkReceipt(receipt).signature;
  } catch (thrown) {
    // what can't be encoded is not what was committed to
    if (thrown instanceof BitmodelError) return false;
    throw thrown;
  }
}
