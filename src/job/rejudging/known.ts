import { BitmodelError, EXIT, fromHex } from '../../base/index.js';
import type { ClientRecord } from '../client/record.js';
import { acceptedOffer } from '../messages.js';
import type { WorkerRecord } from '../worker/record.js';
import type { KnownJob } from './accusation.js';

function noEvidence(id: string): BitmodelError {
  return new BitmodelError('NO_EVIDENCE', 'The answer of this job was never seen here.', {
    next: `Only who has prompt and answer can show a second jury anything; see bitmodel job show ${id}`,
    exitCode: EXIT.notAllowed,
  });
}

/** What a buyer can appeal with. @throws BitmodelError `NO_EVIDENCE` where its answer never opened */
export function knownToBuyer(record: ClientRecord): KnownJob {
  const { id, job, escrow, answer, salt, promptIds, verdicts = [] } = record;
  if (!escrow || !answer) throw noEvidence(id);
  const evidence = { salt: fromHex(salt, 32), promptIds, outputIds: answer.outputIds };
  return { job, offer: escrow.offer, escrow: escrow.txid, evidence, verdicts };
}

/** What a seller can appeal with. @throws BitmodelError `NO_EVIDENCE` where it has not answered */
export function knownToSeller({ id, job, accept, prompt, output }: WorkerRecord): KnownJob {
  if (!accept || !prompt || !output) throw noEvidence(id);
  const salt = fromHex(prompt.salt, 32);
  const evidence = { salt, promptIds: prompt.ids, outputIds: output.ids };
  const { escrow } = accept.body;
  return { job, offer: acceptedOffer(accept), escrow, evidence, verdicts: [] };
}
