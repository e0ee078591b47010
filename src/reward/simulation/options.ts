import { BitmodelError, EXIT } from '../../base/index.js';

/** The error for a setting of a simulation that is out of bounds. */
export function settingError(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** @throws BitmodelError `BAD_OPTION` unless it is a whole number within these bounds */
export function assertWhole(value: number, least: number, most: number, what: string): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw settingError(`${what} can't be ${value}.`, `Pass a whole number from ${least} to ${most}`);
}
