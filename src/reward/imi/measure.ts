import { BitmodelError, EXIT } from '../../base/index.js';
import type { LanguageModel } from '../../model/index.js';
import {
  type Figure,
  judgeFigure,
  MAXIMUM_PERPLEXITY,
  type Metric,
  type MetricVerdict,
  WHOLE_PER_CENT,
} from './metric.js';
import type { Passage, Question, TestSet } from './testSet.js';

/** The part of an open model that a measurement uses; `LanguageModel` is one. */
export type MeasuredModel = Pick<
  LanguageModel,
  'info' | 'tokenizer' | 'prefill' | 'generate' | 'text'
>;

/** What a model reached on a test set. */
export interface ImiMeasurement {
  readonly verdict: MetricVerdict;
  readonly figure: Figure;
  /** Items that were run. */
  readonly items: number;
  /** By how much logits of another machine of this numeric class may differ, in units of the logits. */
  readonly tau: number;
  readonly numericClass: string;
}

/** Who is told how far it is, and who can end it. */
export interface ImiMeasureOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onItem?: (done: number, total: number) => void;
}

/** Words of a text: what white space parts. They are the same whatever tokens a model cuts the text into. */
function wordsOf(text: string): number {
  return text.trim().split(/\s+/u).length;
}

/** −log of the probability that a row of logits gives a token. */
function surprise(row: Float32Array, token: number): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (const logit of row) if (logit > greatest) greatest = logit;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - greatest);
  return greatest + Math.log(sum) - row[token]!;
}

/**
 * Ids of a passage, and how many of them are given.
 * @throws BitmodelError `LOSSY_TOKENIZER`
 */
function idsOf(model: MeasuredModel, { prompt, text }: Passage): { ids: number[]; given: number } {
  const { tokenizer, info } = model;
  const start = tokenizer.encode(prompt ?? '');
  // with nothing before it, the first word is foretold from where texts end
  const given = start.length > 0 ? start : info.endIds.slice(0, 1);
  const scored = tokenizer.encode(text, { addSpecialTokens: false });
  // a tokenizer that makes many texts one would be foretold with ease
  const isWhole = tokenizer.decode(scored).trim() === text.trim();
  if (given.length > 0 && scored.length > 0 && isWhole) {
    return { ids: [...given, ...scored], given: given.length };
  }
  throw new BitmodelError(
    'LOSSY_TOKENIZER',
    "This model's tokenizer does not give the text of the test set back.",
    { next: 'The delivery can only be judged with one that does', exitCode: EXIT.invalid },
  );
}

/**
 * Perplexity of passages per word: e to the sum of all surprises over the number of words. Each token is computed after
 * those before it alone, as in generating: a graph can't look ahead at what it is to foretell.
 */
async function perplexity(
  model: MeasuredModel,
  passages: readonly Passage[],
  tau: number,
  { signal, onItem }: ImiMeasureOptions,
): Promise<Figure> {
  const { vocabularySize } = model.info;
  let surprises = 0;
  let tokens = 0;
  let words = 0;
  for (const [index, passage] of passages.entries()) {
    const { ids, given } = idsOf(model, passage);
    await model.prefill(ids.slice(0, -1), {
      from: given - 1,
      stepFrom: given,
      ...(signal ? { signal } : {}),
      onLogits: (first, logits) => {
        for (let row = 0; row < logits.length / vocabularySize; row++) {
          const rowLogits = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
          surprises += surprise(rowLogits, ids[first + row + 1]!);
        }
      },
    });
    tokens += ids.length - given;
    words += wordsOf(passage.text);
    onItem?.(index + 1, passages.length);
  }
  // logits that move by τ/2 each way move one token's surprise by at most τ
  const shift = (tau * tokens) / words;
  const at = (mean: number, round: (value: number) => number): number => {
    const thousandths = round(Math.exp(mean) * 1000);
    return thousandths <= MAXIMUM_PERPLEXITY ? Math.max(1000, thousandths) : MAXIMUM_PERPLEXITY + 1;
  };
  const mean = surprises / words;
  return {
    value: at(mean, Math.round),
    low: at(mean - shift, Math.floor),
    high: at(mean + shift, Math.ceil),
  };
}

/** Whether a question was answered to the letter, and whether another machine could see it otherwise. */
async function answers(
  model: MeasuredModel,
  { prompt, answer }: Question,
  tau: number,
  signal: AbortSignal | undefined,
): Promise<{ right: boolean; certain: boolean }> {
  const { GREEDY, gumbelNoise } = await import('../../model/index.js');
  const { runnerUpGap } = await import('../../rastic/index.js');
  const expected = answer.trim();
  const seed = new Uint8Array(32);
  const noise = gumbelNoise(seed);
  let certain = true;
  const { text } = await model.generate(
    {
      promptIds: model.tokenizer.encode(prompt),
      sampling: GREEDY,
      seed,
      // no token is shorter than a byte, but for those that show nothing
      maxTokens: Buffer.byteLength(expected) + 8,
      stop: expected.includes('\n') ? [] : ['\n'],
    },
    {
      ...(signal ? { signal } : {}),
      onLogits: (position, logits) => {
        if (runnerUpGap(logits, position, GREEDY, noise) <= tau) certain = false;
      },
    },
  );
  return { right: text.trim() === expected, certain };
}

async function exactMatch(
  model: MeasuredModel,
  questions: readonly Question[],
  tau: number,
  { signal, onItem }: ImiMeasureOptions,
): Promise<Figure> {
  let right = 0;
  let surelyRight = 0;
  let surelyWrong = 0;
  for (const [index, question] of questions.entries()) {
    const answered = await answers(model, question, tau, signal);
    if (answered.right) right++;
    if (answered.certain && answered.right) surelyRight++;
    if (answered.certain && !answered.right) surelyWrong++;
    onItem?.(index + 1, questions.length);
  }
  const share = (count: number): number => Math.floor((count * WHOLE_PER_CENT) / questions.length);
  return {
    value: share(right),
    low: share(surelyRight),
    high: share(questions.length - surelyWrong),
  };
}

/**
 * Runs a test set against a model, greedily, and judges what it reached. Every node of the same numeric class comes to a
 * figure between the same bounds: they follow from the class's stated tolerance (`defaultTau`).
 * @throws BitmodelError `LOSSY_TOKENIZER`, `BAD_LOGITS`, and what the model throws (`PROMPT_TOO_LONG`)
 */
export async function measureDelivery(
  model: MeasuredModel,
  testSet: TestSet,
  metric: Metric,
  options: ImiMeasureOptions = {},
): Promise<ImiMeasurement> {
  const { numericClass } = model.info;
  // who reads declarations has no need of all that runs models
  const { defaultTau } = await import('../../rastic/index.js');
  const tau = defaultTau(numericClass);
  const figure =
    testSet.kind === 'perplexity'
      ? await perplexity(model, testSet.items, tau, options)
      : await exactMatch(model, testSet.items, tau, options);
  const verdict = judgeFigure(metric, figure);
  return { verdict, figure, items: testSet.items.length, tau, numericClass };
}
