/** Weights that share one scale, as in ONNX Runtime's own tools. */
export const BLOCK = 32;
/** Bits of a quantised weight. */
export type Bits = 4 | 8;

/** Rows of a matrix in blocks, as `MatMulNBits` takes them. */
export interface QuantisedRows {
  /** Rows × blocks × bytes of a block; of two codes of 4 bits in a byte the earlier is the lower. */
  readonly codes: Uint8Array;
  /** Rows × blocks. */
  readonly scales: Float32Array;
  /** Codes that stand for zero, each row filled up to whole bytes; none where it is the middle code. */
  readonly zeroPoints: Uint8Array | undefined;
  /** Sum of the squares of all differences from the weights. */
  readonly squaredError: number;
}

/** How a matrix is quantised. */
export interface Quantisation {
  readonly bits: Bits;
  /** Whether each block has its own zero point, and so takes its range from its least to its greatest weight. */
  readonly zeroPoints: boolean;
}

/** Blocks of a row of so many weights. */
export const blocksOf = (columns: number): number => Math.ceil(columns / BLOCK);
/** Bytes of one row's zero points. */
export const zeroBytesOf = (columns: number, bits: Bits): number =>
  Math.ceil((blocksOf(columns) * bits) / 8);

/**
 * Widths tried of a block's steps, as shares of that which just covers the farthest weight. A narrower step cuts that one
 * off and is finer for all others.
 */
const WIDTHS_4 = [1, 0.95, 0.9, 0.86, 1.06];
const WIDTHS_8 = [1];

/** One block under way: its weights, its codes, and what the best of them came to. */
class Block {
  readonly codes = new Uint8Array(BLOCK);
  scale = 0;
  zero = 0;
  error = 0;
  readonly #values: Float32Array;
  readonly #trial = new Uint8Array(BLOCK);
  readonly #top: number;
  readonly #middle: number;
  readonly #widths: readonly number[];
  readonly #hasZero: boolean;

  constructor(values: Float32Array, { bits, zeroPoints }: Quantisation) {
    this.#values = values;
    this.#top = 2 ** bits - 1;
    this.#middle = 2 ** (bits - 1);
    this.#widths = bits === 4 ? WIDTHS_4 : WIDTHS_8;
    this.#hasZero = zeroPoints;
  }

  /** @param start first weight @param count weights of the block, the rest being filled with zero */
  take(start: number, count: number): void {
    let least = 0;
    let greatest = 0;
    for (let i = start; i < start + count; i++) {
      const value = this.#values[i]!;
      if (value < least) least = value;
      else if (value > greatest) greatest = value;
    }
    this.error = Infinity;
    this.#keep(0, this.#middle, 0, start, count);
    if (least === 0 && greatest === 0) return;
    for (const width of this.#widths) {
      if (this.#hasZero) {
        const step = ((greatest - least) / this.#top) * width;
        const middle = (greatest + least) / 2 / step;
        const zero = Math.min(this.#top, Math.max(0, Math.round(this.#top / 2 - middle)));
        this.#try(1 / step, zero, start, count);
      } else {
        // the farthest from zero gets the lowest code, of which there is one more than above zero
        const farthest = greatest > -least ? greatest : least;
        this.#try(-this.#middle / (farthest * width), this.#middle, start, count);
      }
    }
  }

  /** Rounds to codes, fits the scale to them by least squares, and keeps both if they are the best yet. */
  #try(inverse: number, zero: number, start: number, count: number): void {
    const values = this.#values;
    const codes = this.#trial;
    const top = this.#top;
    let product = 0;
    let square = 0;
    for (let i = 0; i < count; i++) {
      const value = values[start + i]!;
      const code = Math.min(top, Math.max(0, Math.floor(value * inverse + zero + 0.5)));
      codes[i] = code;
      product += value * (code - zero);
      square += (code - zero) * (code - zero);
    }
    if (square > 0) this.#keep(Math.fround(product / square), zero, undefined, start, count);
  }

  #keep(scale: number, zero: number, fill: number | undefined, start: number, count: number): void {
    let error = 0;
    for (let i = 0; i < count; i++) {
      const code = fill === undefined ? this.#trial[i]! : zero;
      const difference = this.#values[start + i]! - scale * (code - zero);
      error += difference * difference;
    }
    if (error >= this.error) return;
    this.error = error;
    this.scale = scale;
    this.zero = zero;
    this.codes.fill(zero);
    if (fill === undefined) for (let i = 0; i < count; i++) this.codes[i] = this.#trial[i]!;
  }
}

/**
 * Quantises each row of a matrix in blocks of {@link BLOCK} along the row, choosing steps and scales by the squared error.
 * @param values rows × columns
 */
export function quantiseRows(
  values: Float32Array,
  columns: number,
  how: Quantisation,
): QuantisedRows {
  const { bits } = how;
  const rows = values.length / columns;
  const blocks = blocksOf(columns);
  const blockBytes = (BLOCK * bits) / 8;
  const codes = new Uint8Array(rows * blocks * blockBytes);
  const scales = new Float32Array(rows * blocks);
  const zeroBytes = zeroBytesOf(columns, bits);
  const zeroPoints = how.zeroPoints ? new Uint8Array(rows * zeroBytes) : undefined;
  const block = new Block(values, how);
  let squaredError = 0;
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      block.take(row * columns + b * BLOCK, Math.min(BLOCK, columns - b * BLOCK));
      squaredError += block.error;
      const at = row * blocks + b;
      scales[at] = block.scale;
      put(codes, at * blockBytes, block.codes, bits);
      if (zeroPoints) {
        const place = row * zeroBytes + ((b * bits) >> 3);
        zeroPoints[place]! |= bits === 8 || b % 2 === 0 ? block.zero : block.zero << 4;
      }
    }
  }
  return { codes, scales, zeroPoints, squaredError };
}

function put(into: Uint8Array, start: number, codes: Uint8Array, bits: Bits): void {
  if (bits === 8) into.set(codes, start);
  else for (let i = 0; i < BLOCK; i += 2) into[start + i / 2] = codes[i]! | (codes[i + 1]! << 4);
}

/** The numbers that quantised rows stand for: what `MatMulNBits` multiplies by. */
export function dequantiseRows(
  { codes, scales, zeroPoints }: Omit<QuantisedRows, 'squaredError'>,
  columns: number,
  bits: Bits,
): Float32Array {
  const blocks = blocksOf(columns);
  const rows = scales.length / blocks;
  const zeroBytes = zeroBytesOf(columns, bits);
  const values = new Float32Array(rows * columns);
  const codeAt = (bytes: Uint8Array, start: number, i: number): number =>
    bits === 8 ? bytes[start + i]! : (bytes[start + (i >> 1)]! >> (4 * (i % 2))) & 15;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const b = Math.floor(column / BLOCK);
      const code = codeAt(codes, row * blocks * BLOCK * (bits / 8), column);
      const zero = zeroPoints ? codeAt(zeroPoints, row * zeroBytes, b) : 2 ** (bits - 1);
      values[row * columns + column] = scales[row * blocks + b]! * (code - zero);
    }
  }
  return values;
}
