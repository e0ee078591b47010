import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChatMessage, Tokenizer } from '../types.js';

/** Part of the context that is kept free for the answer, where more is asked for than fits. */
const LEAST_ROOM = 1 / 4;

/** A prompt that fits. */
export interface FittedPrompt {
  readonly promptIds: number[];
  /** Earlier messages that had to be left out, for good. */
  readonly dropped: number;
}

/** Questions and answers, as a model with a chat template is asked. */
export class Conversation {
  /** What the model is told to be; stays when the conversation is cleared or shortened. */
  system: string | undefined;
  #messages: ChatMessage[] = [];

  constructor(system?: string) {
    this.system = system;
  }

  get length(): number {
    return this.#messages.length;
  }

  /**
   * Ids of the conversation with one more question. Where it no longer fits into the context with room for an answer, the oldest
   * questions and their answers are forgotten; the system text and the question never.
   * @param maxTokens of the answer; a quarter of the context is kept free for it at most
   * @throws BitmodelError `PROMPT_TOO_LONG` when the question alone is too long, and what the template throws; the question
   *   is then not part of the conversation
   */
  ask(
    question: string,
    tokenizer: Tokenizer,
    contextLength: number,
    maxTokens: number,
  ): FittedPrompt {
    const room = Math.max(1, Math.min(maxTokens, Math.floor(contextLength * LEAST_ROOM)));
    let kept = [...this.#messages, { role: 'user', content: question }];
    for (;;) {
      const promptIds = tokenizer.applyChatTemplate(this.#withSystem(kept));
      if (promptIds.length + room <= contextLength) return this.#take(kept, promptIds);
      const next = kept.findIndex(({ role }, at) => at > 0 && role === 'user');
      if (next > 0) kept = kept.slice(next);
      // the question alone: less room for the answer is better than none
      else if (promptIds.length < contextLength) return this.#take(kept, promptIds);
      else throw tooLong(promptIds.length, contextLength);
    }
  }

  /** Takes the model's answer to the last question in; also one that was cut short. */
  answer(text: string): void {
    this.#messages.push({ role: 'assistant', content: text });
  }

  /** Takes the last question back, which got no answer. */
  takeBack(): void {
    if (this.#messages.at(-1)?.role === 'user') this.#messages.pop();
  }

  /** Forgets all questions and answers. */
  clear(): void {
    this.#messages = [];
  }

  #take(kept: ChatMessage[], promptIds: number[]): FittedPrompt {
    const dropped = this.#messages.length + 1 - kept.length;
    this.#messages = kept;
    return { promptIds, dropped };
  }

  #withSystem(messages: readonly ChatMessage[]): readonly ChatMessage[] {
    return this.system === undefined
      ? messages
      : [{ role: 'system', content: this.system }, ...messages];
  }
}

function tooLong(count: number, contextLength: number): BitmodelError {
  return new BitmodelError(
    'PROMPT_TOO_LONG',
    `${count} tokens do not fit into the model's context of ${contextLength} with room for an answer.`,
    { next: 'Shorten the prompt, or use a model with a longer context', exitCode: EXIT.usage },
  );
}
