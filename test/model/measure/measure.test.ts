import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MemoryBandwidth, measureModel, type Spread, spreadOf } from 'bitmodel/model';
import { GRAPH_VARIANTS } from 'bitmodel/rastic';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { weightBytesPerToken } from '#src/model/measure/stepBytes.js';
import { makeNode, readOnnx, writeOnnx } from '#src/model/onnx/graph.js';
import { writeTensor } from '#src/model/onnx/tensor.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases } from '../../long.js';

const TINY = resolve(import.meta.dirname, '../../../fixtures/bitmodel-tiny');
const graph = readFileSync(join(TINY, 'onnx/model.onnx'));
const bytesOf = (bytes: Uint8Array): number => weightBytesPerToken(memorySource(bytes));

const isAscending = ({ least, median, most }: Spread): boolean =>
  least > 0 && least <= median && median <= most;

it('a spread is the least, the middle and the greatest of what was measured', () => {
  expect(spreadOf([5])).toEqual({ least: 5, median: 5, most: 5 });
  expect(spreadOf([3, 1, 2])).toEqual({ least: 1, median: 2, most: 3 });
  expect(spreadOf([4, 1, 2, 10])).toEqual({ least: 1, median: 3, most: 10 });
});

describe('weights that a token reads', () => {
  it('are all that the graph multiplies by, four bytes each in fp32', () => {
    // 2,754,432 parameters of the bundled model, whose embeddings are its head too; the tables of angles are looked up
    const bytes = bytesOf(graph);
    expect(bytes).toBeGreaterThanOrEqual(4 * 2_754_432);
    expect(bytes).toBeLessThan(4 * 2_754_432 + 4096);
  });

  it('are about an eighth in int4 but for the tables that are not quantised', () => {
    const variant = bytesOf(GRAPH_VARIANTS.int4(graph));
    expect(variant).toBeLessThan(bytesOf(graph) / 3);
    expect(variant).toBeGreaterThan(bytesOf(graph) / 9);
  });

  it('leave out a table of which only rows are looked up', () => {
    const model = readOnnx(graph);
    const initializers = new Map([
      ...model.initializers,
      ['table', writeTensor('table', 1, [1000, 8], new Float32Array(8000))],
    ]);
    const looked = makeNode('Gather', ['table', 'input_ids'], ['looked']);
    const multiplied = makeNode('MatMul', ['looked', 'table'], ['product']);
    const once = writeOnnx({ ...model, initializers, nodes: [...model.nodes, looked] });
    const twice = writeOnnx({
      ...model,
      initializers,
      nodes: [...model.nodes, looked, multiplied],
    });
    expect(bytesOf(once)).toBe(bytesOf(graph));
    expect(bytesOf(twice)).toBe(bytesOf(graph) + 4 * 8000);
  });

  it('of a broken file are an error, whatever is broken', () => {
    const small = writeOnnx({ ...readOnnx(graph), initializers: new Map() });
    const broken = fc
      .array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = small.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const any = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(
        fc.oneof({ weight: 1, arbitrary: broken }, { weight: 9, arbitrary: any }),
        (bytes) => {
          try {
            expect(bytesOf(bytes)).toBeGreaterThanOrEqual(0);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        },
      ),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});

it('memory is read and copied by as many threads as asked for', async () => {
  const memory = await MemoryBandwidth.start(2, 8 << 20);
  try {
    expect(await memory.measure('read')).toBeGreaterThan(0);
    expect(await memory.measure('copy')).toBeGreaterThan(0);
  } finally {
    await memory.close();
  }
});

describe('measureModel', () => {
  it('measures loading, the first token, prefill, decode, several answers and memory, in rounds', async () => {
    const rounds: number[] = [];
    const measured = await measureModel(TINY, {
      threads: 1,
      rounds: 2,
      lengths: [8, 20],
      tokens: 4,
      together: 2,
      onRound: (round) => rounds.push(round),
    });
    expect(rounds).toEqual([1, 2]);
    expect(measured.threads).toBe(1);
    expect(measured.info.numericClass).toBe('fp32/0/cpu');
    expect(measured.loadSeconds).toBeGreaterThan(0);
    expect(isAscending(measured.firstToken.seconds)).toBe(true);
    expect(measured.prefill.map(({ tokens }) => tokens)).toEqual([8, 20]);
    for (const { rate } of measured.prefill) expect(isAscending(rate)).toBe(true);
    expect(measured.together?.answers).toBe(2);
    expect(isAscending(measured.together!.rate)).toBe(true);
    const { read, copy } = measured.memory!;
    for (const { context, rate, bytesPerToken, bandwidthShare } of measured.decode) {
      expect([8, 20]).toContain(context);
      expect(isAscending(rate)).toBe(true);
      expect(bytesPerToken).toBe(bytesOf(graph));
      const bandwidth = Math.max(read.median, copy.median);
      expect(bandwidthShare).toBeCloseTo((rate.median * bytesPerToken!) / bandwidth, 9);
    }
  });

  it('refuses prompts that the context has no room for behind an answer', async () => {
    await expect(measureModel(TINY, { lengths: [8, 600], tokens: 4 })).rejects.toThrow(
      expect.objectContaining({ code: 'PROMPT_TOO_LONG' }),
    );
  });

  it('ends between two measurements when it is interrupted', async () => {
    const abort = new AbortController();
    const measured = measureModel(TINY, {
      lengths: [8],
      tokens: 4,
      rounds: 1000,
      signal: abort.signal,
      onRound: (round) => {
        if (round === 2) abort.abort();
      },
    });
    await expect(measured).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});
