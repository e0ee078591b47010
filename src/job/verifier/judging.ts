import { BitmodelError, equalBytes, fromBase64, fromHex, sha256, toHex } from '../../base/index.js';
import { type KeyPair, publicKeyOf } from '../../chain/index.js';
import { type Verdict, verifyOutput } from '../../rastic/index.js';
import { checkOutput, type OpenedAnswer, openAnswer } from '../answer.js';
import { decodeCommitment } from '../contracts/commitment.js';
import type { StakeState } from '../contracts/layout.js';
import { type Evidence, openEvidence } from '../evidence.js';
import { calibratedTau, type JobModel, modelFor } from '../jobModel.js';
import type { Message } from '../messages.js';
import { openUnder, openWithOneTimeKey } from '../sealing.js';
import { hashField, type JobSpec, promptHashOf } from '../spec.js';

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
const DELIVERY_BLOCKS = 2;
/** Blocks after the contest within which the buyer's evidence and the seller's counter-proof must be. */
export const EVIDENCE_BLOCKS = 4;

const invalid = (kind: 'undelivered' | 'format' | 'count'): Verdict => ({
  result: 'invalid',
  kind,
});
const abstain = (reason: string): Verdict => ({ result: 'abstain', reason });

/** What one side has shown this verifier; only evidence whose prompt is the job's. */
interface Shown {
  readonly buyer: readonly Evidence[];
  readonly seller: readonly Evidence[];
}

/**
 * Judges a contested job. Without what it takes it waits until its time has passed, and then holds the silence against
 * whoever had to speak: the seller for a ciphertext that is missing, or that the buyer says does not open; nobody where
 * the buyer shows nothing. Neither side's word counts against the other: ids and keys are believed only where they fit
 * the commitment and the ciphertext.
 * @returns undefined while something may still come
 */
export async function judge(
  dispute: Dispute,
  models: readonly JobModel[],
  key: KeyPair,
  signal?: AbortSignal,
): Promise<Verdict | undefined> {
  const ciphertext = ciphertextOf(dispute);
  if (!ciphertext) return dispute.depth > DELIVERY_BLOCKS ? invalid('undelivered') : undefined;
  const shown = evidenceOf(dispute, key);
  const opened = openedBy(dispute, shown, ciphertext);
  if (opened && 'ids' in opened) return checkTokens(dispute, shown, opened.ids, models, signal);
  if (opened) return invalid(opened.kind);
  if (dispute.depth <= EVIDENCE_BLOCKS) return undefined;
  // a seller must answer an accusation, not a silence
  return shown.buyer.length > 0 ? invalid('format') : abstain('the buyer shows no evidence');
}

/**
 * What the answer proves to hold; undefined where nobody has shown anything that proves something. Ids of the buyer's
 * that hash to the commitment are the ids, and show that it could read them. The seller has to show how its answer opens:
 * its word for the ids would clear one who commits to the right ids and delivers what nobody can open. The seller's key is the one whose public key stands in front of the
 * ciphertext: no other key says anything about it, least of all one that the buyer shows.
 */
function openedBy(
  { job, state, commitment: encoded }: Dispute,
  { buyer, seller }: Shown,
  ciphertext: Uint8Array,
): OpenedAnswer | undefined {
  const commitment = decodeCommitment(encoded);
  for (const { outputIds } of buyer) {
    const answer = outputIds && checkOutput(commitment, state.k, outputIds);
    // only ids of the committed hash say something; others are a lie about it
    if (answer && ('ids' in answer || answer.kind === 'count')) return answer;
  }
  const oneTimePublicKey = innerKeyOf(state.k, ciphertext);
  if (!oneTimePublicKey) return { kind: 'format' };
  const proof = seller.find(({ oneTimeKey }) => isKeyOf(oneTimeKey, oneTimePublicKey));
  if (!proof) return undefined;
  const receiver = fromHex(job.client);
  return openAnswer(commitment, state.k, ciphertext, (sealed) =>
    openWithOneTimeKey(proof.oneTimeKey!, receiver, sealed),
  );
}

/** The one-time public key in front of the ECIES layer; undefined where the layer under k does not open. */
function innerKeyOf(k: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    return openUnder(k, ciphertext).slice(0, 33);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}

function isKeyOf(privateKey: Uint8Array | undefined, publicKey: Uint8Array): boolean {
  if (!privateKey) return false;
  try {
    return equalBytes(publicKeyOf(privateKey), publicKey);
  } catch (thrown) {
    // 32 bytes that are no private key
    if (thrown instanceof Error) return false;
    throw thrown;
  }
}

function ciphertextOf({ commitment, commitments }: Dispute): Uint8Array | undefined {
  const { ciphertextHash } = decodeCommitment(commitment);
  return commitments
    .filter(({ body }) => body.commitment === toHex(commitment))
    .map(({ body }) => fromBase64(body.ciphertext))
    .find((bytes) => equalBytes(sha256(bytes), ciphertextHash));
}

/** What either side shows this verifier, if its prompt is the job's. */
function evidenceOf({ job, contests, counterproofs, accept }: Dispute, key: KeyPair): Shown {
  const promptHash = hashField(job, 'promptHash');
  const from = (
    messages: readonly (Message<'contest'> | Message<'counterproof'>)[],
    author: string,
  ): Evidence[] =>
    messages
      .filter((message) => message.author === author)
      .flatMap(({ body }) => openEvidence(body, key) ?? [])
      .filter(
        ({ salt, promptIds }) =>
          promptIds.length === job.inputTokens &&
          equalBytes(promptHashOf(salt, promptIds), promptHash),
      );
  return {
    buyer: from(contests, job.client),
    seller: from(counterproofs, accept.body.offer.author),
  };
}

async function checkTokens(
  { job, accept, commitment, depth }: Dispute,
  { buyer, seller }: Shown,
  outputIds: readonly number[],
  models: readonly JobModel[],
  signal: AbortSignal | undefined,
): Promise<Verdict | undefined> {
  const [prompt] = [...buyer, ...seller];
  if (!prompt) {
    return depth > EVIDENCE_BLOCKS ? abstain('nobody shows the prompt of the job') : undefined;
  }
  const own = modelFor(models, job);
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
