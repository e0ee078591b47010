import {
  BitmodelError,
  fromBase64,
  fromHex,
  messageOf,
  sha256,
  toHex,
  writeFileAtomic,
} from '../../base/index.js';
import type { KeyPair } from '../../chain/index.js';
import { describeVerdict, type Verification, verifyOutput } from '../../rastic/index.js';
import { openAnswer, withClientKey } from '../answer.js';
import { decodeCommitment } from '../contracts/commitment.js';
import type { JobEvent } from '../JobEvents.js';
import { calibratedPair, type JobModel, modelFor, modelMissing, tauOf } from '../jobModel.js';
import type { Message } from '../messages.js';
import type { PooledJob } from '../pool/view.js';
import { encodeReceipt, type Receipt } from '../receipt.js';
import { countSeller } from '../sellers/countSeller.js';
import type { SellerBook } from '../sellers/SellerBook.js';
import { hashField } from '../spec.js';
import type { JobTrace } from '../trace.js';
import type { ClientAnswer, ClientRecord } from './record.js';

/** What a buyer opens and checks an answer with. */
export interface Checker {
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  readonly tell: (event: JobEvent) => void;
  /** Where each check is counted for its seller. */
  readonly sellers?: SellerBook | undefined;
}

/** The chosen seller's posted commitment that the claim showed, with the ciphertext that it names. */
export function deliveredIn(
  pooled: PooledJob | undefined,
  trace: JobTrace,
  seller: string,
): Message<'commitment'> | undefined {
  const claimed = toHex(trace.claim!.commitment);
  const posted = pooled?.commitments ?? [];
  return posted.find(
    ({ author, body }) => author === seller && body.commitment === claimed && hasCiphertext(body),
  );
}

/** Opens the answer and checks all of it. */
export async function checkAnswer(
  checker: Checker,
  record: ClientRecord,
  trace: JobTrace,
  delivered: Message<'commitment'> | undefined,
  signal: AbortSignal,
): Promise<ClientRecord> {
  const { key, models, tell } = checker;
  const { job, id } = record;
  const { commitment: encoded, state } = trace.claim!;
  const commitment = decodeCommitment(encoded);
  const ciphertext = delivered && fromBase64(delivered.body.ciphertext);
  const opened = openAnswer(commitment, state.k, ciphertext, withClientKey(key.privateKey));
  if ('kind' in opened) {
    const verdict = { result: 'invalid', kind: opened.kind } as const;
    tell({ role: 'client', step: 'checked', jobId: id, detail: describeVerdict(verdict) });
    return { ...record, verdict };
  }
  const own = modelFor(models, job);
  if (!own) throw modelMissing(job.model);
  const answer: ClientAnswer = {
    outputIds: opened.ids,
    text: own.model.text(opened.ids),
    finish: commitment.finish,
    k: toHex(state.k),
    ciphertextHash: toHex(commitment.ciphertextHash),
    commitmentSignature: delivered!.body.signature,
  };
  const total = opened.ids.length;
  tell({ role: 'client', step: 'opened', jobId: id, text: answer.text, count: total });
  const verification = await verifyOutput(
    own.model,
    {
      promptIds: record.promptIds,
      outputIds: opened.ids,
      sampling: job.sampling,
      seed: hashField(job, 'seed'),
      maxTokens: job.maxTokens,
      stop: job.stop,
      finish: commitment.finish,
    },
    {
      tau: tauOf(own, job, record.escrow!.offer.body.class),
      signal,
      onProgress: (count) => tell({ role: 'client', step: 'checking', jobId: id, count, total }),
    },
  );
  const { verdict, positions, seconds } = verification;
  tell({
    role: 'client',
    step: 'checked',
    jobId: id,
    count: positions,
    total,
    seconds,
    detail: describeVerdict(verdict),
  });
  countFor(checker, record, own, verification);
  return { ...record, answer, verdict, positions, seconds };
}

/** Counts a check for its seller. A job goes on whatever becomes of that. */
function countFor(
  { sellers, tell }: Checker,
  { id, job, escrow, planted }: ClientRecord,
  own: JobModel,
  verification: Verification,
): void {
  // who was asked for a false answer is not to be judged by it
  if (!sellers || planted) return;
  const { author: seller, body } = escrow!.offer;
  try {
    const pair = calibratedPair(own, job, body.class);
    const standing = countSeller(sellers, { seller, job, verification, pair });
    if (standing?.verdict !== 'left') return;
    tell({ role: 'client', step: 'left', jobId: id, party: seller, count: standing.jobs });
  } catch (thrown) {
    tell({ role: 'client', step: 'problem', jobId: id, detail: messageOf(thrown) });
  }
}

/** The receipt of a job whose answer was opened; undefined before. */
export function receiptOf(record: ClientRecord): Receipt | undefined {
  const { answer, escrow } = record;
  if (!answer || !escrow) return undefined;
  return {
    job: record.job,
    salt: fromHex(record.salt),
    nonce: fromHex(record.nonce),
    promptIds: record.promptIds,
    outputIds: answer.outputIds,
    finish: answer.finish,
    k: fromHex(answer.k),
    ciphertextHash: fromHex(answer.ciphertextHash),
    seller: fromHex(escrow.offer.author),
    signature: fromHex(answer.commitmentSignature),
  };
}

/**
 * Writes a job's receipt, however the job ended: who was cheated needs it most.
 * @returns whether there is one
 * @throws BitmodelError `WRITE_FAILED`
 */
export function writeReceipt(record: ClientRecord, path: string): boolean {
  const receipt = receiptOf(record);
  if (receipt) writeFileAtomic(path, `${encodeReceipt(receipt)}\n`, { mode: 0o600 });
  return receipt !== undefined;
}

/**
 * Writes the receipt that was asked for of a job that ends.
 * @returns why it could not be written: BitmodelError `RECEIPT_UNWRITTEN`
 */
export function tryReceipt(ended: ClientRecord): BitmodelError | undefined {
  if (ended.receiptFile === undefined) return undefined;
  try {
    writeReceipt(ended, ended.receiptFile);
    return undefined;
  } catch (thrown) {
    return new BitmodelError(
      'RECEIPT_UNWRITTEN',
      `The job ended as ${ended.outcome}, but its receipt could not be written to ${ended.receiptFile}.`,
      {
        next: `Write it elsewhere with: bitmodel job show ${ended.id.slice(0, 12)} --receipt FILE`,
        cause: thrown,
      },
    );
  }
}

/** Whether a posted commitment came with the ciphertext it names. */
function hasCiphertext(body: Message<'commitment'>['body']): boolean {
  const { ciphertextHash } = decodeCommitment(fromHex(body.commitment));
  return toHex(sha256(fromBase64(body.ciphertext))) === toHex(ciphertextHash);
}
