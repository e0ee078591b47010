import { reflow } from './help-width.js';

const WIDTH = 80;
const INDENT = '  ';

/** A word in pieces that fit a line: a script in hex may be longer than one. */
function pieces(word: string): string[] {
  const most = WIDTH - INDENT.length;
  const count = Math.max(1, Math.ceil(word.length / most));
  return Array.from({ length: count }, (_, at) => word.slice(at * most, (at + 1) * most));
}

/** A text in lines of at most 80 columns, each with an indent. */
export function wrapped(text: string, indent = INDENT): string[] {
  return reflow(text.split(' ').flatMap(pieces), WIDTH, indent);
}

/**
 * Names and what they stand for, `label  value` a line, in 80 columns; what is undefined is left out. What does not fit
 * beside its label, as ids may not, stands below it, so that it can be copied whole.
 */
export function factLines(facts: Readonly<Record<string, unknown>>): string[] {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  const column = Math.max(0, ...known.map(([label]) => label.length)) + 2;
  return known.flatMap(([label, value]) => {
    const text = String(value);
    if (column + text.length <= WIDTH) return [label.padEnd(column) + text];
    return [label, ...wrapped(text)];
  });
}
