import { finishOf, type GumbelNoise, gumbelNoise, type Sampling } from '../../model/index.js';
import { checkPosition } from '../margin.js';
import { type LogitsSource, type OutputClaim, stepFromOf } from '../verify.js';
import { type CheckAnswer, type EndAnswer, type PositionAnswer, quantise } from './answer.js';
import { runnerUpGap } from './gap.js';

/** What a neighbour is asked to look at: an output or its beginning, without the word how it ended. */
export type ExaminedText = Omit<OutputClaim, 'finish'>;

/** How positions are examined. */
export interface ExamineOptions {
  /** Output positions to answer for, ascending. */
  readonly positions: readonly number[];
  /** Tolerance τ in units of the logits; the answer's step is twice as much. */
  readonly tau: number;
  readonly signal?: AbortSignal | undefined;
}

/** Why a neighbour says nothing. */
export interface Silence {
  readonly reason: string;
}

/** Whether the model can be asked about this text at all. */
function whyNot(source: LogitsSource, text: ExaminedText, positions: readonly number[]) {
  const { vocabularySize, contextLength } = source.info;
  const { promptIds, outputIds } = text;
  const isKnown = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  if (promptIds.length === 0 || outputIds.length === 0) return 'there is nothing to look at';
  if (positions.length === 0 || positions.at(-1)! >= outputIds.length) {
    return 'the positions asked for are not in the text';
  }
  if (!promptIds.every(isKnown) || !outputIds.every(isKnown)) {
    return 'the text has tokens that the model does not know';
  }
  if (promptIds.length + outputIds.length > contextLength) {
    return "the text is longer than the model's context";
  }
  return undefined;
}

function endOf(source: LogitsSource, text: ExaminedText): EndAnswer {
  const end = finishOf({
    ids: text.outputIds,
    endIds: source.info.endIds,
    maxTokens: text.maxTokens,
    contextLeft: source.info.contextLength - text.promptIds.length,
    stop: text.stop,
    decode: (ids) => source.tokenizer.decode(ids),
  });
  return end ?? { finish: 'open' };
}

function answerAt(
  logits: Float32Array,
  token: number,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
  tau: number,
): PositionAnswer | undefined {
  const check = checkPosition(logits, token, position, sampling, noise, tau);
  if (check.kind === 'non-finite') return undefined;
  const gap = quantise(runnerUpGap(logits, position, sampling, noise), tau);
  if (check.kind === 'excluded') return { standing: 'excluded', margin: 0, gap };
  const margin = quantise(check.margin, tau);
  if (check.margin <= tau) return { standing: 'fine', margin, gap };
  return { standing: 'beyond', margin: Math.max(margin, 1), gap };
}

/**
 * A neighbour's side of outsourced verification (DESIGN 6): one chunked prefill up to the last position asked for, and for
 * each of them how the token there stands. It ends at the first that is not fine, because what follows a wrong token is
 * no output of the model, and because nobody should learn more from it than that.
 * @throws BitmodelError what the model throws when it cannot run; AbortError when the signal aborts
 */
export async function examine(
  source: LogitsSource,
  text: ExaminedText,
  { positions, tau, signal }: ExamineOptions,
): Promise<CheckAnswer | Silence> {
  const reason = whyNot(source, text, positions);
  if (reason !== undefined) return { reason };
  const noise = gumbelNoise(text.seed);
  const asked = new Set(positions);
  const answers: PositionAnswer[] = [];
  const firstRow = text.promptIds.length - 1;
  let failed = false;
  let stopped = false;
  await source.prefill([...text.promptIds, ...text.outputIds.slice(0, positions.at(-1)!)], {
    from: firstRow,
    stepFrom: stepFromOf(source, text.promptIds),
    signal,
    onLogits: (first, logits) => {
      const width = source.info.vocabularySize;
      for (let row = 0; row * width < logits.length && !stopped; row++) {
        const position = first - firstRow + row;
        if (!asked.has(position)) continue;
        const slice = logits.subarray(row * width, (row + 1) * width);
        const token = text.outputIds[position]!;
        const answer = answerAt(slice, token, position, text.sampling, noise, tau);
        failed = answer === undefined;
        if (answer) answers.push(answer);
        stopped = answer?.standing !== 'fine';
      }
      // others on this thread get a turn between blocks
      return new Promise((resolve) => setImmediate(resolve));
    },
  });
  if (failed) return { reason: 'the model gives no number here' };
  return stopped ? { positions: answers } : { positions: answers, end: endOf(source, text) };
}
