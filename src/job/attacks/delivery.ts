import { fromHex, sha256, toHex } from '../../base/index.js';
import { createKey, hash160, type KeyPair, networkParameters } from '../../chain/index.js';
import type { GenerateRequest } from '../../model/index.js';
import type { AttackOutcome, Verdict } from '../../rastic/index.js';
import { openAnswer, withClientKey } from '../answer.js';
import { encodeCommitment } from '../contracts/commitment.js';
import { type Evidence, sealEvidence } from '../evidence.js';
import { calibrationName, type JobModel } from '../jobModel.js';
import { createMessage, type Message } from '../messages.js';
import { createOneTimeKey } from '../sealing.js';
import { type JobSpec, jobIdHex, jobIdOf, parseJob, promptHashOf } from '../spec.js';
import { EVIDENCE_BLOCKS, judge } from '../verifier/judging.js';
import { sealFalsely } from '../worker/falseSealing.js';

const PARAMS = networkParameters('regtest');
const JUDGES = 3;
const HASH = '00'.repeat(32);

/** Who takes part in a job that a delivery is judged by. */
export interface Parties {
  readonly client: KeyPair;
  readonly seller: KeyPair;
  readonly verifiers: readonly KeyPair[];
}

/** Fresh keys. */
export function newParties(): Parties {
  const key = (): KeyPair => createKey(PARAMS);
  return { client: key(), seller: key(), verifiers: Array.from({ length: JUDGES }, key) };
}

/** A job that asks for this, of these parties. */
export function jobFor(
  own: JobModel,
  request: GenerateRequest,
  salt: Uint8Array,
  { client, verifiers }: Parties,
): JobSpec {
  const { promptIds, maxTokens, stop, sampling, seed } = request;
  return parseJob({
    v: 1,
    client: toHex(client.publicKey),
    model: own.id,
    file: own.model.info.file,
    classes: [own.model.info.numericClass],
    calibration: calibrationName(own),
    promptHash: toHex(promptHashOf(salt, promptIds)),
    inputTokens: promptIds.length,
    maxTokens,
    stop: [...stop],
    sampling,
    seed: toHex(seed),
    pricePerToken: '0.00010000',
    feePpm: 0,
    feeScript: HASH,
    stake: '100.00000000',
    verifiers: verifiers.map(({ publicKey }) => toHex(publicKey)),
    threshold: (JUDGES >> 1) + 1,
    verifierFee: '0.00001000',
    coin: `${HASH}:0`,
    created: 100,
    expires: 200,
  });
}

function acceptance(job: JobSpec, own: JobModel, k: Uint8Array, parties: Parties) {
  const { client, seller } = parties;
  const id = jobIdHex(job);
  const offered = {
    pricePerToken: job.pricePerToken,
    speedMilli: 0,
    class: own.model.info.numericClass,
    payout: toHex(hash160(seller.publicKey)),
    keyHash: toHex(sha256(k)),
    until: 1000,
  };
  const { author, sequence, body, signature } = createMessage(
    'offer',
    id,
    0,
    offered,
    seller.privateKey,
  );
  const offer = { author, sequence, body, signature };
  return createMessage('accept', id, 0, { offer, escrow: HASH }, client.privateKey);
}

/**
 * Has an answer sealed as the outcome says, opened by the buyer and judged by a verifier once buyer and seller have shown what
 * they have: the same code that sells, buys and judges on the chain, without the chain.
 * @throws BitmodelError what judging throws
 */
export async function judgeDelivery(
  own: JobModel,
  request: GenerateRequest,
  outcome: Pick<AttackOutcome, 'ids' | 'finish' | 'deliver'>,
  signal?: AbortSignal,
): Promise<Verdict> {
  const parties = newParties();
  const { client, seller, verifiers } = parties;
  const [salt, k] = [createOneTimeKey(), createOneTimeKey()];
  const job = jobFor(own, request, salt, parties);
  const id = jobIdHex(job);
  const about = { jobId: jobIdOf(job), client: fromHex(job.client), k, output: outcome };
  const { ciphertext, commitment, oneTimeKey } = sealFalsely(about, outcome.deliver);
  const encoded = encodeCommitment(commitment);
  const posted = createMessage(
    'commitment',
    id,
    0,
    {
      commitment: toHex(encoded),
      signature: '30'.repeat(10),
      ciphertext: Buffer.from(ciphertext).toString('base64'),
    },
    seller.privateKey,
  );
  const { promptIds } = request;
  const opened = openAnswer(commitment, k, ciphertext, withClientKey(client.privateKey));
  const bought: Evidence = {
    salt,
    promptIds,
    ...('ids' in opened ? { outputIds: opened.ids } : {}),
  };
  const shown = (evidence: Evidence) => sealEvidence(evidence, job.verifiers as string[]);
  const contest = { transaction: HASH, ...shown(bought) };
  const contests: Message<'contest'>[] = [
    createMessage('contest', id, 0, contest, client.privateKey),
  ];
  const proof = shown({ salt, promptIds, oneTimeKey });
  const verdict = await judge(
    {
      job,
      accept: acceptance(job, own, k, parties),
      state: { k, count: commitment.count, commitmentHash: sha256(encoded) },
      commitment: encoded,
      commitments: [posted],
      contests,
      counterproofs: [createMessage('counterproof', id, 0, proof, seller.privateKey)],
      depth: EVIDENCE_BLOCKS + 1,
    },
    [own],
    verifiers[0]!,
    signal,
  );
  return verdict ?? { result: 'abstain', reason: 'nothing was shown in time' };
}
