import { styleText } from 'node:util';
import { BitmodelError, EXIT, oneLine, printable, printableJson } from '../../base/index.js';
import type { Settings } from './settings.js';
import { warnings } from './warnings.js';

/** Colours of a terminal that say something here. */
export type Style = 'bold' | 'dim' | 'cyan' | 'yellow' | 'red';

/** A piece of a line, with the look it has where there are colours. */
export interface Styled {
  readonly text: string;
  readonly style?: Style;
}

/**
 * Where a command prints: results on stdout, everything else on stderr. Much of it was written by others (nodes, pins,
 * models, sellers), so nothing goes out that a terminal would act on.
 * With `--json` all of it is JSON, one object a line.
 */
export class Terminal {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get json(): boolean {
    return this.#settings.json;
  }

  get quiet(): boolean {
    return this.#settings.quiet;
  }

  /**
   * The command's result: one JSON object with `--json`, else the text (`brief` with `--quiet`).
   * Amounts in `object` must already be decimal strings.
   */
  result(object: object, text: string | (() => string), brief?: string): void {
    if (this.#settings.json) this.line(JSON.stringify(warnings.joinTo(object)));
    else if (this.#settings.quiet && brief !== undefined) this.line(brief);
    else this.line(typeof text === 'string' ? text : text());
  }

  /** One line on stdout, or several; with `--json` it is JSON. */
  line(text: string): void {
    process.stdout.write(`${this.#settings.json ? printableJson(text) : printable(text)}\n`);
  }

  /** One line on stdout of pieces with a look; plain in a pipe, or where NO_COLOR is set. */
  styled(pieces: readonly Styled[]): void {
    const { stdout } = process;
    const hasColours = stdout.isTTY === true && stdout.hasColors();
    const line = pieces.map(({ text, style }) => {
      const safe = oneLine(text);
      return style && hasColours ? styleText(style, safe) : safe;
    });
    stdout.write(`${line.join('')}\n`);
  }

  /** Text on stdout without a line break, for streams. */
  write(text: string): void {
    process.stdout.write(printable(text));
  }

  /** A remark of one line on stderr; silent with `--quiet` and `--json`. */
  note(text: string): void {
    if (!this.#settings.quiet && !this.#settings.json) process.stderr.write(`${oneLine(text)}\n`);
  }

  /** A warning of one line on stderr; always shown, with `--json` as `warnings` of the object that follows. */
  warn(text: string): void {
    warnings.add(text);
  }

  /**
   * Asks before something that can't be undone.
   * @throws BitmodelError `NOT_CONFIRMED` when the answer is no, or nobody can be asked and `--yes` is absent
   */
  async confirm(question: string): Promise<void> {
    if (this.#settings.yes) return;
    if (!this.#settings.input || !process.stdin.isTTY || !process.stderr.isTTY) {
      throw new BitmodelError('NOT_CONFIRMED', `This needs a yes: ${question}`, {
        next: 'Pass --yes to agree beforehand',
        exitCode: EXIT.notAllowed,
      });
    }
    const { confirm } = await import('@inquirer/prompts');
    const message = oneLine(question);
    const agreed = await confirm({ message, default: false }, { output: process.stderr });
    if (!agreed) {
      throw new BitmodelError('NOT_CONFIRMED', 'Nothing was done.', { exitCode: EXIT.notAllowed });
    }
  }
}
