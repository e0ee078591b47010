import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { readGraphShape } from '#src/model/onnx/shape.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases } from '../../long.js';
import { makeGraph, SIZES } from '../runtime/graph.js';

const { vocabulary, hidden, heads, kvHeads, head } = SIZES;
const graph = makeGraph('group-query', 1);

describe("a graph's own measures", () => {
  it('are read from its inputs, outputs, attention and tables', () => {
    const shape = readGraphShape(memorySource(graph));
    expect(shape).toMatchObject({ heads, keyValueHeads: kvHeads, rotaryPositions: 1024 });
    expect(shape.inputs).toContainEqual({
      name: 'past_key_values.0.key',
      elementType: 1,
      axes: ['batch', kvHeads, 'past', head],
    });
    expect(shape.outputs[0]).toMatchObject({
      name: 'logits',
      axes: ['batch', 'sequence', vocabulary],
    });
    expect(shape.matrices).toContainEqual([vocabulary, hidden]);
    expect(shape.matrices).toContainEqual([hidden, vocabulary]);
    // cosines and sines are no weights
    expect(shape.notWeights).toBe(2 * 1024 * (head / 2));
  });

  it('are left open where attention is made of plain operators', () => {
    const shape = readGraphShape(memorySource(makeGraph('window', 1)));
    expect(shape.heads).toBeUndefined();
  });

  it('are refused, never a crash, in a file with wrong bytes', () => {
    // weights lie in the middle: the head and the tail say what is what
    const spots = fc.oneof(
      fc.nat(3000),
      fc.nat(3000).map((at) => graph.length - 1 - at),
    );
    const changes = fc.array(fc.tuple(spots, fc.nat(255)), { minLength: 1, maxLength: 8 });
    const bytes = graph.slice();
    fc.assert(
      fc.property(changes, (list) => {
        for (const [at, byte] of list) bytes[at] = byte;
        try {
          readGraphShape(memorySource(bytes));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        } finally {
          for (const [at] of list) bytes[at] = graph[at]!;
        }
      }),
      { numRuns: cases(10_000, 1_000_000) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        try {
          readGraphShape(memorySource(random));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(10_000, 1_000_000) },
    );
  });
});
