import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { BitmodelError } from '../../base/index.js';
import type { FloatType, Weight } from './Checkpoint.js';
import { FLOAT_BYTES, toFloats, toHalves } from './numbers.js';
import { blocksOf, type Quantisation, quantiseRows, zeroBytesOf } from './quantise.js';

/** Numbers of some weights, one after the other, as another type; offsets are into the file of external data. */
export interface FloatFill {
  readonly kind: 'floats';
  readonly sources: readonly Weight[];
  readonly type: FloatType;
  readonly offset: number;
}

/** Matrices stacked row by row, in blocks. */
export interface BlockFill extends Quantisation {
  readonly kind: 'blocks';
  readonly sources: readonly Weight[];
  /** Weights of a row of the result: those that are summed over. */
  readonly columns: number;
  /** Whether the source's columns are the rows wanted (GPT-2's `Conv1D`). */
  readonly transposed: boolean;
  readonly block: number;
  /** Whether codes are numbers around zero, not from zero. */
  readonly signed: boolean;
  readonly codes: number;
  readonly scales: number;
  /** Without meaning where there are no zero points. */
  readonly zeros: number;
}

/** What goes into a part of the file of external data. */
export type Fill = FloatFill | BlockFill;

/** A part of a fill small enough to be held in memory: some rows of one of its sources. */
export interface Slice {
  readonly fill: Fill;
  readonly source: number;
  /** Row of this source, and of all of them together. */
  readonly from: number;
  readonly rows: number;
  readonly target: number;
}

/** Numbers of a slice. */
const SLICE = 1 << 21;

const sizeOf = ({ shape }: Weight): number =>
  shape.reduce((product, length) => product * length, 1);

/** Numbers of a fill's unit of work, and how many of them a source has. */
function rowsOf(fill: Fill, source: Weight): { width: number; rows: number } {
  const width = fill.kind === 'floats' ? 1 : fill.columns;
  return { width, rows: sizeOf(source) / width };
}

/** Cuts a fill into slices. A transposed matrix is one, however large: its rows lie scattered. */
export function* slicesOf(fill: Fill): Generator<Slice> {
  let target = 0;
  for (const [source, weight] of fill.sources.entries()) {
    const { width, rows } = rowsOf(fill, weight);
    const whole = fill.kind === 'blocks' && fill.transposed;
    const step = whole ? rows : Math.max(1, Math.floor(SLICE / width));
    for (let from = 0; from < rows; from += step) {
      const count = Math.min(step, rows - from);
      yield { fill, source, from, rows: count, target: target + from };
    }
    target += rows;
  }
}

/** Numbers that a slice makes. */
export const sliceSize = ({ fill, rows }: Slice): number =>
  fill.kind === 'floats' ? rows : rows * fill.columns;

/** Reads numbers of a weight. @throws BitmodelError `BAD_WEIGHTS`, `BAD_SAFETENSORS` */
export function readFloatsOf(weight: Weight, first: number, count: number): Float32Array {
  const size = FLOAT_BYTES[weight.dtype];
  const bytes = new Uint8Array(count * size);
  const file = openSync(weight.path, 'r');
  try {
    for (let at = 0; at < bytes.length; ) {
      const got = readSync(file, bytes, at, bytes.length - at, weight.offset + first * size + at);
      if (got === 0) {
        throw new BitmodelError(
          'BAD_SAFETENSORS',
          `${weight.path} became shorter as it was read.`,
          {
            next: 'Import again, without writing to the model meanwhile',
          },
        );
      }
      at += got;
    }
  } finally {
    closeSync(file);
  }
  return toFloats(bytes, weight.dtype, weight.name);
}

function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = values[row * columns + column]!;
    }
  }
  return out;
}

function write(file: number, data: ArrayBufferView, offset: number): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(file, bytes, at, bytes.length - at, offset + at);
  }
}

function writeFloats(file: number, fill: FloatFill, slice: Slice, values: Float32Array): void {
  const weight = fill.sources[slice.source]!;
  const offset = fill.offset + slice.target * FLOAT_BYTES[fill.type];
  if (fill.type === 'F32') write(file, values, offset);
  else if (fill.type === 'F16') write(file, toHalves(values, weight.name), offset);
  // only ever of numbers that were of that type
  else
    write(
      file,
      Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16),
      offset,
    );
}

function writeBlocks(file: number, fill: BlockFill, slice: Slice, values: Float32Array): void {
  const rows = fill.transposed ? transposed(values, values.length / fill.columns) : values;
  const made = quantiseRows(rows, fill.columns, fill);
  const blocks = slice.target * blocksOf(fill.columns, fill.block);
  if (fill.signed) for (let i = 0; i < made.codes.length; i++) made.codes[i]! ^= 0x80;
  write(file, made.codes, fill.codes + (blocks * fill.block * fill.bits) / 8);
  write(file, made.scales, fill.scales + 4 * blocks);
  if (made.zeroPoints) {
    write(file, made.zeroPoints, fill.zeros + slice.target * zeroBytesOf(fill.columns, fill.bits));
  }
}

/**
 * Computes one slice and writes it into its place.
 * @param file descriptor of the file of external data
 * @throws BitmodelError `BAD_WEIGHTS`, `BAD_SAFETENSORS`; the error of the file system
 */
export function runSlice(file: number, slice: Slice): void {
  const { fill } = slice;
  const { width } = rowsOf(fill, fill.sources[slice.source]!);
  const values = readFloatsOf(fill.sources[slice.source]!, slice.from * width, slice.rows * width);
  if (fill.kind === 'floats') writeFloats(file, fill, slice, values);
  else writeBlocks(file, fill, slice, values);
}
