import { BitmodelError, EXIT } from '../../base/index.js';
import type { Settings } from './settings.js';
import { idOf } from './source-view.js';

/** Whole units of a token. @param what names them in the error @throws BitmodelError `BAD_UNITS` */
export function unitsOf(text: string, what: string): bigint {
  if (/^[1-9]\d{0,18}$/.test(text)) return BigInt(text);
  throw new BitmodelError('BAD_UNITS', `${what} can't be "${text.slice(0, 40)}".`, {
    next: 'Give a whole number of units from 1 up',
    exitCode: EXIT.usage,
  });
}

/**
 * The id of an offering or of its model: 64 hexadecimal digits, or the name or folder of a model on this machine.
 * @throws BitmodelError `UNKNOWN_MODEL` (exit 3)
 */
export function offeringId(text: string, settings: Settings): string {
  return idOf(text, settings);
}
