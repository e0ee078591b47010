import { oneLine, printableJson } from '../../base/index.js';
import { reflow } from './help-width.js';

/** Of a terminal that does not say how wide it is. */
const USUAL_COLUMNS = 80;

/**
 * What a command warns of on stderr: lines of text or, with `--json`, a part of the object that follows, be it the result
 * or the error. A command that has said its result and goes on prints each as an object of its own.
 */
class Warnings {
  #isJson = false;
  /** Those that wait for the object that they belong to; undefined once it was printed. */
  #held: string[] | undefined;

  /** A command begins. */
  begin(isJson: boolean): void {
    this.#isJson = isJson;
    this.#held = isJson ? [] : undefined;
  }

  /** @param text one sentence, without its full stop */
  add(text: string): void {
    if (!this.#isJson) process.stderr.write(`${fitted(`warning: ${oneLine(text)}`)}\n`);
    else if (this.#held) this.#held.push(text);
    else this.#print(text);
  }

  /** Gives an object that is about to be printed the warnings that belong to it. */
  joinTo(object: object): object {
    const warnings = this.#held ?? [];
    this.#held = undefined;
    return warnings.length > 0 ? { ...object, warnings } : object;
  }

  /** A command has ended: prints what no object took along. */
  end(): void {
    const left = this.#held ?? [];
    this.#held = undefined;
    for (const text of left) this.#print(text);
  }

  #print(text: string): void {
    process.stderr.write(`${printableJson(JSON.stringify({ warning: text }))}\n`);
  }
}

/** A line as the terminal has room for it, broken between words; in a pipe it stays one line. */
function fitted(line: string): string {
  const { isTTY, columns } = process.stderr;
  return isTTY ? reflow(line.split(' '), columns || USUAL_COLUMNS, '').join('\n') : line;
}

/** The warnings of the command that this process runs: it has one stderr. */
export const warnings = new Warnings();
