import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { makeModel, makeNode, readOnnx, writeOnnx } from '#src/model/onnx/graph.js';
import { renamed } from '#src/model/onnx/renamed.js';
import { ELEMENT, writeTensor } from '#src/model/onnx/tensor.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases } from '../../long.js';

const small = writeOnnx(
  makeModel({
    name: 'small',
    inputs: [{ name: 'a', type: ELEMENT.float, shape: ['n', 2] }],
    outputs: [{ name: 'b', type: ELEMENT.float, shape: ['n', 3] }],
    opsets: { '': 21 },
    nodes: [makeNode('MatMul', ['a', 'w'], ['b'], { integers: { x: -1 }, floats: { y: 0.5 } })],
    initializers: new Map([['w', writeTensor('w', ELEMENT.float, [2, 3], new Float32Array(6))]]),
  }),
);

describe('renaming the tensors of a graph', () => {
  it('changes nodes, inputs and outputs and nothing else', () => {
    const names = new Map([
      ['a', 'x'],
      ['b', 'a'],
    ]);
    const after = renamed(memorySource(small), undefined, names);
    expect(readOnnx(after)).toMatchObject({
      inputs: ['x'],
      outputs: ['a'],
      nodes: [{ opType: 'MatMul', inputs: ['x', 'w'] }],
    });
    const back = new Map([
      ['x', 'a'],
      ['a', 'b'],
    ]);
    expect(renamed(memorySource(after), undefined, back)).toEqual(small);
  });

  it('leaves a graph as it is to the byte where no name is another one', () => {
    const tiny = new Uint8Array(readFileSync('fixtures/bitmodel-tiny/onnx/model.onnx'));
    const same = renamed(memorySource(tiny), undefined, new Map([['nobody', 'else']]));
    expect(Buffer.compare(same, tiny)).toBe(0);
  });

  it('refers to large weights in the file in the place of copying them', () => {
    const tiny = new Uint8Array(readFileSync('fixtures/bitmodel-tiny/onnx/model.onnx'));
    const lean = renamed(memorySource(tiny), 'model.onnx', new Map([['logits', 'scores']]));
    expect(lean.length).toBeLessThan(300_000);
    expect(readOnnx(lean).outputs).toContain('scores');
  });

  it('fails in our own words, of random or mutated bytes', () => {
    const mutated = fc
      .tuple(fc.nat(small.length - 1), fc.nat(255), fc.nat(small.length))
      .map(([at, byte, cut]) => {
        const bytes = Uint8Array.from(small);
        bytes[at] = byte;
        return cut % 4 === 0 ? bytes.subarray(0, cut) : bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        try {
          const after = renamed(memorySource(bytes), undefined, new Map([['a', 'longer']]));
          expect(after.length).toBeLessThan(2 * bytes.length + 64);
        } catch (thrown) {
          if (!(thrown instanceof BitmodelError)) throw thrown;
        }
      }),
      { numRuns: cases(20_000, 5_000_000) },
    );
  });
});
