import { BitmodelError, EXIT } from '../../base/index.js';
import { PPM, quoted } from '../graph/graph.js';

const PERCENT = /^(\d{1,3})(?:\.(\d{1,4}))?\s?%$/;

/**
 * Parts per million of a weight as people write it: `15%`, `0.0001%`, `150000ppm`.
 * @throws BitmodelError `BAD_WEIGHT` (exit 2) for anything else, or more than the whole
 */
export function parseWeight(text: string): number {
  const percent = PERCENT.exec(text);
  const millionths = /^(\d{1,7})\s?ppm$/.exec(text);
  const ppm = percent
    ? Number(percent[1]) * 10_000 + Number((percent[2] ?? '').padEnd(4, '0'))
    : Number(millionths?.[1] ?? Number.NaN);
  if (ppm <= PPM) return ppm;
  throw new BitmodelError('BAD_WEIGHT', `${quoted(text)} is not a weight from 0 % to 100 %.`, {
    next: 'Write it as 15%, with at most 4 decimals, or as 150000ppm',
    exitCode: EXIT.usage,
  });
}

/** A weight for people, exact: `15 %`, `5.0001 %`. */
export function formatWeight(ppm: number): string {
  const rest = (ppm % 10_000).toString().padStart(4, '0').replace(/0+$/, '');
  return `${Math.floor(ppm / 10_000)}${rest && `.${rest}`} %`;
}
