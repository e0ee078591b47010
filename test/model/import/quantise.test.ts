import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  type Bits,
  BLOCK,
  blocksOf,
  quantiseRows,
  zeroBytesOf,
} from '#src/model/import/quantise.js';
import { makeModel, makeNode, writeOnnx } from '#src/model/onnx/graph.js';
import { ELEMENT, writeTensor } from '#src/model/onnx/tensor.js';
import { cases } from '../../long.js';

type Rows = ReturnType<typeof quantiseRows>;

/** The numbers that quantised rows stand for, by the words of `MatMulNBits` in ONNX Runtime's ContribOperators.md. */
function meant({ codes, scales, zeroPoints }: Rows, columns: number, bits: Bits): Float32Array {
  const blocks = blocksOf(columns);
  const rows = scales.length / blocks;
  const values = new Float32Array(rows * columns);
  const codeAt = (bytes: Uint8Array, start: number, i: number): number =>
    bits === 8 ? bytes[start + i]! : (bytes[start + (i >> 1)]! >> (4 * (i % 2))) & 15;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / BLOCK);
      const code = codeAt(codes, (row * blocks * BLOCK * bits) / 8, column);
      const zero = zeroPoints
        ? codeAt(zeroPoints, row * zeroBytesOf(columns, bits), block)
        : 2 ** (bits - 1);
      values[row * columns + column] = scales[row * blocks + block]! * (code - zero);
    }
  }
  return values;
}

/** Numbers with the spread that weights have. */
const weights = (count: number, seed: number): Float32Array => {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()) * 0.05,
  );
};

/** What ONNX Runtime multiplies by: the product with the unit matrix. */
async function computed(rows: Rows, columns: number, bits: Bits): Promise<Float32Array> {
  const blocks = blocksOf(columns);
  const count = rows.scales.length / blocks;
  const { zeroPoints } = rows;
  const zeros = zeroPoints && writeTensor('z', ELEMENT.uint8, [zeroPoints.length], zeroPoints);
  const model = makeModel({
    name: 'product',
    inputs: [{ name: 'x', type: ELEMENT.float, shape: ['rows', columns] }],
    outputs: [{ name: 'y', type: ELEMENT.float, shape: ['rows', count] }],
    opsets: { '': 21, 'com.microsoft': 1 },
    nodes: [
      makeNode('MatMulNBits', ['x', 'w', 's', ...(zeros ? ['z'] : [])], ['y'], {
        domain: 'com.microsoft',
        integers: { K: columns, N: count, bits, block_size: BLOCK, accuracy_level: 0 },
      }),
    ],
    initializers: new Map([
      ['w', writeTensor('w', ELEMENT.uint8, [count, blocks, (BLOCK * bits) / 8], rows.codes)],
      ['s', writeTensor('s', ELEMENT.float, [rows.scales.length], rows.scales)],
      ...(zeros ? ([['z', zeros]] as const) : []),
    ]),
  });
  const session = await InferenceSession.create(writeOnnx(model), { intraOpNumThreads: 1 });
  const unit = new Float32Array(columns * columns);
  for (let i = 0; i < columns; i++) unit[i * columns + i] = 1;
  const { y } = await session.run({ x: new Tensor(unit, [columns, columns]) });
  await session.release();
  const product = y!.data as Float32Array;
  return Float32Array.from(
    { length: count * columns },
    (_, i) => product[(i % columns) * count + Math.floor(i / columns)]!,
  );
}

const KINDS = [
  { bits: 4, zeroPoints: false },
  { bits: 4, zeroPoints: true },
  { bits: 8, zeroPoints: false },
] as const;

describe('quantised rows', () => {
  it.each(KINDS)(
    'are what MatMulNBits multiplies by, with $bits bits, zero points $zeroPoints',
    async (how) => {
      // 96 columns: an odd number of blocks, so that zero points end within a byte; 80: the last block is not full
      for (const columns of [64, 96, 80]) {
        const rows = quantiseRows(weights(7 * columns, columns), columns, how);
        const values = await computed(rows, columns, how.bits);
        // adding zero makes one of both zeros
        const positive = (list: Float32Array): number[] => Array.from(list, (value) => value + 0);
        expect(positive(values)).toEqual(positive(meant(rows, columns, how.bits)));
      }
    },
  );

  it.each(KINDS)('are within half a step of the weights or cut off at most one, %s', (how) => {
    const columns = 128;
    const values = weights(64 * columns, 3);
    const rows = quantiseRows(values, columns, how);
    const back = meant(rows, columns, how.bits);
    let squares = 0;
    for (const [i, value] of values.entries()) squares += (value - back[i]!) ** 2;
    expect(Math.abs(rows.squaredError / squares - 1)).toBeLessThan(1e-3);
    const size = values.reduce((sum, value) => sum + value * value, 0);
    // of 32 normal numbers the farthest lies at about 2.1 deviations: a step of 4.2 / 15 of one, and its square / 12
    expect(squares / size).toBeLessThan(how.bits === 4 ? 0.0085 : 0.00004);
    const least = how.bits === 4 ? 0.004 : 0.00001;
    expect(squares / size).toBeGreaterThan(least);
  });

  it('err less with zero points, above all where a block lies on one side of zero', () => {
    const shifted = weights(4096, 5).map((value) => value + 0.1);
    for (const [values, share] of [
      [weights(4096, 4), 0.95],
      [shifted, 0.6],
    ] as const) {
      const plain = quantiseRows(values, 64, { bits: 4, zeroPoints: false }).squaredError;
      const zeros = quantiseRows(values, 64, { bits: 4, zeroPoints: true }).squaredError;
      expect(zeros).toBeLessThan(share * plain);
    }
  });

  it('are never worse than nothing, whatever the weights', () => {
    const numbers = fc.float({
      noNaN: true,
      noDefaultInfinity: true,
      min: -(2 ** 99),
      max: 2 ** 99,
    });
    const row = fc.array(numbers, { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(row, fc.constantFrom(...KINDS), (list, how) => {
        const values = Float32Array.from(list);
        const rows = quantiseRows(values, 40, how);
        const squares = values.reduce((sum, value) => sum + value * value, 0);
        expect(rows.squaredError).toBeLessThanOrEqual(squares);
        expect(meant(rows, 40, how.bits).every(Number.isFinite)).toBe(true);
      }),
      { numRuns: cases(2_000, 1_000_000) },
    );
  });
});
