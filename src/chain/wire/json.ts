import { BitmodelError, formatAmount } from '../../base/index.js';
import { JsonNumber } from './parseJson.js';

/**
 * An amount of base units that is written as an exact decimal JSON number of coins, as Bitcoin Core does. It never
 * becomes a double: the supply in base units is beyond 2⁵³.
 */
export class JsonAmount {
  readonly units: bigint;

  constructor(units: bigint) {
    this.units = units;
  }
}

/**
 * A long array whose items are made only while it is written, so that an answer of a million outputs neither stops the
 * node nor fills its memory.
 */
export class JsonList<T = unknown> {
  readonly #items: readonly T[];
  readonly #view: (item: T, index: number) => unknown;

  constructor(items: readonly T[], view: (item: T, index: number) => unknown) {
    this.#items = items;
    this.#view = view;
  }

  *views(): Generator<unknown> {
    for (const [index, item] of this.#items.entries()) yield this.#view(item, index);
  }
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null &&
  typeof value === 'object' &&
  !(value instanceof JsonAmount || value instanceof JsonNumber || Array.isArray(value));

/** JSON text of a value in which {@link JsonAmount}, {@link JsonNumber} and {@link JsonList} may stand anywhere. */
export function encodeJson(value: unknown): string {
  if (value instanceof JsonAmount) return formatAmount(value.units);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof JsonList) return encodeJson([...value.views()]);
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(',')}]`;
  if (!isPlain(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${JSON.stringify(name)}:${encodeJson(member)}`);
  return `{${members.join(',')}}`;
}

/** About how many characters a piece has. */
const PIECE = 65_536;

/**
 * As {@link encodeJson}, in pieces: between two of them whoever writes may do something else. A {@link JsonList} is cut
 * wherever it stands within objects and other lists.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  const out = { text: '' };
  for (const _ of writePieces(value, out)) {
    yield out.text;
    out.text = '';
  }
  yield out.text;
}

function* writePieces(value: unknown, out: { text: string }): Generator<void> {
  const items = value instanceof JsonList ? value.views() : undefined;
  if (!items && !isPlain(value)) {
    out.text += encodeJson(value);
    return;
  }
  let separator = items ? '[' : '{';
  for (const [name, item] of items ? entriesOf(items) : Object.entries(value as object)) {
    if (item === undefined && !items) continue;
    out.text += items ? separator : `${separator}${JSON.stringify(name)}:`;
    separator = ',';
    yield* writePieces(item, out);
    if (out.text.length > PIECE) yield;
  }
  if (separator !== ',') out.text += separator;
  out.text += items ? ']' : '}';
}

function* entriesOf(items: Iterable<unknown>): Generator<[string, unknown]> {
  for (const item of items) yield ['', item];
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;

/** The tokens of a valid JSON text, each with its source text, so that numbers keep every digit. */
function* tokens(text: string): Generator<string> {
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new BitmodelError('BAD_JSON', 'The answer is not valid JSON.');
    yield match[0];
    at = TOKEN.lastIndex;
  }
}

/**
 * Source text of one top-level member of a JSON object, untouched, or undefined when it has none.
 * `JSON.parse` would round its amounts.
 */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0;
  let key: string | undefined;
  let inValue = false;
  let value = '';
  for (const token of tokens(json)) {
    if ((token === '}' && depth === 1) || (token === ',' && depth === 1)) {
      if (inValue && key === name) return value;
      inValue = false;
      value = '';
      key = undefined;
      if (token === '}') return undefined;
      continue;
    }
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
    if (depth === 1 && !inValue) {
      if (token === ':') inValue = true;
      else if (token.startsWith('"')) key = JSON.parse(token) as string;
    } else if (inValue) value += token;
  }
  return undefined;
}

/**
 * The JSON text over several lines, two spaces per level, every number and string as it was; laid out as bitcoin-cli
 * does, which closes even an empty bracket on a line of its own.
 */
export function indentJson(json: string): string {
  let out = '';
  let depth = 0;
  let previous = '';
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const token of tokens(json)) {
    if (token === '}' || token === ']') {
      depth--;
      out += line() + token;
    } else if (token === ',') out += ',';
    else if (token === ':') out += ': ';
    else {
      if (previous === '{' || previous === '[' || previous === ',') out += line();
      out += token;
      if (token === '{' || token === '[') depth++;
    }
    previous = token;
  }
  return out;
}
