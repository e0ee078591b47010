import { z } from 'zod';
import { BitmodelError, EXIT, oneLine } from '../../base/index.js';
import type { Metric } from './metric.js';
import { MAXIMUM_TEST_SET } from './pins.js';

/** Most items of a test set. */
export const MAXIMUM_ITEMS = 2_000;
/** Longest prompt or text of an item, in characters. */
const MAXIMUM_TEXT = 32_000;
/** Longest answer to a question, in characters. */
const MAXIMUM_ANSWER = 2_000;

/** A question, and the only answer that counts. */
export interface Question {
  readonly prompt: string;
  readonly answer: string;
}

/** A text whose words the model is to foretell; what stands before it is given. */
export interface Passage {
  readonly prompt?: string | undefined;
  readonly text: string;
}

/** What a model is measured by: passages for `perplexity`, questions for `exact-match`. */
export type TestSet =
  | { readonly kind: 'perplexity'; readonly items: readonly Passage[] }
  | { readonly kind: 'exact-match'; readonly items: readonly Question[] };

const prompt = z.string().min(1).max(MAXIMUM_TEXT);
const filled = (most: number) => z.string().max(most).regex(/\S/);
const passage = z.strictObject({ prompt: prompt.optional(), text: filled(MAXIMUM_TEXT) });
const question = z.strictObject({ prompt, answer: filled(MAXIMUM_ANSWER) });

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_TEST_SET', `This is no test set: ${why}.`, {
    next: 'Write one JSON object a line: {"prompt", "answer"} for exact-match, {"text"} for perplexity',
    exitCode: EXIT.usage,
  });
}

function jsonLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw bad(`line ${number} is no JSON`);
  }
}

/** What is wrong with an item, as the end of a sentence about its line. */
function faultOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return `has a field ${JSON.stringify(oneLine(issue.keys[0]!).slice(0, 40))} that means nothing here`;
  }
  const [field] = issue.path;
  return field === undefined
    ? 'is no JSON object'
    : `lacks a text "${String(field)}", or has an empty or too long one`;
}

function items<T>(text: string, schema: z.ZodType<T>): T[] {
  const lines = text.split('\n');
  const found: T[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (found.length === MAXIMUM_ITEMS) throw bad(`it has more than ${MAXIMUM_ITEMS} items`);
    const { data, error } = schema.safeParse(jsonLine(line, index + 1));
    if (!data) throw bad(`line ${index + 1} ${faultOf(error!.issues[0]!)}`);
    found.push(data);
  }
  if (found.length === 0) throw bad('it has no items');
  return found;
}

/**
 * Reads a test set: JSON lines, `{"prompt", "answer"}` each for `exact-match`, `{"text"}` or `{"prompt", "text"}` for
 * `perplexity`; empty lines are skipped.
 * @throws BitmodelError `BAD_TEST_SET`
 */
export function parseTestSet(text: string, { kind }: Pick<Metric, 'kind'>): TestSet {
  if (Buffer.byteLength(text) > MAXIMUM_TEST_SET) {
    throw bad(`it has more than ${MAXIMUM_TEST_SET} bytes`);
  }
  return kind === 'perplexity'
    ? { kind, items: items(text, passage) }
    : { kind, items: items(text, question) };
}
