import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, concatBytes, u64le } from '#src/base/index.js';
import { readSafetensors } from '#src/model/import/safetensors.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases } from '../../long.js';

/** A file of these header bytes and so many of data. */
function fileOf(header: string | object, data: number, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = new TextEncoder().encode(text);
  return concatBytes(u64le(length ?? BigInt(bytes.length)), bytes, new Uint8Array(data));
}

const entry = (dtype: string, shape: readonly number[], from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

const read = (bytes: Uint8Array) => readSafetensors(memorySource(bytes));

describe('a safetensors header', () => {
  it('gives tensors by the order of their bytes, whatever its own', () => {
    const header = {
      __metadata__: { format: 'pt' },
      'b/with/slashes': entry('BF16', [2, 3], 8, 20),
      a: entry('F32', [2], 0, 8),
      none: entry('F16', [0, 5], 20, 20),
      number: entry('F64', [], 20, 28),
    };
    const bytes = fileOf(`${JSON.stringify(header)}   `, 28);
    const start = bytes.length - 28;
    expect(read(bytes)).toEqual([
      { name: 'a', dtype: 'F32', shape: [2], offset: start, bytes: 8 },
      { name: 'b/with/slashes', dtype: 'BF16', shape: [2, 3], offset: start + 8, bytes: 12 },
      { name: 'none', dtype: 'F16', shape: [0, 5], offset: start + 20, bytes: 0 },
      { name: 'number', dtype: 'F64', shape: [], offset: start + 20, bytes: 8 },
    ]);
  });

  const a = entry('F32', [2], 0, 8);
  it.each([
    ['nothing', new Uint8Array(7), 'too short'],
    ['a length beyond the file', fileOf({}, 0, 100n), 'ends within its header'],
    ['a length above 100 MB', fileOf({}, 0, 100_000_001n), 'longer than 100 MB'],
    ['a length beyond all numbers', fileOf({}, 0, 2n ** 64n - 1n), 'longer than 100 MB'],
    ['no object', fileOf('[]', 0), 'does not begin'],
    ['no JSON', fileOf('{"a":', 0), 'no JSON'],
    ['no UTF-8', concatBytes(u64le(3n), Uint8Array.of(0x7b, 0xff, 0x7d)), 'no JSON'],
    ['deep nesting', fileOf(`{"a":${'['.repeat(100_000)}`, 0), 'nested too deep'],
    [
      'a name twice',
      fileOf(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, 8),
      'twice',
    ],
    ['an unknown type', fileOf({ a: entry('F12', [2], 0, 8) }, 8), 'number type'],
    [
      'a type that is a property of all objects',
      fileOf({ a: entry('constructor', [2], 0, 8) }, 8),
      'type',
    ],
    ['a negative size', fileOf({ a: entry('F32', [-2], 0, 8) }, 8), 'shape'],
    ['a broken size', fileOf({ a: entry('F32', [0.5], 0, 2) }, 2), 'shape'],
    ['many dimensions', fileOf({ a: entry('U8', Array(9).fill(1), 0, 1) }, 1), 'shape'],
    [
      'sizes whose product overflows',
      fileOf({ a: entry('F32', [2 ** 52, 2 ** 52], 0, 8) }, 8),
      'as many bytes',
    ],
    ['too few bytes for its shape', fileOf({ a: entry('F32', [3], 0, 8) }, 8), 'as many bytes'],
    ['an end before the start', fileOf({ a: entry('F32', [2], 8, 0) }, 8), 'as many bytes'],
    ['three offsets', fileOf({ a: { ...a, data_offsets: [0, 4, 8] } }, 8), 'place'],
    ['more words than it should', fileOf({ a: { ...a, extra: 1 } }, 8), 'says more'],
    ['an entry that is null', fileOf({ a: null }, 0), 'type'],
    ['a gap', fileOf({ a, b: entry('U8', [1], 9, 10) }, 10), 'gap or an overlap before "b"'],
    ['an overlap', fileOf({ a, b: entry('F32', [2], 4, 12) }, 12), 'gap or an overlap before "b"'],
    ['a start behind the header', fileOf({ a: entry('F32', [2], 4, 12) }, 12), 'gap'],
    ['data that end early', fileOf({ a }, 7), 'ends too early'],
    ['hidden bytes at the end', fileOf({ a }, 9), 'bytes behind'],
  ])('is refused with %s', (_what, bytes, why) => {
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({ code: 'BAD_SAFETENSORS', message: expect.stringContaining(why) }),
    );
  });

  it('is refused in our own words, random or mutated', () => {
    const sound = fileOf({ a, b: entry('BF16', [3], 8, 14), __metadata__: { x: 'y' } }, 14);
    const mutated = fc
      .tuple(fc.nat(sound.length - 1), fc.nat(255), fc.nat(sound.length), fc.boolean())
      .map(([at, byte, cut, isCut]) => {
        const bytes = Uint8Array.from(sound);
        bytes[at] = byte;
        return isCut ? bytes.subarray(0, cut) : bytes;
      });
    const json = fc.json().map((text) => fileOf(text, 8));
    const random = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(fc.oneof(mutated, json, random), (bytes) => {
        try {
          const tensors = read(bytes);
          // what passes covers the file
          expect(tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)).toBeLessThanOrEqual(
            bytes.length,
          );
        } catch (thrown) {
          if (!(thrown instanceof BitmodelError)) throw thrown;
        }
      }),
      { numRuns: cases(20_000, 5_000_000) },
    );
  });
});
