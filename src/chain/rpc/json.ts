import { BitmodelError, formatAmount } from '../../base/index.js';

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

/** JSON text of a value in which {@link JsonAmount} may stand anywhere. */
export function encodeJson(value: unknown): string {
  if (value instanceof JsonAmount) return formatAmount(value.units);
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => `${JSON.stringify(name)}:${encodeJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;

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

/** The JSON text over several lines, two spaces per level, every number and string as it was. */
export function indentJson(json: string): string {
  let out = '';
  let depth = 0;
  let previous = '';
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const token of tokens(json)) {
    const opens = previous === '{' || previous === '[';
    if (token === '}' || token === ']') {
      depth--;
      out += opens ? token : line() + token;
    } else if (token === ',') out += ',';
    else if (token === ':') out += ': ';
    else {
      if (opens || previous === ',') out += line();
      out += token;
      if (token === '{' || token === '[') depth++;
    }
    previous = token;
  }
  return out;
}
