/** What kinds of JSON value a parameter takes. `amount`: a decimal number or text of coins; it stays exact. */
export type ParamType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'amount' | 'any';

/** One parameter of a method. */
export interface ParamHelp {
  /** Its name, for named arguments as in Bitcoin Core. */
  readonly name: string;
  /** Other names that it may be called by. */
  readonly aliases?: readonly string[];
  readonly type: ParamType | readonly ParamType[];
  /** Amounts stand somewhere in it: its fractions keep every digit, as `JsonNumber`. */
  readonly exact?: boolean;
  /** One sentence. */
  readonly about: string;
  readonly optional?: boolean;
  /** What stands when it is absent; a parameter with a default is optional. */
  readonly default?: string;
}

/** What a method does, takes and answers: the server checks calls against it, `help` and docs/rpc.md show it. */
export interface MethodHelp {
  readonly group: string;
  readonly summary: string;
  readonly params: readonly ParamHelp[];
  /** What it answers. */
  readonly result: string;
  /** Numbers of its errors, beside those that every method has, and when they come. */
  readonly errors?: readonly (readonly [code: number, when: string])[];
  /** Arguments of a call that shows its use, as they are typed in a shell. */
  readonly example?: string;
}

const SHOWN: Readonly<Record<ParamType, string>> = {
  string: 'string',
  number: 'numeric',
  boolean: 'boolean',
  object: 'json object',
  array: 'json array',
  amount: 'numeric or string',
  any: 'json',
};

/** A group whose methods Bitcoin Core doesn't have. */
export const OWN_GROUP = 'Bitmodel';

/** All types that a parameter may have. */
export function paramTypes(param: ParamHelp): readonly ParamType[] {
  return typeof param.type === 'string' ? [param.type] : param.type;
}

/** Whether a parameter may be left out. */
export function isOptional(param: ParamHelp): boolean {
  return param.optional === true || param.default !== undefined;
}

/** How many of the parameters must be given: up to the last one that is not optional. */
export function requiredCount(params: readonly ParamHelp[]): number {
  return params.findLastIndex((param) => !isOptional(param)) + 1;
}

function shownName(param: ParamHelp): string {
  const [type] = paramTypes(param);
  if (type === 'string') return `"${param.name}"`;
  if (type === 'array') return `[${param.name}]`;
  return type === 'object' ? `{${param.name}}` : param.name;
}

/** The one line of a method: its name, what it takes, and in brackets what may be left out. */
export function usageLine(name: string, { params }: MethodHelp): string {
  const required = requiredCount(params);
  const needed = params.slice(0, required).map(shownName);
  const optional = params.slice(required).map(shownName);
  return [name, ...needed, ...(optional.length === 0 ? [] : ['(', ...optional, ')'])].join(' ');
}

/** What a parameter takes and whether it must be given, in Bitcoin Core's words. */
export function paramKind(param: ParamHelp): string {
  const types = paramTypes(param).map((type) => SHOWN[type]);
  const need = !isOptional(param)
    ? 'required'
    : param.default === undefined
      ? 'optional'
      : `optional, default=${param.default}`;
  return `${types.join(' or ')}, ${need}`;
}

/** The text of `help METHOD`, laid out as Bitcoin Core's. */
export function helpText(name: string, help: MethodHelp): string {
  const { summary, params, result, errors = [], example } = help;
  const width = Math.max(0, ...params.map((param) => param.name.length));
  const parts = [usageLine(name, help), summary];
  if (params.length > 0) {
    const lines = params.map(
      (param, index) =>
        `${index + 1}. ${param.name.padEnd(width)}    (${paramKind(param)}) ${param.about}`,
    );
    parts.push(`Arguments:\n${lines.join('\n')}`);
  }
  parts.push(`Result:\n${result}`);
  if (errors.length > 0) {
    parts.push(`Errors:\n${errors.map(([code, when]) => `${code}    ${when}`).join('\n')}`);
  }
  parts.push(`Examples:\n> bitmodel rpc ${[name, example].filter(Boolean).join(' ')}`);
  return `${parts.join('\n\n')}\n`;
}
