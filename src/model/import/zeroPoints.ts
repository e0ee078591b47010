import type { Weight } from './Checkpoint.js';
import { readFloatsOf } from './fill.js';
import { quantiseRows } from './quantise.js';

/** Numbers of a matrix that are tried. */
const SAMPLE = 1 << 16;
/** Share of the squared error that zero points must take away to be worth their memory, an eighth of a bit a weight. */
const WORTH = 0.1;

/**
 * Whether a matrix in 4 bits is clearly better off with a zero point for each block: tried on rows spread evenly over it.
 * @param columns what is summed over
 * @throws BitmodelError `BAD_WEIGHTS`, `BAD_SAFETENSORS`
 */
export function wantsZeroPoints(
  sources: readonly Weight[],
  columns: number,
  transposed: boolean,
): boolean {
  let plain = 0;
  let shifted = 0;
  for (const source of sources) {
    // columns of a transposed matrix lie scattered; its rows have the same spread of numbers
    const width = transposed ? source.shape[1]! : columns;
    const rows = source.shape.reduce((product, length) => product * length, 1) / width;
    const wanted = Math.min(rows, Math.max(1, Math.floor(SAMPLE / sources.length / width)));
    for (let i = 0; i < wanted; i++) {
      const row = Math.floor(((i + 0.5) * rows) / wanted);
      const values = readFloatsOf(source, row * width, width);
      plain += quantiseRows(values, width, { bits: 4, zeroPoints: false }).squaredError;
      shifted += quantiseRows(values, width, { bits: 4, zeroPoints: true }).squaredError;
    }
  }
  return shifted < (1 - WORTH) * plain;
}
