import { graphError } from './graph.js';

/** Longest line, in characters: eight texts of 256 take far less. */
const LONGEST_LINE = 1 << 16;

const COMMA = 0x2c;
const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/** Takes a record: its fields, of which only the first `count` are this one's, and the line that it begins in. */
export type RecordTaker = (fields: readonly string[], count: number, line: number) => void;

/**
 * Splits CSV (RFC 4180) that comes in pieces into records. Lines end in LF, CRLF or CR, as it comes; a byte order mark at the
 * beginning is dropped. It is stricter than libraries that guess: quotes stand around a whole field or nowhere. Written for
 * lists of ten million lines: a record costs one pass over its characters and its fields, no object of its own.
 */
export class CsvSplitter {
  readonly #take: RecordTaker;
  readonly #fields: string[] = [];
  #rest = '';
  /** Line that the rest begins in, from 1. */
  #line = 1;
  #isBegun = false;
  /** Whether the last character was a CR, so that an LF belongs to it. */
  #isAfterReturn = false;

  /** @param take called for each record; empty lines are left out */
  constructor(take: RecordTaker) {
    this.#take = take;
  }

  /** Takes the next characters. @throws BitmodelError `BAD_GRAPH` that names the line, and what `take` throws */
  write(text: string): void {
    if (text === '') return;
    let begin = !this.#isBegun && text.charCodeAt(0) === 0xfeff ? 1 : 0;
    this.#isBegun = true;
    if (this.#isAfterReturn && text.charCodeAt(begin) === LF) begin++;
    this.#isAfterReturn = false;
    this.#rest = this.#split(this.#rest === '' ? text : this.#rest + text, begin, false);
    if (this.#rest.length > LONGEST_LINE) throw this.#tooLong();
  }

  /** Says that this was all. @throws as {@link write} */
  end(): void {
    if (this.#rest !== '') this.#split(this.#rest, 0, true);
    this.#rest = '';
  }

  #wrong(why: string, line: number): Error {
    return graphError(
      `The list of edges is not valid CSV: ${why}, in line ${line}.`,
      'Mend the file',
    );
  }

  #tooLong(): Error {
    return this.#wrong(`a line has more than ${LONGEST_LINE} characters`, this.#line);
  }

  /** Hands on all whole records, and returns what is left. @param isAll whether the end of the text ends the last record */
  #split(text: string, from: number, isAll: boolean): string {
    const fields = this.#fields;
    const { length } = text;
    let begin = from;
    for (;;) {
      let at = begin;
      let lines = 0;
      let count = 0;
      // one field after the other, until a line's end
      for (;;) {
        const first = at;
        let isQuoted = false;
        let hasQuotes = false;
        if (text.charCodeAt(at) === QUOTE) {
          isQuoted = true;
          for (at++; at < length; at++) {
            const code = text.charCodeAt(at);
            if (code === QUOTE) {
              if (text.charCodeAt(at + 1) !== QUOTE) break;
              hasQuotes = true;
              at++;
            } else if (code === LF || (code === CR && text.charCodeAt(at + 1) !== LF)) lines++;
          }
          if (at >= length) {
            if (!isAll) return text.slice(begin);
            throw this.#wrong('it ends within quotes', this.#line);
          }
          at++;
        }
        const end = at;
        let code = 0;
        for (; at < length; at++) {
          code = text.charCodeAt(at);
          if (code === COMMA || code === LF || code === CR) break;
          if (isQuoted || code === QUOTE) {
            throw this.#wrong('quotes stand where none may be', this.#line + lines);
          }
        }
        // what comes next may be the rest of the field, or another quote
        if (at >= length && !isAll) return text.slice(begin);
        const field = isQuoted ? text.slice(first + 1, end - 1) : text.slice(first, at);
        fields[count++] = hasQuotes ? field.replaceAll('""', '"') : field;
        if (at >= length || code !== COMMA) break;
        at++;
      }
      if (at - begin > LONGEST_LINE) throw this.#tooLong();
      if (count > 1 || fields[0] !== '') this.#take(fields, count, this.#line);
      this.#line += lines + 1;
      if (at >= length) return '';
      if (text.charCodeAt(at++) === CR) {
        if (at === length) this.#isAfterReturn = true;
        else if (text.charCodeAt(at) === LF) at++;
      }
      begin = at;
      if (begin >= length) return '';
    }
  }
}
