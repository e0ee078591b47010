import type { LanguageModel } from '../LanguageModel.js';
import type { PositionLogprobs, TokenLogprob } from '../logprobs.js';
import type { GenerateRequest, Generation, Tokenizer } from '../types.js';
import { StopFilter } from './StopFilter.js';

/** A token as programs are told of it. */
export interface SpelledLogprob extends TokenLogprob {
  /** Its text by itself; half a character shows as U+FFFD. */
  readonly token: string;
}

/** What is told of an output position. */
export interface SpelledPosition extends SpelledLogprob {
  readonly top: readonly SpelledLogprob[];
}

/** A token of an answer as it comes. */
export interface AnswerToken {
  readonly id: number;
  /** Output position, from 0. */
  readonly position: number;
  /** Text that can be shown now: whole characters, and nothing of a stop text. */
  readonly text: string;
  readonly logprobs?: SpelledPosition;
}

/** How an answer is followed. */
export interface AnswerOptions {
  readonly onToken?: (token: AnswerToken) => void;
  /** Text held back for a stop text that did not come; called once at most, at the end. */
  readonly onRest?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** How many of the most probable tokens to tell of with each; none and no log-probability unless stated. */
  readonly logprobs?: number | undefined;
}

/** A finished answer: `text` is without the stop text that ended it, the ids are all. */
export interface Answer extends Generation {
  /** One per id, where asked for. */
  readonly logprobs: readonly SpelledPosition[] | undefined;
  /** Seconds from the request to the first token. */
  readonly firstSeconds: number;
}

function spell(tokenizer: Tokenizer, { id, logprob }: TokenLogprob): SpelledLogprob {
  return { id, token: tokenizer.decode([id]), logprob };
}

function spellAll(tokenizer: Tokenizer, position: PositionLogprobs): SpelledPosition {
  const top = position.top.map((each) => spell(tokenizer, each));
  return { ...spell(tokenizer, position), top };
}

/**
 * Generates an answer for people to read while it comes.
 * @throws what `LanguageModel.generate` throws; what was shown until then has been shown
 */
export async function answerText(
  model: LanguageModel,
  request: GenerateRequest,
  { onToken, onRest, signal, logprobs }: AnswerOptions = {},
): Promise<Answer> {
  const filter = new StopFilter(request.stop);
  const told: SpelledPosition[] = [];
  const started = performance.now();
  let firstSeconds = 0;
  let shown = '';
  const generation = await model.generate(request, {
    ...(signal ? { signal } : {}),
    logprobs,
    onToken: (id, delta, position, found) => {
      if (position === 0) firstSeconds = (performance.now() - started) / 1000;
      const text = filter.push(delta);
      shown += text;
      const spelled = found && spellAll(model.tokenizer, found);
      if (spelled) told.push(spelled);
      onToken?.({ id, position, text, ...(spelled ? { logprobs: spelled } : {}) });
    },
  });
  const rest = filter.end();
  if (rest) onRest?.(rest);
  return {
    ...generation,
    text: shown + rest,
    logprobs: logprobs === undefined ? undefined : told,
    firstSeconds,
  };
}
