import { Environment, Interpreter } from '@huggingface/jinja';

/** Names of a scope; the package's own types can't be followed from an ES module. */
export interface Scope {
  set(name: string, value: unknown): unknown;
}

/** What of an evaluated value is looked at here. */
interface RuntimeValue {
  readonly value: unknown;
}

/** The part of the package's interpreter that is built on: every statement and expression goes through `evaluate`. */
interface Evaluator {
  evaluate(statement: unknown, scope: Scope): RuntimeValue;
  run(program: unknown): RuntimeValue;
}

const PlainInterpreter = Interpreter as unknown as new (scope: Scope) => Evaluator;

/** A template asked for more work or room than any conversation needs. */
export class TemplateBoundError extends Error {}

/** Elements of a list, and numbers of a `range`. */
const MOST_ELEMENTS = 65_536;
/** Characters of a text, beyond four times what the conversation holds. */
const MOST_CHARACTERS = 1 << 20;
/** Steps of evaluation; a long conversation takes some ten thousand. */
const MOST_STEPS = 2_000_000;
/** Characters and elements that cost as much as one step. */
const CHARACTERS_PER_STEP = 256;
const ELEMENTS_PER_STEP = 16;

/**
 * Evaluates a template that a stranger wrote: each value that comes up is held against a bound, and all of them against a
 * budget, so that doubling a text or a list again and again ends as an error and not with the memory of the process.
 */
export class BoundedInterpreter extends PlainInterpreter {
  readonly #mostCharacters: number;
  #steps = 0;

  /** @param inputLength characters of the conversation */
  constructor(scope: Scope, inputLength: number) {
    super(scope);
    this.#mostCharacters = MOST_CHARACTERS + 4 * inputLength;
  }

  override evaluate(statement: unknown, scope: Scope): RuntimeValue {
    this.#spend(1);
    const result = super.evaluate(statement, scope);
    const { value } = result;
    if (typeof value === 'string') {
      if (value.length > this.#mostCharacters) throw tooMuch('text');
      this.#spend(value.length / CHARACTERS_PER_STEP);
    } else if (Array.isArray(value)) {
      if (value.length > MOST_ELEMENTS) throw tooMuch('list');
      this.#spend(value.length / ELEMENTS_PER_STEP);
    }
    return result;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MOST_STEPS) throw new TemplateBoundError('it takes too many steps');
  }
}

function tooMuch(what: string): TemplateBoundError {
  return new TemplateBoundError(`it makes a ${what} that is too long`);
}

/** Python's `range`, for as many numbers as a list may have. */
export function range(...bounds: readonly unknown[]): number[] {
  const numbers = bounds.filter((bound): bound is number => typeof bound === 'number');
  if (numbers.length === 0) throw new Error('range() expected at least 1 argument, got 0');
  const [start, stop, step] =
    numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1];
  if (step === 0) throw new Error('range() must not be zero');
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > MOST_ELEMENTS) throw tooMuch('list');
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** A template's world before the conversation comes into it, as the transformers library makes it. */
export function baseEnvironment(globals: Readonly<Record<string, unknown>>): Scope {
  const scope = new Environment() as unknown as Scope;
  const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
  for (const [name, value] of Object.entries({ ...constants, range, ...globals })) {
    scope.set(name, value);
  }
  return scope;
}
