import {
  BitmodelError,
  equalBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
} from '../../base/index.js';
import { type KeyPair, signData } from '../../chain/index.js';
import { LanguageModel } from '../../model/index.js';
import { type AttackOutcome, verifyOutput } from '../../rastic/index.js';
import { encodeCommitment } from '../contracts/commitment.js';
import { decodePrompt } from '../evidence.js';
import type { JobEvent } from '../JobEvents.js';
import { type JobModel, modelFor, modelMissing, tauOf } from '../jobModel.js';
import { createMessage, type Message } from '../messages.js';
import { openSealed } from '../sealing.js';
import { hashField, type JobSpec, jobIdOf, promptHashOf } from '../spec.js';
import { sealFalsely } from './falseSealing.js';
import type { WorkerOptions } from './JobWorker.js';
import type { WorkerRecord } from './record.js';

/** A prompt as only its seller gets it. */
export interface Prompt {
  readonly salt: Uint8Array;
  readonly promptIds: number[];
}

/** An output, and how a dishonest seller fails to deliver it. */
export type WorkerOutput = Pick<AttackOutcome, 'ids' | 'finish' | 'deliver'>;

/** What an output is made with. */
export interface OutputMaker extends Pick<WorkerOptions, 'models' | 'dishonesty'> {
  readonly tell: (event: Omit<JobEvent, 'role'>) => void;
}

/** The prompt that came for this seller, if it is the one the job names. */
export function openPrompt(
  { body }: Message<'prompt'>,
  job: JobSpec,
  key: KeyPair,
): Prompt | undefined {
  try {
    const sealed = fromBase64(body.prompt);
    const prompt = decodePrompt(openSealed(key.privateKey, sealed));
    const hash = promptHashOf(prompt.salt, prompt.promptIds);
    const holds =
      equalBytes(hash, hashField(job, 'promptHash')) && prompt.promptIds.length === job.inputTokens;
    return holds ? prompt : undefined;
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}

/** Why no model could answer this prompt, though it is the one that the job names. */
export function promptFault(
  models: readonly JobModel[],
  job: JobSpec,
  { promptIds }: Prompt,
): string | undefined {
  const own = modelFor(models, job);
  if (!own) throw modelMissing(job.model);
  const { contextLength, vocabularySize } = own.model.info;
  if (promptIds.length >= contextLength) return "the prompt does not fit the model's context";
  const isWord = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  if (!promptIds.every(isWord)) return "the prompt has tokens outside the model's vocabulary";
  return undefined;
}

/** A drawn output, and how long drawing took. */
interface DrawnOutput extends WorkerOutput {
  readonly seconds: number;
}

/** What a job asks its model for. */
function requestOf({ job }: WorkerRecord, promptIds: readonly number[]) {
  const { sampling, maxTokens, stop } = job;
  return { promptIds, sampling, seed: hashField(job, 'seed'), maxTokens, stop };
}

function modelOf(models: readonly JobModel[], { job }: WorkerRecord) {
  const own = modelFor(models, job);
  if (!own) throw modelMissing(job.model);
  const { model } = own;
  return { model, tau: tauOf(own, job, model.info.numericClass) };
}

/** Draws the output of a job; a dishonest worker gives what its attack makes. */
export async function drawOutput(
  { models, tell, dishonesty }: OutputMaker,
  record: WorkerRecord,
  promptIds: readonly number[],
  signal: AbortSignal,
): Promise<DrawnOutput> {
  const { job, id } = record;
  const { model, tau } = modelOf(models, record);
  const request = requestOf(record, promptIds);
  const onToken = (_id: number, text: string, position: number): void =>
    tell({ step: 'token', jobId: id, text, count: position + 1, total: job.maxTokens });
  const { dir, file } = model.info;
  const openVariant = (graph: Uint8Array) => LanguageModel.open(dir, { file, graph });
  if (dishonesty) {
    const made = await dishonesty.run({ model, request, tau, openVariant, onToken, signal });
    return { ...made, seconds: 0 };
  }
  const made = await model.generate(request, { onToken, signal });
  return { ...made, seconds: made.promptSeconds + made.decodeSeconds };
}

/** An honest worker checks itself and gives nothing at margin > τ/2. */
export async function checkedOutput(
  { models, tell }: OutputMaker,
  record: WorkerRecord,
  promptIds: readonly number[],
  drawn: DrawnOutput,
  signal: AbortSignal,
): Promise<WorkerOutput | undefined> {
  const { model, tau } = modelOf(models, record);
  const { ids, finish, seconds } = drawn;
  const claim = { ...requestOf(record, promptIds), outputIds: ids, finish };
  const check = await verifyOutput(model, claim, { tau: tau / 2, signal });
  const { positions: count, verdict } = check;
  tell({ step: 'self-checked', jobId: record.id, count, seconds, detail: verdict.result });
  return verdict.result === 'valid' ? drawn : undefined;
}

/** The record with the output, its sealed form and the commitment to it; to be on disk before it is posted. */
export function sealOutput(
  record: WorkerRecord,
  prompt: Prompt,
  output: WorkerOutput,
  key: KeyPair,
): WorkerRecord & { readonly commitment: Message<'commitment'> } {
  const { job, id } = record;
  const k = fromHex(record.k, 32);
  const client = fromHex(job.client);
  const sealed = sealFalsely({ jobId: jobIdOf(job), client, k, output }, output.deliver);
  const encoded = encodeCommitment(sealed.commitment);
  const commitment = createMessage(
    'commitment',
    id,
    0,
    {
      commitment: toHex(encoded),
      signature: toHex(signData(encoded, key.privateKey)),
      ciphertext: toBase64(sealed.ciphertext),
    },
    key.privateKey,
  );
  return {
    ...record,
    prompt: { salt: toHex(prompt.salt), ids: prompt.promptIds },
    output: { ids: output.ids, finish: output.finish },
    oneTimeKey: toHex(sealed.oneTimeKey),
    commitment,
  };
}
