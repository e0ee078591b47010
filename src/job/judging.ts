import { equalBytes, fromHex, sha256, toHex } from '../base/index.js';
import type { KeyPair } from '../chain/index.js';
import { type Verdict, verifyOutput } from '../rastic/index.js';
import { checkOutput, openAnswer } from './answer.js';
import { decodeCommitment } from './contracts/commitment.js';
import type { StakeState } from './contracts/layout.js';
import { type Evidence, openEvidence } from './evidence.js';
import { calibratedTau, type JobModel } from './job-model.js';
import type { Message } from './messages.js';
import { openWithOneTimeKey } from './sealing.js';
import { hashField, type JobSpec, promptHashOf } from './spec.js';

/** What a verifier goes by. */
export interface Dispute {
  readonly job: JobSpec;
  readonly accept: Message<'accept'>;
  readonly state: StakeState;
  /** The 101 bytes that the claim showed. */
  readonly commitment: Uint8Array;
  readonly commitments: readonly Message<'commitment'>[];
  readonly contests: readonly Message<'contest'>[];
  readonly counterproofs: readonly Message<'counterproof'>[];
  /** Blocks since the contest was mined, that block included. */
  readonly depth: number;
}

/** Blocks after the contest within which the ciphertext must be in the pool (DESIGN 5.2). */
export const DELIVERY_BLOCKS = 2;
/** Blocks after the contest within which the buyer's evidence and the seller's counter-proof must be. */
export const EVIDENCE_BLOCKS = 4;

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const invalid = (kind: 'undelivered' | 'format' | 'count'): Verdict => ({
  result: 'invalid',
  kind,
});
const abstain = (reason: string): Verdict => ({ result: 'abstain', reason });

/**
 * Judges a contested job. Without what it takes it waits until its time has passed, and then holds the silence against
 * whoever had to speak: the seller for a ciphertext that is missing, or that the buyer says does not open; nobody where
 * neither side shows anything.
 * @returns undefined while something may still come
 */
export async function judge(
  dispute: Dispute,
  models: readonly JobModel[],
  key: KeyPair,
  signal?: AbortSignal,
): Promise<Verdict | undefined> {
  const { job, state } = dispute;
  const commitment = decodeCommitment(dispute.commitment);
  const isLate = dispute.depth > EVIDENCE_BLOCKS;
  const ciphertext = ciphertextOf(dispute);
  if (!ciphertext) return dispute.depth > DELIVERY_BLOCKS ? invalid('undelivered') : undefined;

  const evidence = evidenceOf(dispute, key);
  const shown = evidence.find(({ outputIds }) => outputIds !== undefined)?.outputIds;
  const byBuyer = shown && checkOutput(commitment, state.k, shown);
  const oneTimeKey = evidence.find((each) => each.oneTimeKey !== undefined)?.oneTimeKey;
  const receiver = fromHex(job.client);
  // anybody opens it with the seller's one-time key; without that, only ids that fit the commitment are believed
  const opened = oneTimeKey
    ? openAnswer(commitment, state.k, ciphertext, (sealed) =>
        openWithOneTimeKey(oneTimeKey, receiver, sealed),
      )
    : byBuyer;
  if (byBuyer && 'ids' in byBuyer)
    return checkTokens(dispute, evidence, byBuyer.ids, models, signal);
  if (!opened) {
    if (!isLate) return undefined;
    // a seller must answer an accusation, not a silence
    return evidence.length > 0 ? invalid('format') : abstain('the buyer shows no evidence');
  }
  if ('ids' in opened) return checkTokens(dispute, evidence, opened.ids, models, signal);
  if (oneTimeKey || isLate) return { result: 'invalid', kind: opened.kind };
  return undefined;
}

function ciphertextOf({ commitment, commitments }: Dispute): Uint8Array | undefined {
  const { ciphertextHash } = decodeCommitment(commitment);
  return commitments
    .filter(({ body }) => body.commitment === toHex(commitment))
    .map(({ body }) => bytesOf(body.ciphertext))
    .find((bytes) => equalBytes(sha256(bytes), ciphertextHash));
}

/** What either side shows this verifier, if its prompt is the job's. */
function evidenceOf({ job, contests, counterproofs, accept }: Dispute, key: KeyPair): Evidence[] {
  const seller = accept.body.offer.author;
  const sealed = [...contests, ...counterproofs.filter(({ author }) => author === seller)];
  return sealed
    .map(({ body }) => openEvidence(body, key))
    .filter((each): each is Evidence => {
      if (!each || each.promptIds.length !== job.inputTokens) return false;
      return equalBytes(promptHashOf(each.salt, each.promptIds), hashField(job, 'promptHash'));
    });
}

async function checkTokens(
  { job, accept, commitment, depth }: Dispute,
  evidence: readonly Evidence[],
  outputIds: readonly number[],
  models: readonly JobModel[],
  signal: AbortSignal | undefined,
): Promise<Verdict | undefined> {
  const [prompt] = evidence;
  if (!prompt) {
    return depth > EVIDENCE_BLOCKS ? abstain('nobody shows the prompt of the job') : undefined;
  }
  const own = models.find(({ id, model }) => id === job.model && model.info.file === job.file);
  if (!own) return abstain('this verifier does not have the model');
  const tau = calibratedTau(own, job, accept.body.offer.body.class);
  if (tau === undefined) return abstain('the classes of seller and verifier are not calibrated');
  const claim = {
    promptIds: prompt.promptIds,
    outputIds,
    sampling: job.sampling,
    seed: hashField(job, 'seed'),
    maxTokens: job.maxTokens,
    stop: job.stop,
    finish: decodeCommitment(commitment).finish,
  };
  return (await verifyOutput(own.model, claim, { tau, signal })).verdict;
}
