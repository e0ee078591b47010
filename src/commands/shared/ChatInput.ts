import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Lines that come within this time of one another were pasted together, so they are one message. */
const PASTE_MS = 20;
const HISTORY = 500;
const QUOTES = '"""';

/** What the line editor draws on: the terminal, unless an answer is being written there. */
class Screen extends Writable {
  readonly isTTY = true;
  isMuted = false;

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) process.stdout.write(chunk);
    done();
  }
}

/**
 * Messages typed on a terminal, with line editing and history. A message of several lines is pasted, written between lines
 * of `"""`, or has a backslash at the end of each line but the last.
 */
export class ChatInput {
  readonly #screen = new Screen();
  readonly #editor: Interface;
  /** Messages typed ahead. */
  readonly #messages: string[] = [];
  #burst: string[] = [];
  #open: string[] = [];
  #isQuoted = false;
  #timer: NodeJS.Timeout | undefined;
  #waiting: ((message: string | undefined) => void) | undefined;
  #hasEnded = false;
  /** Told of Ctrl-C while no message is waited for. */
  onInterrupt: (() => void) | undefined;

  constructor() {
    this.#editor = createInterface({
      input: process.stdin,
      output: this.#screen,
      terminal: true,
      historySize: HISTORY,
      removeHistoryDuplicates: true,
    });
    this.#editor.on('line', (line) => this.#take(line));
    this.#editor.on('SIGINT', () => this.#interrupt());
    this.#editor.on('close', () => this.#end());
  }

  /** Waits for a message. @returns undefined when there will be none: Ctrl-D */
  async next(prompt: string): Promise<string | undefined> {
    const ahead = this.#messages.shift();
    if (ahead !== undefined || this.#hasEnded) return ahead;
    this.#screen.isMuted = false;
    this.#editor.setPrompt(prompt);
    this.#editor.prompt();
    const message = await new Promise<string | undefined>((resolve) => {
      this.#waiting = resolve;
    });
    // what is typed from here on would stand in the middle of the answer
    this.#screen.isMuted = true;
    return message;
  }

  close(): void {
    this.#hasEnded = true;
    this.#editor.close();
  }

  #take(line: string): void {
    this.#burst.push(line);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), PASTE_MS);
  }

  /** A burst of lines is over: is it a whole message? */
  #settle(): void {
    const lines = this.#burst;
    this.#burst = [];
    for (const line of lines) {
      const text = line.trim();
      if (this.#isQuoted && text.endsWith(QUOTES)) {
        this.#open.push(line.slice(0, line.lastIndexOf(QUOTES)));
        this.#isQuoted = false;
      } else if (!this.#isQuoted && text.startsWith(QUOTES)) {
        const inside = text.slice(QUOTES.length);
        const closed = inside.endsWith(QUOTES);
        this.#isQuoted = !closed;
        this.#open.push(closed ? inside.slice(0, -QUOTES.length) : inside);
      } else this.#open.push(line);
    }
    const last = this.#open.at(-1) ?? '';
    const goesOn = this.#isQuoted || last.endsWith('\\');
    if (last.endsWith('\\') && !this.#isQuoted)
      this.#open[this.#open.length - 1] = last.slice(0, -1);
    if (goesOn) {
      this.#editor.setPrompt('... ');
      this.#editor.prompt();
      return;
    }
    const message = this.#open.join('\n');
    this.#open = [];
    this.#give(message);
  }

  #give(message: string): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    if (resolve) resolve(message);
    else this.#messages.push(message);
  }

  /** Ctrl-C: takes back what is being typed; with nothing typed, tells how to end. */
  #interrupt(): void {
    if (!this.#waiting) {
      this.onInterrupt?.();
      return;
    }
    const isEmpty = this.#editor.line === '' && this.#open.length === 0;
    this.#open = [];
    this.#isQuoted = false;
    this.#editor.write(null, { ctrl: true, name: 'e' });
    this.#editor.write(null, { ctrl: true, name: 'u' });
    process.stdout.write(isEmpty ? '\n(/bye or Ctrl-D ends)\n' : '\n');
    this.#editor.setPrompt('>>> ');
    this.#editor.prompt();
  }

  #end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    // lines that came with the end are still a message
    if (this.#burst.length > 0) this.#settle();
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }
}
