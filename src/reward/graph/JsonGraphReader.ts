import { Tokenizer, TokenType } from '@streamparser/json';
import { BitmodelError, messageOf } from '../../base/index.js';
import { GraphBuilder } from './GraphBuilder.js';
import { type ContributionGraph, graphError, quoted } from './graph.js';
import { JsonSource } from './JsonSource.js';

const FORM = '{"v":1,"sources":[{"id":"…","parents":[{"id":"…","ppm":150000}]}]}';
/** Bytes without the end of a text or number, after which the input is given up: none has more than 256 characters. */
const LONGEST_TOKEN = 1 << 20;
/** What the tokenizer would drop at the beginning of a text. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
/** What the tokenizer says of a character that it did not expect, and of its place. */
const UNEXPECTED = /^Unexpected "(.*)" at chunk position .*\(absolute position "(\d+)"\)/s;
const ESCAPED_MARK = /\\ufeff/i;

/** How deep the reader is; the odd ones are objects. */
const DEPTH = { outside: 0, document: 1, sources: 2, source: 3, parents: 4, parent: 5 } as const;

const FIELDS: Readonly<Record<number, readonly string[]>> = {
  [DEPTH.document]: ['v', 'sources'],
  [DEPTH.source]: ['id', 'owner', 'kind', 'name', 'parents'],
  [DEPTH.parent]: ['id', 'ppm', 'standing'],
};

type Expected = 'value' | 'first' | 'key' | 'colon' | 'comma' | 'line';

interface TokenInfo {
  readonly token: TokenType;
  readonly value?: unknown;
  readonly offset: number;
}

/** A tokenizer that keeps the digits of numbers, so that no weight goes through a float. */
class DigitTokenizer extends Tokenizer {
  digits = '';

  protected override parseNumber(text: string): number {
    this.digits = text;
    return 0;
  }
}

/**
 * Reads a graph from JSON text that comes in pieces: `{v:1, sources:[{id, owner?, kind?, name?, parents:[{id, ppm,
 * standing?}]}]}`, or JSON lines, in which each line is one of the sources.
 */
export class JsonGraphReader {
  readonly #builder = new GraphBuilder();
  readonly #tokenizer = new DigitTokenizer({ separator: '' });
  #depth: number = DEPTH.outside;
  #expected: Expected = 'value';
  #offset = 0;
  #written = 0;
  #tail = '';
  #isLines = false;
  #isComplete = false;
  #version: string | undefined;
  #key = '';
  #seen: readonly string[] = [];
  readonly #source = new JsonSource(this.#builder);

  constructor() {
    this.#tokenizer.onToken = (token) => this.#take(token);
  }

  /**
   * Takes the next bytes, at most 64 KiB at once, so that no text without an end is gathered.
   * @throws BitmodelError `BAD_GRAPH` that says what is wrong at which byte
   */
  write(bytes: Uint8Array): void {
    try {
      this.#assertNoMark(bytes);
      this.#tokenizer.write(bytes);
    } catch (thrown) {
      throw this.#located(thrown);
    }
    this.#written += bytes.length;
    if (this.#written - this.#offset > LONGEST_TOKEN) {
      throw graphError(
        `What begins at byte ${this.#offset + 1} of the graph goes on for more than ${LONGEST_TOKEN} bytes.`,
        'Take it out: an id has at most 256 characters',
      );
    }
  }

  /** The graph, once all bytes were written. @throws BitmodelError `BAD_GRAPH` */
  end(): ContributionGraph {
    try {
      this.#tokenizer.end();
    } catch (thrown) {
      throw this.#located(thrown);
    }
    if (
      this.#depth !== DEPTH.outside ||
      this.#written === 0 ||
      (!this.#isComplete && !this.#isLines)
    ) {
      throw this.#syntaxError('it ends in the middle');
    }
    if (!this.#isLines && this.#version === undefined) {
      throw graphError('The graph is not of version 1.', 'Begin it with {"v":1');
    }
    if (this.#source.count === 0) {
      throw graphError('The graph has no sources.', `Write the graph as ${FORM}`);
    }
    return this.#builder.build();
  }

  #syntaxError(why: string): Error {
    return graphError(
      `The graph is not valid JSON: ${why}, at byte ${this.#offset + 1}.`,
      'Mend the file',
    );
  }

  /** Says where in the input something is wrong. */
  #located(thrown: unknown): unknown {
    if (!(thrown instanceof BitmodelError)) {
      const why = messageOf(thrown).split('\n')[0]!.replace(/\.+$/, '').slice(0, 200);
      // as the tokenizer words it, which counts from 0
      const [, what, at] = UNEXPECTED.exec(why) ?? [];
      if (what === undefined) return this.#syntaxError(why);
      this.#offset = Number(at);
      return this.#syntaxError(`${quoted(what)} stands where it means nothing`);
    }
    if (/ byte \d+\.$/.test(thrown.message)) return thrown;
    const message = thrown.message.replace(/\.$/, ` (at byte ${this.#offset + 1}).`);
    return graphError(message, thrown.next ?? 'Mend the file');
  }

  #assertNoMark(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = buffer.indexOf(BYTE_ORDER_MARK, this.#written === 0 ? 3 : 0);
    const text = this.#tail + (buffer.includes('\\') ? buffer.toString('latin1') : '');
    this.#tail = buffer.toString('latin1', Math.max(0, buffer.length - 5));
    if (at < 0 && !ESCAPED_MARK.test(text)) return;
    throw graphError(
      'A text of the graph holds a byte order mark, which can not be seen.',
      'Take it out (U+FEFF)',
    );
  }

  #take({ token, value, offset }: TokenInfo): void {
    this.#offset = offset;
    const isObject = this.#depth % 2 === 1;
    switch (this.#expected) {
      case 'first':
        if (token === (isObject ? TokenType.RIGHT_BRACE : TokenType.RIGHT_BRACKET)) this.#close();
        else if (isObject) this.#takeKey(token, value);
        else this.#takeValue(token, value);
        return;
      case 'key':
        this.#takeKey(token, value);
        return;
      case 'colon':
        if (token !== TokenType.COLON) throw this.#syntaxError('a colon is missing');
        this.#expected = 'value';
        return;
      case 'comma':
        if (token === (isObject ? TokenType.RIGHT_BRACE : TokenType.RIGHT_BRACKET)) this.#close();
        else if (token !== TokenType.COMMA) throw this.#syntaxError('a comma is missing');
        else this.#expected = isObject ? 'key' : 'value';
        return;
      default:
        this.#takeValue(token, value);
    }
  }

  #takeKey(token: TokenType, value: unknown): void {
    if (token !== TokenType.STRING) throw this.#syntaxError('the name of a field is missing');
    const key = value as string;
    if (this.#depth === DEPTH.document && this.#seen.length === 0) this.#beginLines(key);
    const known = FIELDS[this.#depth]!;
    if (!known.includes(key)) {
      // a misspelt "parents" would silently keep all the money
      throw graphError(
        `${this.#what()} has a field ${quoted(key)} that means nothing here.`,
        `The fields are ${known.join(', ')}`,
      );
    }
    if (this.#isGiven(key)) {
      throw graphError(
        `${this.#what()} has the field ${quoted(key)} twice.`,
        'Take one of them out',
      );
    }
    this.#key = key;
    this.#expected = 'colon';
  }

  /** A first object with the fields of a source is the first line of JSON lines. */
  #beginLines(key: string): void {
    if (!FIELDS[DEPTH.source]!.includes(key)) return;
    this.#isLines = true;
    this.#depth = DEPTH.outside;
    this.#open();
  }

  #isGiven(key: string): boolean {
    if (this.#depth !== DEPTH.document)
      return this.#source.isGiven(key, this.#depth === DEPTH.parent);
    if (this.#seen.includes(key)) return true;
    this.#seen = [...this.#seen, key];
    return false;
  }

  /** What is being read, for an error. */
  #what(): string {
    if (this.#depth <= DEPTH.document) return 'The graph';
    return this.#depth <= DEPTH.source ? `Source ${this.#source.count}` : this.#source.parentText;
  }

  #takeValue(token: TokenType, value: unknown): void {
    switch (this.#depth) {
      case DEPTH.outside:
      case DEPTH.sources:
      case DEPTH.parents:
        this.#takeObject(token);
        return;
      case DEPTH.document:
        this.#takeDocumentField(token);
        break;
      case DEPTH.source:
        this.#takeSourceField(token, value);
        break;
      default:
        this.#takeParentField(token, value);
    }
    if (this.#expected === 'value') this.#expected = 'comma';
  }

  #takeObject(token: TokenType): void {
    if (this.#isComplete) throw this.#syntaxError('something follows its end');
    if (token === TokenType.LEFT_BRACE) {
      this.#open();
      return;
    }
    this.#assertValue(token);
    const next = `Source ${this.#source.count + 1}`;
    const outside = this.#isLines ? next : 'The graph';
    const listed = this.#depth === DEPTH.sources ? next : this.#source.parentText;
    throw graphError(
      `${this.#depth === DEPTH.outside ? outside : listed} is not a JSON object.`,
      `Write the graph as ${FORM}`,
    );
  }

  #assertValue(token: TokenType): void {
    const isValue =
      token === TokenType.LEFT_BRACE ||
      token === TokenType.LEFT_BRACKET ||
      token === TokenType.STRING ||
      token === TokenType.NUMBER ||
      token === TokenType.TRUE ||
      token === TokenType.FALSE ||
      token === TokenType.NULL;
    if (!isValue) throw this.#syntaxError('a value is missing');
  }

  #takeDocumentField(token: TokenType): void {
    this.#assertValue(token);
    if (this.#key === 'v') {
      if (token !== TokenType.NUMBER || this.#tokenizer.digits !== '1') {
        throw graphError('The graph is not of version 1.', 'Begin it with {"v":1');
      }
      this.#version = this.#tokenizer.digits;
      return;
    }
    if (token !== TokenType.LEFT_BRACKET) {
      throw graphError('The graph has no sources.', `Write the graph as ${FORM}`);
    }
    this.#open();
  }

  #takeSourceField(token: TokenType, value: unknown): void {
    this.#assertValue(token);
    if (this.#key !== 'parents') {
      this.#source.takeLabel(this.#key, token === TokenType.STRING ? value : undefined);
    } else if (token === TokenType.LEFT_BRACKET) {
      this.#source.beginParents();
      this.#open();
    } else {
      throw graphError(
        `The parents of ${this.#source.text} are not a list.`,
        'Write them as [{"id":"…","ppm":150000}]',
      );
    }
  }

  #takeParentField(token: TokenType, value: unknown): void {
    this.#assertValue(token);
    if (this.#key !== 'ppm') {
      this.#source.takeOfParent(this.#key, token === TokenType.STRING ? value : undefined);
    } else if (token === TokenType.NUMBER) {
      this.#source.takeOfParent('ppm', this.#tokenizer.digits);
    } else {
      this.#source.takeOfParent('ppm', quoted(String(value)));
    }
  }

  #open(): void {
    this.#depth = this.#isLines && this.#depth === DEPTH.outside ? DEPTH.source : this.#depth + 1;
    this.#expected = 'first';
    if (this.#depth === DEPTH.source) this.#source.begin();
  }

  #close(): void {
    const closed = this.#depth;
    if (closed === DEPTH.parent) this.#source.endParent();
    else if (closed === DEPTH.source) this.#source.end();
    else if (closed === DEPTH.document) this.#isComplete = true;
    const isLine = closed === DEPTH.source && this.#isLines;
    this.#depth = isLine ? DEPTH.outside : closed - 1;
    this.#expected = this.#depth === DEPTH.outside ? 'value' : 'comma';
  }
}
