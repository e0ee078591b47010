import { BitmodelError, EXIT } from '../../base/index.js';
import type { Parent } from '../../model/index.js';
import { parseWeight } from '../../reward/index.js';

/**
 * A model that another was built on, and what goes to it: `ID=15%`, `ID=150000ppm`, or the bare number of parts per million.
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
  return { id: id.toLowerCase(), ppm: parseWeight(/^\d+$/.test(weight) ? `${weight}ppm` : weight) };
}
