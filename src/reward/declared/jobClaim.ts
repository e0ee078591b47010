import { equalBytes } from '../../base/index.js';
import { decodeScript, type Transaction } from '../../chain/index.js';

/** Bytes of the commitment that a seller's claim shows first; they begin with the job's id (DESIGN 5.2). */
const COMMITMENT_BYTES = 101;
/** Output of a claim that is the model's share (DESIGN 5.2). */
export const MODEL_SHARE = 1;

/** Whether a transaction shows a commitment to its own job, as only a seller's claim does. */
export function isClaim({ inputs, jobId }: Pick<Transaction, 'inputs' | 'jobId'>): boolean {
  const script = inputs[0]?.unlockingScript ?? new Uint8Array(0);
  const shown = script.length > COMMITMENT_BYTES ? decodeScript(script)[0]?.data : undefined;
  return shown?.length === COMMITMENT_BYTES && equalBytes(shown.subarray(0, 32), jobId);
}
