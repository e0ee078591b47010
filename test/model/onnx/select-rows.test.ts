import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { LanguageModel } from '#src/model/index.js';
import { readGraphFacts } from '#src/model/onnx/facts.js';
import { ROWS_INPUT, selectRows } from '#src/model/onnx/selectRows.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases } from '../../long.js';

const DIR = 'fixtures/bitmodel-tiny';
const FILE = readFileSync(`${DIR}/onnx/model.onnx`);
const WIDTH = 2048;
const ids = Array.from({ length: 40 }, (_, i) => (i * 97 + 5) % WIDTH);

let model: LanguageModel;
beforeAll(async () => {
  model = await LanguageModel.open(DIR, { threads: 1 });
});
afterAll(() => model.close());

function message(number: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...size]), content]);
}
const word = (number: number, text: string) => message(number, Buffer.from(text));
const node = (op: string, inputs: string[], output: string) =>
  message(1, ...inputs.map((name) => word(1, name)), word(2, output), word(4, op));
const value = (number: number, name: string) => message(number, word(1, name));

/** A model that is nearly all head: Gather, MatMul, Cast. */
const small = (...more: Uint8Array[]): Buffer =>
  Buffer.concat([
    Buffer.from([8, 10]),
    message(
      7,
      node('Gather', ['w', 'input_ids'], 'x'),
      node('MatMul', ['x', 'w'], 'y'),
      node('Cast', ['y'], 'logits'),
      message(5, Buffer.from([8, 2, 8, 2, 16, 1]), word(8, 'w')),
      value(11, 'input_ids'),
      value(12, 'logits'),
      ...more,
    ),
  ]);

/** Logits by position, as a prefill hands them over. */
async function rowsOf(of: LanguageModel, options: { positions?: number[]; chunk?: number }) {
  const rows = new Map<number, Float32Array>();
  await of.prefill(ids, {
    ...options,
    onLogits: (first, logits, positions) => {
      expect(positions[0]).toBe(first);
      expect(logits.length).toBe(positions.length * WIDTH);
      positions.forEach((position, i) => {
        rows.set(position, logits.slice(i * WIDTH, (i + 1) * WIDTH));
      });
    },
  });
  return rows;
}

describe('the logits of chosen positions', () => {
  it('are those that a prefill of all positions gives, and no others come', async () => {
    const all = await rowsOf(model, {});
    expect([...all.keys()]).toEqual(ids.map((_, i) => i));
    const chosen = fc.record({
      positions: fc.uniqueArray(fc.nat(ids.length - 1), { minLength: 1 }),
      chunk: fc.constantFrom(1, 7, 16, 128),
    });
    await fc.assert(
      fc.asyncProperty(chosen, async ({ positions, chunk }) => {
        positions.sort((a, b) => a - b);
        const rows = await rowsOf(model, { positions, chunk });
        expect([...rows.keys()]).toEqual(positions);
        for (const [position, row] of rows) {
          const shift = row.map((logit, i) => Math.abs(logit - all.get(position)![i]!));
          expect(Math.max(...shift)).toBeLessThan(1e-4);
        }
      }),
      { numRuns: cases(30, 1000) },
    );
  });

  it('are the same from the bytes of a graph', async () => {
    const inMemory = await LanguageModel.open(DIR, { threads: 1, graph: FILE });
    const positions = [3, 17, 39];
    expect(await rowsOf(inMemory, { positions })).toEqual(await rowsOf(model, { positions }));
    await inMemory.close();
  });
});

describe('a graph whose rows can be chosen', () => {
  it('refers to the weights where they lie in the file', () => {
    const graph = selectRows(memorySource(FILE), 'model.onnx')!;
    expect(graph.length).toBeLessThan(FILE.length / 20);
    expect(Buffer.from(graph).includes(ROWS_INPUT)).toBe(true);
    const facts = readGraphFacts(memorySource(graph));
    expect(facts.externalFiles).toEqual(['model.onnx']);
    expect(facts.elements).toEqual(readGraphFacts(memorySource(FILE)).elements);
  });

  it('is made only where rows are not chosen already and the end is a product of what was computed', () => {
    const made = (...changes: Uint8Array[]) => selectRows(memorySource(small(...changes)), 'f');
    expect(made()).toBeDefined();
    expect(made(value(11, 'num_logits_to_keep'))).toBeUndefined();
    expect(made(value(11, 'past'))).toBeDefined();
    const other = (op: string) => small().toString('latin1').replace('MatMul', op);
    for (const op of ['ReLUxx', 'GemmXX']) {
      expect(selectRows(memorySource(Buffer.from(other(op), 'latin1')), 'f')).toBeUndefined();
    }
  });

  it('comes of whatever bytes, or none does, or they are refused', () => {
    const whole = small();
    const mutated = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      mutated,
      fc.nat(whole.length).map((length) => whole.subarray(0, length)),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          const made = selectRows(memorySource(bytes), 'model.onnx');
          expect(made === undefined || made.length < bytes.length + 400).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });
});
