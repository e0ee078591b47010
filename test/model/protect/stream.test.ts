import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HEAD,
  plainSize,
  SEALED_SEGMENT,
  SEGMENT,
  SegmentCipher,
  sealedSize,
} from '#src/model/protect/stream.js';

const key = randomBytes(32);
const PATH = 'onnx/model.onnx';

function seal(bytes: Uint8Array, segment: number): Buffer[] {
  const cipher = SegmentCipher.create(key, PATH);
  const count = Math.max(1, Math.ceil(bytes.length / segment));
  return [
    Buffer.from(cipher.head),
    ...Array.from({ length: count }, (_, i) =>
      Buffer.concat(
        cipher.seal(bytes.subarray(i * segment, (i + 1) * segment), i, i === count - 1),
      ),
    ),
  ];
}

function open([head, ...segments]: readonly Uint8Array[], path = PATH, with_ = key): Buffer {
  const cipher = SegmentCipher.of(with_, path, head!);
  return Buffer.concat(segments.map((part, i) => cipher.open(part, i, i === segments.length - 1)));
}

const tampered = expect.objectContaining({ code: 'SEALED_FILE_TAMPERED' });

describe('a stream of sealed segments', () => {
  it('opens to what was sealed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.integer({ min: 1, max: 40 }),
        (bytes, size) => {
          expect(Uint8Array.from(open(seal(bytes, size)))).toEqual(bytes);
        },
      ),
    );
  });

  const bytes = randomBytes(100);
  const sealed = seal(bytes, 30);
  const [head, a, b, c, d] = sealed as [Buffer, Buffer, Buffer, Buffer, Buffer];
  const wrong: [string, Buffer[]][] = [
    ['cut off at the end', [head, a, b, c]],
    ['left out', [head, a, c, d]],
    ['repeated', [head, a, b, b, c, d]],
    ['put elsewhere', [head, b, a, c, d]],
    ['added', [head, a, b, c, d, d]],
    ['of another stream', [head, a, seal(bytes, 30)[2]!, c, d]],
    ['under the head of another stream', [seal(bytes, 30)[0]!, a, b, c, d]],
    ['cut short', [head, a, b, c, d.subarray(0, 5)]],
    ['without a head', [a, b, c, d]],
  ];
  for (const [name, parts] of wrong) {
    it(`refuses a segment that is ${name}`, () => {
      expect(() => open(parts)).toThrowError(tampered);
    });
  }

  it('refuses every changed bit, another path and another key', () => {
    fc.assert(
      fc.property(fc.nat(4), fc.nat(1000), fc.nat(7), (part, at, bit) => {
        const parts = sealed.map((bytes) => Buffer.from(bytes));
        const target = parts[part]!;
        target[at % target.length]! ^= 1 << bit;
        expect(() => open(parts)).toThrowError(tampered);
      }),
    );
    expect(() => open(sealed, 'onnx/other.onnx')).toThrowError(tampered);
    expect(() => open(sealed, PATH, randomBytes(32))).toThrowError(tampered);
  });

  it('knows sizes, and those that no sealed file has', () => {
    for (const size of [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 5e9]) {
      expect(plainSize(sealedSize(size), PATH)).toBe(size);
    }
    for (const size of [0, HEAD, HEAD + 15, HEAD + SEALED_SEGMENT + 3]) {
      expect(() => plainSize(size, PATH)).toThrowError(tampered);
    }
  });
});
