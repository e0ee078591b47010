import { JsonNumber, parseJson, plainJson } from '../wire/parseJson.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import {
  helpText,
  isOptional,
  type MethodHelp,
  OWN_GROUP,
  type ParamHelp,
  type ParamType,
  paramTypes,
  requiredCount,
} from './method.js';

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

/** A JSON value's type by Bitcoin Core's name. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof JsonNumber) return 'number';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const ACCEPTED: Readonly<Record<ParamType, readonly string[]>> = {
  string: ['string'],
  number: ['number'],
  boolean: ['bool'],
  object: ['object'],
  array: ['array'],
  amount: ['number', 'string'],
  any: ['bool', 'number', 'string', 'array', 'object'],
};

/** Named arguments in the places of the positional ones; `args` holds positional ones to begin with. */
function placeNamed(
  named: Readonly<Record<string, unknown>>,
  params: readonly ParamHelp[],
): unknown[] {
  const { args, ...rest } = named;
  if (args !== undefined && !Array.isArray(args)) {
    throw new RpcError(RPC_CODE.invalidParameter, 'Parameter args must be an array');
  }
  const values: unknown[] = [...((args as unknown[] | undefined) ?? [])];
  for (const [name, value] of Object.entries(rest)) {
    const index = params.findIndex((param) => param.name === name || param.aliases?.includes(name));
    if (index < 0) throw new RpcError(RPC_CODE.invalidParameter, `Unknown named parameter ${name}`);
    if (index < (args?.length ?? 0)) {
      const twice = `Parameter ${name} specified twice both as positional and named argument`;
      throw new RpcError(RPC_CODE.invalidParameter, twice);
    }
    if (values[index] !== undefined) {
      const message = `Parameter ${name} specified multiple times`;
      throw new RpcError(RPC_CODE.invalidParameter, message);
    }
    values[index] = value;
  }
  return Array.from(values, (value) => value ?? null);
}

/** Whether a parameter of these types takes a value. */
export function takes(types: readonly ParamType[], value: unknown): boolean {
  return types.some((type) => ACCEPTED[type].includes(jsonType(value)));
}

/**
 * The JSON value that a text shows where a parameter takes such a value; else the text. Fractions stay text where text
 * is taken, and a text in quotes loses them where something else is taken, too.
 */
export function fromText(text: string, types: readonly ParamType[]): unknown {
  if (types.every((type) => type === 'string')) return text;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return text;
  }
  const isKept = value instanceof JsonNumber && takes(types, text);
  return takes(types, value) && !isKept ? value : text;
}

function checkTypes(values: readonly unknown[], params: readonly ParamHelp[]): void {
  const wrong = params.flatMap((param, index) => {
    const value = values[index];
    if (isAbsent(value) && isOptional(param)) return [];
    const types = paramTypes(param);
    if (takes(types, value)) return [];
    const given = jsonType(value);
    const wanted = types.flatMap((type) => ACCEPTED[type]);
    const why = `JSON value of type ${given} is not of expected type ${wanted.join(' or ')}`;
    return [`    "Position ${index + 1} (${param.name})": "${why}"`];
  });
  if (wrong.length > 0) {
    throw new RpcError(RPC_CODE.type, `Wrong type passed:\n{\n${wrong.join(',\n')}\n}`);
  }
}

/**
 * The positional values that a method is called with, checked against its help. Amounts come as `JsonNumber` or text,
 * other numbers as doubles.
 * @throws RpcError as Bitcoin Core: -1 with the help for a wrong number of arguments, -3 for a wrong type, -8 for a
 *   name that no argument has
 */
export function bindArguments(
  method: string,
  help: MethodHelp | undefined,
  given: readonly unknown[] | Readonly<Record<string, unknown>>,
): unknown[] {
  if (!help) {
    if (Array.isArray(given)) return given.map(plainJson);
    throw new RpcError(RPC_CODE.invalidParameter, `${method} takes no named arguments`);
  }
  const { params } = help;
  const values = Array.isArray(given)
    ? [...given]
    : placeNamed(given as Readonly<Record<string, unknown>>, params);
  if (values.length > params.length || values.length < requiredCount(params)) {
    throw new RpcError(RPC_CODE.misc, helpText(method, help));
  }
  const bound = values.map((value, index) => {
    const param = params[index]!;
    const types = paramTypes(param);
    // clients of Bitcoin's family send texts to methods that they don't know
    const isUntold = help.group === OWN_GROUP && typeof value === 'string';
    const read = isUntold ? fromText(value, types) : value;
    return param.exact || types.includes('amount') ? read : plainJson(read);
  });
  checkTypes(bound, params);
  return bound;
}
