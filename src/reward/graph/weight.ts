import { graphError, PPM, quoted } from './graph.js';

/** Longest text that is looked at as a number. */
const MAXIMUM_DIGITS = 80;
const DECIMAL = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Why a text is no weight, as the end of a sentence. */
type Fault =
  | 'is not a number'
  | 'is negative'
  | 'is above one'
  | 'is finer than one part per million';

/** A decimal number times a power of ten, exactly: no float is made of its digits. */
function scaled(text: string, power: number): number | Fault {
  if (/^-/.test(text)) return DECIMAL.test(text.slice(1)) ? 'is negative' : 'is not a number';
  const parts = text.length > MAXIMUM_DIGITS ? null : DECIMAL.exec(text);
  const [whole = '', fraction = ''] = parts?.slice(1) ?? [];
  if (whole === '' && fraction === '') return 'is not a number';
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return 0;
  const zeros = Number(parts![3] ?? 0) + power - fraction.length + digits.length - kept.length;
  if (kept.length + zeros > 7) return 'is above one';
  if (zeros < 0) return 'is finer than one part per million';
  const ppm = Number(kept + '0'.repeat(zeros));
  return ppm > PPM ? 'is above one' : ppm;
}

function weightError(
  text: string,
  fault: Fault,
  child: string,
  parent: string,
  where: string | undefined,
): Error {
  return graphError(
    `The weight ${quoted(text)} that ${quoted(child)} gives ${quoted(parent)}${where ? ` ${where}` : ''} ${fault}: it must be a whole number of parts per million from 0 to ${PPM}.`,
    'Write 15 % as 150000 parts per million, or where weights are fractions as 0.15 or 15%',
  );
}

/** A weight that is written as one to six digits, as nearly all are, in parts per million; undefined for any other text. */
export function plainPpm(text: string): number | undefined {
  const { length } = text;
  if (length === 0 || length > 6) return undefined;
  let ppm = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    ppm = ppm * 10 + digit;
  }
  return ppm;
}

/**
 * A weight in parts per million, as graphs write it: `150000`.
 * @param child who gives it, for the error
 * @param where the place in the input, such as `in line 7`
 * @throws BitmodelError `BAD_GRAPH` that says what is wrong with it
 */
export function readPpm(text: string, child: string, parent: string, where?: string): number {
  const ppm = plainPpm(text) ?? scaled(text, 0);
  if (typeof ppm === 'number') return ppm;
  throw weightError(text, ppm, child, parent, where);
}

/**
 * A weight as people and other programs write it, read exactly: the fraction `0.15`, `15%` or `150000ppm`.
 * @param child who gives it, for the error
 * @param where the place in the input, such as `in line 7`
 * @throws BitmodelError `BAD_GRAPH` that says what is wrong with it
 */
export function readFraction(text: string, child: string, parent: string, where?: string): number {
  const [, number, unit] = /^\s*(.*?)\s*(%|ppm)?\s*$/s.exec(text.slice(0, MAXIMUM_DIGITS + 1))!;
  const ppm = scaled(number!, unit === undefined ? 6 : unit === '%' ? 4 : 0);
  if (typeof ppm === 'number') return ppm;
  throw weightError(text, ppm, child, parent, where);
}
