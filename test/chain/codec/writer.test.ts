import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '#src/chain/index.js';

const FIELDS = ['u8', 'u16', 'u32', 'i32', 'u64'] as const;

describe('a byte writer', () => {
  it.each(FIELDS)('grows while it writes a %s over the end of its buffer', (field) => {
    for (let capacity = 0; capacity < 10; capacity++) {
      const writer = new ByteWriter(capacity);
      const write = (value: number): unknown =>
        field === 'u64' ? writer.u64(BigInt(value)) : writer[field](value);
      for (let i = 1; i < 20; i++) write(i);
      const reader = new ByteReader(writer.finish());
      for (let i = 1; i < 20; i++) {
        const value = reader[field]();
        expect(Number(value)).toBe(i);
      }
      reader.end();
    }
  });

  it('keeps what was written, whatever its first capacity', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(parts, fc.nat(300), (list, capacity) => {
        const writer = new ByteWriter(capacity);
        for (const part of list) writer.u64(7n).varBytes(part).u16(part.length);
        const reader = new ByteReader(writer.finish());
        for (const part of list) {
          expect(reader.u64()).toBe(7n);
          expect(reader.varBytes()).toEqual(part);
          expect(reader.u16()).toBe(part.length);
        }
        reader.end();
      }),
    );
  });
});
