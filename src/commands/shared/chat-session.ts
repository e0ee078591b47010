import { BitmodelError, EXIT, joinSignals } from '../../base/index.js';
import { answerText, Conversation, type LanguageModel } from '../../model/index.js';
import { reportError } from './action.js';
import { ChatInput } from './ChatInput.js';
import { type Draw, type DrawFlags, drawOf, seedOf } from './run-options.js';
import type { Terminal } from './terminal.js';

/** What a session starts with. */
export interface SessionStart {
  readonly model: LanguageModel;
  /** Whether messages go through the model's chat template; else each is a text to continue. */
  readonly chat: boolean;
  readonly system: string | undefined;
  readonly flags: DrawFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

const HELP = `/bye                 end (as Ctrl-D)
/clear               forget the conversation
/system [TEXT]       tell the model what to be, from here on; without a text, nothing
/set NAME VALUE      temperature, top-k, top-p, max-tokens, seed or stop, as the
                     options of the same names
/help                this
Ctrl-C ends an answer. A message of several lines stands between lines of """,
or is pasted.`;

const SETTABLE: Readonly<Record<string, keyof DrawFlags>> = {
  temperature: 'temperature',
  'top-k': 'topK',
  'top-p': 'topP',
  'max-tokens': 'maxTokens',
  seed: 'seed',
  stop: 'stop',
};

/** Errors after which no further answer can come. */
const FATAL = ['MODEL_WORKER_DIED', 'MODEL_CLOSED'];

/** A conversation on a terminal. */
class Session {
  readonly #start: SessionStart;
  readonly #input = new ChatInput();
  readonly #conversation: Conversation;
  #flags: DrawFlags;
  #draw: Draw;

  constructor(start: SessionStart) {
    this.#start = start;
    this.#flags = start.flags;
    this.#draw = drawOf(start.flags);
    this.#conversation = new Conversation(start.system);
  }

  async run(): Promise<void> {
    const { terminal, signal, chat, model } = this.#start;
    const onAbort = (): void => this.#input.close();
    signal.addEventListener('abort', onAbort, { once: true });
    const kind = chat ? '' : ' It has no chat template: each message is a text to continue.';
    terminal.note(`${model.info.architecture}, ${model.info.numericClass}; /help for help.${kind}`);
    try {
      for (;;) {
        const message = await this.#input.next('>>> ');
        if (message === undefined || message.trim() === '/bye') break;
        if (message.trim() !== '') await this.#deal(message);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#input.close();
      terminal.write('\n');
    }
    signal.throwIfAborted();
  }

  async #deal(message: string): Promise<void> {
    try {
      const [, name, rest] = /^\/(\w+)\s*(.*)$/s.exec(message.trim()) ?? [];
      if (name === undefined) await this.#answer(message);
      else this.#command(name, rest!);
    } catch (thrown) {
      const isFatal = thrown instanceof BitmodelError && FATAL.includes(thrown.code);
      if (isFatal || this.#start.signal.aborted) throw thrown;
      // told, and the conversation goes on
      reportError(thrown, false);
    }
  }

  #command(name: string, rest: string): void {
    const { terminal, chat } = this.#start;
    if (name === 'help') terminal.line(HELP);
    else if (name === 'clear') {
      this.#conversation.clear();
      terminal.note('The conversation is forgotten.');
    } else if (name === 'system') {
      if (!chat) throw noTemplate();
      this.#conversation.system = rest === '' ? undefined : rest;
    } else if (name === 'set') this.#set(rest);
    else throw unknownCommand(`/${name}`);
  }

  #set(rest: string): void {
    const [, name, value] = /^(\S+)\s+(.+)$/s.exec(rest) ?? [];
    const flag = SETTABLE[name ?? ''];
    if (flag === undefined) throw badSetting(name);
    const flags = { ...this.#flags, [flag]: flag === 'stop' ? [value!] : value! };
    this.#draw = drawOf(flags);
    this.#flags = flags;
  }

  #prompt(message: string): number[] {
    const { model, chat, terminal } = this.#start;
    if (!chat) return model.tokenizer.encode(message);
    const { contextLength } = model.info;
    const { maxTokens } = this.#draw;
    const asked = this.#conversation.ask(message, model.tokenizer, contextLength, maxTokens);
    if (asked.dropped > 0) {
      terminal.note(
        `The context of ${contextLength} tokens is full: the oldest ${asked.dropped} messages are forgotten.`,
      );
    }
    return asked.promptIds;
  }

  async #answer(message: string): Promise<void> {
    const { model, terminal } = this.#start;
    const promptIds = this.#prompt(message);
    const stopped = new AbortController();
    const joined = joinSignals(this.#start.signal, stopped.signal);
    this.#input.onInterrupt = () => stopped.abort();
    const { maxTokens, sampling, seed, stop } = this.#draw;
    let text = '';
    const show = (more: string): void => {
      text += more;
      terminal.write(more);
    };
    try {
      const { finish } = await answerText(
        model,
        { promptIds, sampling, seed: seedOf(seed), maxTokens, stop },
        { signal: joined.signal, onToken: (token) => show(token.text), onRest: show },
      );
      terminal.write('\n');
      if (finish === 'length') terminal.note(this.#lengthNote(promptIds.length));
    } catch (thrown) {
      terminal.write('\n');
      if (!stopped.signal.aborted) {
        this.#conversation.takeBack();
        throw thrown;
      }
    } finally {
      joined.release();
      this.#input.onInterrupt = undefined;
    }
    this.#conversation.answer(text);
  }

  #lengthNote(promptTokens: number): string {
    const { contextLength } = this.#start.model.info;
    return promptTokens + this.#draw.maxTokens > contextLength
      ? `The answer ends here: the context of ${contextLength} tokens is full.`
      : `The answer ends here, after ${this.#draw.maxTokens} tokens; /set max-tokens N for more.`;
  }
}

function noTemplate(): BitmodelError {
  return new BitmodelError('NO_CHAT_TEMPLATE', 'The model brings no chat template.', {
    next: 'Write what it is to be into the message',
    exitCode: EXIT.usage,
  });
}

function badSetting(name: string | undefined): BitmodelError {
  const what =
    name === undefined
      ? '/set needs a name and a value.'
      : `Nothing called "${name.slice(0, 40)}" can be set.`;
  return new BitmodelError('BAD_OPTION', what, {
    next: `Write /set NAME VALUE, with one of: ${Object.keys(SETTABLE).join(', ')}`,
    exitCode: EXIT.usage,
  });
}

function unknownCommand(text: string): BitmodelError {
  return new BitmodelError('UNKNOWN_COMMAND', `There is no command "${text.slice(0, 40)}".`, {
    next: 'See /help',
    exitCode: EXIT.usage,
  });
}

/** Talks with a model on a terminal until Ctrl-D or `/bye`. @throws what ends the model, or the signal's reason */
export async function chatOnTerminal(start: SessionStart): Promise<void> {
  await new Session(start).run();
}
