import { fromHex } from '../../base/index.js';
import { verifyData } from '../../chain/index.js';
import { appealFault } from '../cases/case.js';
import {
  type AnyMessage,
  acceptedOffer,
  isSigned,
  MESSAGE_BOUNDS,
  NO_JOB_HEX,
} from '../messages.js';
import { jobIdHex } from '../spec.js';
import { tooMuch } from './quota.js';

/** Why a commitment is none: receipts carry the seller's signature of it, so it has to be good. */
function badCommitment({ type, body, author }: AnyMessage): string | undefined {
  if (type !== 'commitment') return undefined;
  const isGood = verifyData(fromHex(body.signature), fromHex(body.commitment), fromHex(author));
  return isGood ? undefined : "the seller's signature of the commitment is wrong";
}

/**
 * Why a message is none by itself, whatever else is known; its form must have been checked.
 * @param bytes of it as JSON
 */
export function faultOf(message: AnyMessage, bytes: number): string | undefined {
  if (bytes > MESSAGE_BOUNDS.bytes) return 'the message is larger than 1 MiB';
  const excess = tooMuch(message, bytes);
  if (excess !== undefined) return excess;
  if (!isSigned(message)) return "the author's signature is wrong";
  if (message.type === 'accept' && !isSigned(acceptedOffer(message))) {
    return 'the accepted offer is not signed by its seller';
  }
  if (message.type === 'verifier' && message.jobId !== NO_JOB_HEX) {
    return 'a verifier announces itself for no job';
  }
  if (message.type === 'announce') {
    const { job } = message.body;
    if (jobIdHex(job) !== message.jobId) return 'the job id is not that of the job';
    if (job.client !== message.author) return 'only its client announces a job';
    if (message.sequence !== 0) return 'a job is announced once';
  }
  if (message.type === 'appeal') return appealFault(message);
  return badCommitment(message);
}
