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
  /** Weights that share one scale. */
  readonly block?: number;
}

/** Blocks of a row of so many weights. */
export const blocksOf = (columns: number, block = BLOCK): number => Math.ceil(columns / block);
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
  readonly codes: Uint8Array;
  scale = 0;
  zero = 0;
  error = 0;
  readonly #values: Float32Array;
  readonly #trial: Uint8Array;
  readonly #top: number;
  readonly #middle: number;
  readonly #widths: readonly number[];
  readonly #hasZero: boolean;

  constructor(values: Float32Array, { bits, zeroPoints, block = BLOCK }: Quantisation) {
    this.#values = values;
    this.codes = new Uint8Array(block);
    this.#trial = new Uint8Array(block);
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
    this.scale = 0;
    this.zero = this.#middle;
    this.codes.fill(this.#middle);
    this.error = 0;
    for (let i = start; i < start + count; i++) this.error += this.#values[i]! * this.#values[i]!;
    const squares = this.error;
    if (squares === 0) return;
    for (const width of this.#widths) {
      if (this.#hasZero) {
        const step = ((greatest - least) / this.#top) * width;
        const centre = Math.round(this.#top / 2 - (greatest + least) / 2 / step);
        const zero = Math.min(this.#top, Math.max(0, centre));
        this.#try(1 / step, zero, start, count, squares);
      } else {
        // the farthest from zero gets the lowest code, of which there is one more than above zero
        const farthest = greatest > -least ? greatest : least;
        this.#try(-this.#middle / (farthest * width), this.#middle, start, count, squares);
      }
    }
  }

  /**
   * Rounds to codes, fits the scale to them by least squares, and keeps both if they are the best yet.
   * @param squares sum of the weights' squares
   */
  #try(inverse: number, zero: number, start: number, count: number, squares: number): void {
    const values = this.#values;
    const codes = this.#trial;
    const top = this.#top;
    let product = 0;
    let square = 0;
    for (let i = 0; i < count; i++) {
      const value = values[start + i]!;
      const nearest = (value * inverse + zero + 0.5) | 0;
      const code = nearest < 0 ? 0 : nearest > top ? top : nearest;
      codes[i] = code;
      const level = code - zero;
      product += value * level;
      square += level * level;
    }
    if (square === 0) return;
    // what is left of the squares when the weights are laid along the codes
    const error = squares - (product * product) / square;
    // not the other way round: where steps are too small for a number it is none
    if (!(error < this.error)) return;
    this.error = Math.max(0, error);
    this.scale = product / square;
    this.zero = zero;
    this.codes.set(codes);
    // a last block is filled up with zeros
    for (let i = count; i < codes.length; i++) this.codes[i] = zero;
  }
}

/**
 * Quantises each row of a matrix in blocks along the row, choosing steps and scales by the squared error.
 * @param values rows × columns
 */
export function quantiseRows(
  values: Float32Array,
  columns: number,
  how: Quantisation,
): QuantisedRows {
  const { bits, block: size = BLOCK } = how;
  const rows = values.length / columns;
  const blocks = blocksOf(columns, size);
  const blockBytes = (size * bits) / 8;
  const codes = new Uint8Array(rows * blocks * blockBytes);
  const scales = new Float32Array(rows * blocks);
  const zeroBytes = zeroBytesOf(columns, bits);
  const zeroPoints = how.zeroPoints ? new Uint8Array(rows * zeroBytes) : undefined;
  const block = new Block(values, how);
  let squaredError = 0;
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      block.take(row * columns + b * size, Math.min(size, columns - b * size));
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
