import { BitmodelError, sha256, utf8 } from '../base/index.js';
import {
  type GenerateOptions,
  type GenerateRequest,
  gumbelNoise,
  type Sampling,
  sampleToken,
} from '../model/index.js';
import type { CalibrationPlan } from './calibratePlan.js';
import { type LogitsSource, stepFromOf } from './verify.js';

/** A model that can also decode step by step; `LanguageModel` is one. */
export interface CalibrationSubject extends LogitsSource {
  readonly info: LogitsSource['info'] & { readonly numericClass: string };
  readonly tokenizer: LogitsSource['tokenizer'] & { encode(text: string): number[] };
  session(): Promise<{
    feed(ids: readonly number[]): Promise<Float32Array>;
    close(): Promise<void>;
  }>;
  close(): Promise<void>;
}

/** A model that also decodes several answers in one run per step; `LanguageModel` is one where it was opened so. */
export interface BatchSubject extends CalibrationSubject {
  readonly info: CalibrationSubject['info'] & { readonly batch: number };
  generate(
    request: GenerateRequest,
    options: Pick<GenerateOptions, 'onLogits' | 'signal'>,
  ): Promise<{ readonly ids: readonly number[] }>;
}

/** How measuring is followed and ended. */
export interface MeasureOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with positions computed since the last call. */
  readonly onPositions?: (count: number) => void;
}

/** One answer with the logits its seller saw. */
export interface CalibrationRun {
  readonly promptIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly logits: readonly Float32Array[];
  readonly sampling: Sampling;
  readonly seed: Uint8Array;
}

/** One answer to be made. */
export interface Answer {
  readonly prompt: string;
  readonly sampling: Sampling;
}

/** All answers of a plan. */
export function answersOf({
  prompts,
  samplings,
}: Pick<CalibrationPlan, 'prompts' | 'samplings'>): Answer[] {
  return prompts.flatMap((prompt) => samplings.map((sampling) => ({ prompt, sampling })));
}

/** As many ids of a prompt, from its end, as leave room for the answer. */
function promptIdsOf(model: CalibrationSubject, prompt: string, tokens: number): number[] {
  const ids = model.tokenizer.encode(prompt);
  const room = model.info.contextLength - tokens;
  if (ids.length > 0 && room > 0) return ids.slice(-room);
  throw new BitmodelError(
    'BAD_CALIBRATION_PLAN',
    room > 0
      ? `The prompt ${JSON.stringify(prompt.slice(0, 40))} has no tokens.`
      : `The model's context of ${model.info.contextLength} tokens has no room for answers of ${tokens}.`,
    { next: room > 0 ? 'Take it out of the prompts' : 'Lower --tokens' },
  );
}

function assertFinite(row: Float32Array): void {
  if (row.every(Number.isFinite)) return;
  throw new BitmodelError('BAD_LOGITS', 'The model computed logits that are not finite numbers.', {
    next: 'Calibrate another file of the model with --file',
  });
}

function seedOf({ prompt, sampling }: Answer): Uint8Array {
  return sha256(utf8(`calibration/${prompt}/${sampling.temperatureMilli}`));
}

/**
 * Lets a seller decode answers at the same time, in one run per step where it can. They end where the model ends them, so
 * the batch gets smaller.
 * @throws BitmodelError `BAD_LOGITS`; AbortError
 */
export async function decodeTogether(
  seller: BatchSubject,
  answers: readonly Answer[],
  tokens: number,
  { signal, onPositions }: MeasureOptions,
): Promise<CalibrationRun[]> {
  return Promise.all(
    answers.map(async (answer) => {
      const { sampling } = answer;
      const seed = seedOf(answer);
      const promptIds = promptIdsOf(seller, answer.prompt, tokens);
      const logits: Float32Array[] = [];
      const request = { promptIds, sampling, seed, maxTokens: tokens, stop: [] };
      const onLogits = (_: number, row: Float32Array): void => {
        logits.push(row);
        onPositions?.(1);
      };
      const made = await seller.generate(request, { onLogits, ...(signal ? { signal } : {}) });
      return { promptIds, outputIds: made.ids, logits, sampling, seed };
    }),
  );
}

/** Lets a seller decode an answer token by token; it goes on past end tokens. @throws BitmodelError `BAD_LOGITS`; AbortError */
export async function decodeAnswer(
  seller: CalibrationSubject,
  answer: Answer,
  tokens: number,
  { signal, onPositions }: MeasureOptions,
): Promise<CalibrationRun> {
  const { prompt, sampling } = answer;
  const seed = seedOf(answer);
  const noise = gumbelNoise(seed);
  const promptIds = promptIdsOf(seller, prompt, tokens);
  const session = await seller.session();
  const outputIds: number[] = [];
  const logits: Float32Array[] = [];
  try {
    let row = await session.feed(promptIds);
    for (let position = 0; position < tokens; position++) {
      signal?.throwIfAborted();
      assertFinite(row);
      logits.push(row.slice());
      const token = sampleToken(row, position, sampling, noise);
      outputIds.push(token);
      onPositions?.(1);
      if (position + 1 < tokens) row = await session.feed([token]);
    }
  } finally {
    await session.close();
  }
  return { promptIds, outputIds, logits, sampling, seed };
}

/**
 * Gives a verifier's rows of logits for an answer, one by one, computed in blocks of this size or, if its graph is
 * run-dependent, as the seller's were.
 */
export async function eachRow(
  verifier: CalibrationSubject,
  { promptIds, outputIds }: CalibrationRun,
  block: number,
  { signal, onPositions }: MeasureOptions,
  onRow: (position: number, logits: Float32Array) => void,
): Promise<void> {
  const from = promptIds.length - 1;
  const width = verifier.info.vocabularySize;
  await verifier.prefill([...promptIds, ...outputIds.slice(0, -1)], {
    from,
    chunk: block,
    stepFrom: stepFromOf(verifier, promptIds),
    signal,
    onLogits: (first, rows) => {
      const count = rows.length / width;
      for (let row = 0; row < count; row++) {
        const logits = rows.subarray(row * width, (row + 1) * width);
        assertFinite(logits);
        onRow(first - from + row, logits);
      }
      onPositions?.(count);
    },
  });
}

/** Greatest difference of a logit, relative to the row's mean difference: a common shift of a whole row changes no choice. */
export function greatestShift(a: Float32Array, b: Float32Array): number {
  let mean = 0;
  for (let i = 0; i < a.length; i++) mean += (a[i]! - b[i]!) / a.length;
  let greatest = 0;
  for (let i = 0; i < a.length; i++) greatest = Math.max(greatest, Math.abs(a[i]! - b[i]! - mean));
  return greatest;
}
