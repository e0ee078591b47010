import { BitmodelError, EXIT } from '../../base/index.js';
import { fromText, takes } from './arguments.js';
import { type MethodHelp, type ParamHelp, type ParamType, paramTypes } from './method.js';

/** The types of a parameter that nothing is known of. */
const UNKNOWN: readonly ParamType[] = ['any'];

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_ARGUMENT', message, { next, exitCode: EXIT.usage });
}

function readText(text: string, types: readonly ParamType[], method: string): unknown {
  // a fraction is an amount wherever amounts are taken
  if (types.includes('amount')) return text;
  const value = fromText(text, types);
  if (takes(types, value)) return value;
  const next = `See what it takes: bitmodel rpc help ${method}`;
  throw usage(`Error parsing JSON: ${text.slice(0, 80)}`, next);
}

/** Named arguments out of `NAME=VALUE` texts; what has no name is kept in its order, as `args`. */
function namedArguments(
  method: string,
  params: readonly ParamHelp[],
  texts: readonly string[],
): Record<string, unknown> {
  const positional: unknown[] = [];
  const named = texts.flatMap((text): [string, unknown][] => {
    const match = /^(\w+)=(.*)$/s.exec(text);
    const [, name = '', rest = ''] = match ?? [];
    const param = params.find((each) => each.name === name || each.aliases?.includes(name));
    if (match) return [[name, readText(rest, param ? paramTypes(param) : UNKNOWN, method)]];
    const next = params[positional.length];
    positional.push(readText(text, next ? paramTypes(next) : UNKNOWN, method));
    return [];
  });
  const names = new Set(named.map(([name]) => name));
  if (names.size < named.length) {
    throw usage('An argument is named twice.', `See what it takes: bitmodel rpc help ${method}`);
  }
  return { ...(positional.length > 0 ? { args: positional } : {}), ...Object.fromEntries(named) };
}

/**
 * The arguments of a call out of what was typed in a shell: numbers, true, false, null, objects and arrays where the
 * method takes them, text where it takes text. Amounts keep every digit.
 * @param help what the method takes; undefined when that is not known: what looks like JSON is JSON then
 * @param isNamed texts are `NAME=VALUE`, as with `litecoin-cli -named`
 * @throws BitmodelError `BAD_ARGUMENT`
 */
export function argumentsFromText(
  method: string,
  help: Pick<MethodHelp, 'params'> | undefined,
  texts: readonly string[],
  isNamed = false,
): unknown[] | Record<string, unknown> {
  const params = help?.params ?? [];
  if (isNamed) return namedArguments(method, params, texts);
  return texts.map((text, index) => {
    const param = params[index];
    return readText(text, param ? paramTypes(param) : UNKNOWN, method);
  });
}
