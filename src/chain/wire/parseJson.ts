import { BitmodelError } from '../../base/index.js';

/** A JSON number with every digit it was written with. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Deepest nesting of arrays and objects; Bitcoin Core's bound. */
const MAX_DEPTH = 512;
/** Most values in one text, so that a body of many small ones can't fill the memory. */
const MAX_VALUES = 1_000_000;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_JSON', `This is not valid JSON: ${why}.`);
}

class Parser {
  readonly #text: string;
  #at = 0;
  #left = MAX_VALUES;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw bad('something follows its end');
    return value;
  }

  #value(depth: number): unknown {
    if (this.#left-- === 0) throw bad(`it holds more than ${MAX_VALUES} values`);
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
      case 'f':
      case 'n':
        return WORDS[this.#take(WORD)];
      default:
        return numberOf(this.#take(NUMBER));
    }
  }

  #object(depth: number): object {
    const entries: [string, unknown][] = [];
    for (let more = this.#opens(depth, '}'); more; more = this.#more('}')) {
      this.#space();
      const name = this.#string();
      this.#space();
      if (this.#text[this.#at++] !== ':') throw bad('a colon is missing');
      entries.push([name, this.#value(depth)]);
    }
    // defines own properties only, whatever they are called
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    for (let more = this.#opens(depth, ']'); more; more = this.#more(']')) {
      items.push(this.#value(depth));
    }
    return items;
  }

  /** Steps over the bracket; whether something stands between it and the closing one. */
  #opens(depth: number, close: string): boolean {
    if (depth > MAX_DEPTH) throw bad(`it is nested deeper than ${MAX_DEPTH}`);
    this.#at++;
    this.#space();
    if (this.#text[this.#at] !== close) return true;
    this.#at++;
    return false;
  }

  /** Steps over a comma or the closing bracket; whether it was a comma. */
  #more(close: string): boolean {
    this.#space();
    const mark = this.#text[this.#at++];
    if (mark !== ',' && mark !== close) throw bad('a bracket is not closed');
    return mark === ',';
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw bad('a text is missing');
    let end = this.#at;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw bad('a text is not closed');
    } while (this.#isEscaped(end));
    const source = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    try {
      return JSON.parse(source) as string;
    } catch {
      throw bad('a text has a wrong escape or a control character');
    }
  }

  /** Whether an odd number of backslashes stands before a place. */
  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text[first - 1] === '\\') first--;
    return (at - first) % 2 === 1;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) throw bad('a value is missing');
    this.#at = pattern.lastIndex;
    return match[0];
  }
}

/** Whole numbers that a double holds exactly are numbers; the others keep their text. */
function numberOf(text: string): number | JsonNumber {
  const value = Number(text);
  return /^-?\d+$/.test(text) && Number.isSafeInteger(value) && !Object.is(value, -0)
    ? value
    : new JsonNumber(text);
}

/**
 * Reads a JSON text as `JSON.parse` does, but bounds its depth and its number of values, and keeps fractions and great
 * numbers as {@link JsonNumber}, so that an amount of coins is never a double.
 * @throws BitmodelError `BAD_JSON`
 */
export function parseJson(text: string): unknown {
  return new Parser(text).whole();
}

/** The same value with every {@link JsonNumber} as a double, for whom a few lost digits are nothing. */
export function plainJson(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(plainJson);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, plainJson(member)]),
  );
}
