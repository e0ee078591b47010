import { BitmodelError, EXIT } from '../../base/index.js';

/** Says that an option has no such value. */
function bad(option: string, text: string, wanted: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', `${option} can't be "${text.slice(0, 40)}".`, {
    next: `Pass ${wanted}`,
    exitCode: EXIT.usage,
  });
}

/** Largest whole number that is taken where nothing else bounds it. */
const MOST = 999_999_999;

/**
 * A whole number within bounds.
 * @param option as it is written, such as `--top-k`
 * @throws BitmodelError `BAD_OPTION`
 */
export function wholeOption(text: string, option: string, least: number, most = MOST): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value;
  const range = most === MOST ? `from ${least} up` : `from ${least} to ${most}`;
  throw bad(option, text, `a whole number ${range}`);
}

/** A number within bounds, with decimals. @throws BitmodelError `BAD_OPTION` */
export function numberOption(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d{1,10}(\.\d{1,9})?$/.test(text) && value >= least && value <= most) return value;
  throw bad(option, text, `a number from ${least} to ${most}`);
}

/**
 * Thousandths of a decimal number with at most three places: jobs carry no fractions.
 * @throws BitmodelError `BAD_OPTION`
 */
export function thousandthsOption(text: string, option: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Math.round(Number(text) * 1000);
  throw bad(option, text, 'a number from 0 up with at most three decimal places');
}

/** Base units per byte of a `--fee-rate`. @throws BitmodelError `BAD_OPTION` */
export function feeRateOption(text: string): bigint {
  if (/^[1-9]\d{0,8}$/.test(text)) return BigInt(text);
  throw bad('--fee-rate', text, 'whole base units per byte, from 1');
}

/** More threads than any machine has use for; each takes memory whether it is used or not. */
const MOST_THREADS = 256;

/** A whole number of threads. @throws BitmodelError `BAD_OPTION` */
export function parseThreads(text: string, _before?: unknown, option = '--threads'): number {
  return wholeOption(text, option, 1, MOST_THREADS);
}
