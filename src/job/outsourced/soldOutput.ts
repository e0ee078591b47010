import { BitmodelError, equalBytes } from '../../base/index.js';
import { idToHash, parseOutpoint } from '../../chain/index.js';
import { COMMITMENT_BYTES, type Commitment, decodeCommitment } from '../contracts/commitment.js';
import type { PoolChain } from '../pool/chain.js';
import { type JobSpec, jobIdOf } from '../spec.js';
import { pushesOf } from '../trace.js';
import type { Refusal } from './checkFrames.js';

/**
 * What the chain shows of a job that was sold: its coin was spent by a transaction that carries its id, and that one's
 * first output by one, in a block, that shows a commitment of the job. So each job that neighbours are asked about has
 * cost its asker a sale, or at the least two transactions of its own.
 * @returns the commitment, or why it is not to be seen
 */
export async function soldOutput(
  chain: PoolChain,
  job: JobSpec,
): Promise<Commitment | Extract<Refusal, 'unknown-job' | 'unconfirmed-job'>> {
  const jobId = jobIdOf(job);
  const escrow = await chain.spender(parseOutpoint(job.coin));
  const locking = escrow && (await chain.transaction(escrow.txid));
  if (!locking || !equalBytes(locking.transaction.jobId, jobId)) return 'unknown-job';
  const spender = await chain.spender({ hash: idToHash(escrow.txid), index: 0 });
  const claim = spender && (await chain.transaction(spender.txid));
  // contracts demand to be input 0
  const shown = claim && pushesOf(claim.transaction, 0)[0];
  if (shown?.length !== COMMITMENT_BYTES) return 'unknown-job';
  const commitment = readCommitment(shown);
  if (!commitment || !equalBytes(commitment.jobId, jobId)) return 'unknown-job';
  return spender!.height > 0 ? commitment : 'unconfirmed-job';
}

function readCommitment(bytes: Uint8Array): Commitment | undefined {
  try {
    return decodeCommitment(bytes);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}
