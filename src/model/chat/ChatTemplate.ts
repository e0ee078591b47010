import { parse, tokenize } from '@huggingface/jinja';
import { BitmodelError, EXIT, messageOf, oneLine } from '../../base/index.js';
import type { ChatMessage } from '../types.js';
import { withinTime } from '../withinTime.js';
import { BoundedInterpreter, baseEnvironment } from './BoundedInterpreter.js';
import { strftime } from './strftime.js';

/** Longest template that is taken; those of the field have 20,000 characters at most. */
const LONGEST_TEMPLATE = 1 << 18;
/** A conversation of a full context takes some tens of milliseconds. */
const MOST_MILLISECONDS = 1000;
/** Of a template's own words in an error. */
const MOST_WORDS = 300;

/** The template itself said no, by `raise_exception`. */
class TemplateRefusal extends Error {}

/** What a template is rendered with beside the conversation. */
export interface TemplateContext {
  /** Texts of special tokens by their name, such as `bos_token`; only those that the tokenizer has. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** Whether the text ends where the answer begins; true unless stated. */
  readonly addGenerationPrompt?: boolean;
  /** What `strftime_now` writes; the present unless stated. */
  readonly now?: Date;
}

/**
 * A chat template in Jinja, rendered as the transformers library does (`trim_blocks`, `lstrip_blocks`, loop controls,
 * `raise_exception`, `strftime_now`, `tojson`; `tools` and `documents` are none). It is code of whoever made the model, so it
 * gets neither much time nor much room (DESIGN 3, "Untrusted bytes").
 */
export class ChatTemplate {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /**
   * Text of a conversation.
   * @throws BitmodelError `CHAT_REFUSED` with the template's own words where it refuses the conversation (a system prompt that
   *   the model was not trained with, roles out of turn), `BAD_CHAT_TEMPLATE`
   */
  render(messages: readonly ChatMessage[], context: TemplateContext): string {
    if (this.#source.length > LONGEST_TEMPLATE) throw bad('it is too long');
    try {
      return withinTime(MOST_MILLISECONDS, () => this.#render(messages, context));
    } catch (thrown) {
      if (thrown instanceof TemplateRefusal) throw refused(thrown.message);
      throw bad(oneLine(messageOf(thrown)), thrown);
    }
  }

  #render(messages: readonly ChatMessage[], context: TemplateContext): string {
    const now = context.now ?? new Date();
    const environment = baseEnvironment({
      raise_exception: (why: unknown) => {
        throw new TemplateRefusal(typeof why === 'string' ? why : 'no reason given');
      },
      strftime_now: (format: unknown) => strftime(now, String(format)),
      ...context.specialTokens,
      messages: messages.map(({ role, content }) => ({ role, content })),
      tools: null,
      documents: null,
      add_generation_prompt: context.addGenerationPrompt ?? true,
    });
    const inputLength = messages.reduce((sum, { content }) => sum + content.length, 0);
    const program = parse(tokenize(this.#source, { lstrip_blocks: true, trim_blocks: true }));
    const { value } = new BoundedInterpreter(environment, inputLength).run(program);
    return String(value);
  }
}

function refused(why: string): BitmodelError {
  const words = oneLine(why).slice(0, MOST_WORDS).replace(/[.!]$/, '');
  return new BitmodelError(
    'CHAT_REFUSED',
    `The model's chat template refuses this conversation: ${words}.`,
    {
      next: 'Leave out --system, or pass --raw to give the prompt as plain text',
      exitCode: EXIT.usage,
    },
  );
}

function bad(why: string, cause?: unknown): BitmodelError {
  const words = why.slice(0, MOST_WORDS).replace(/\.$/, '');
  return new BitmodelError(
    'BAD_CHAT_TEMPLATE',
    `The model's chat template can't be used: ${words}.`,
    { next: 'Pass --raw to give the prompt as plain text', cause },
  );
}
