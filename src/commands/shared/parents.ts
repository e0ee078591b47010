import { BitmodelError, EXIT } from '../../base/index.js';
import type { Parent } from '../../model/index.js';
import { parseWeight } from '../../reward/index.js';

/**
 * The part that goes to a parent, in parts per million: `15%` or `150000ppm`. A bare number might mean either, so that none
 * but 0 is taken.
 * @throws BitmodelError `BAD_WEIGHT` (exit 2)
 */
export function parsePart(text: string): number {
  if (/^0+$/.test(text)) return 0;
  if (!/^\d+$/.test(text)) return parseWeight(text);
  const shown = text.slice(0, 20);
  throw new BitmodelError('BAD_WEIGHT', `The weight "${shown}" does not say of what it is.`, {
    next:
      Number(text) <= 100
        ? `Write ${shown}% or ${shown}ppm (parts per million)`
        : `Write ${shown}ppm (parts per million), or a percentage, as 15%`,
    exitCode: EXIT.usage,
  });
}

/**
 * A model that another was built on, and what goes to it: `ID=15%` or `ID=150000ppm`.
 * @throws BitmodelError `BAD_PARENT`, `BAD_WEIGHT` (exit 2)
 */
export function parseParent(text: string): Parent {
  const [, id, weight] = /^([0-9a-f]{64})=(.+)$/i.exec(text) ?? [];
  if (id === undefined || weight === undefined) {
    throw new BitmodelError('BAD_PARENT', `"${text.slice(0, 100)}" names no parent and weight.`, {
      next: 'Write a parent as its 64-digit id, "=", and its weight: --parent ID=15%',
      exitCode: EXIT.usage,
    });
  }
  return { id: id.toLowerCase(), ppm: parsePart(weight) };
}
