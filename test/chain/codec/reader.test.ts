import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { ByteReader } from '#src/chain/codec/ByteReader.js';
import { ByteWriter } from '#src/chain/codec/ByteWriter.js';

const refused = expect.objectContaining({ code: 'BAD_ENCODING' });

describe('reading bytes', () => {
  it('takes all of them or none', () => {
    expect(ByteReader.whole(Uint8Array.of(1, 2), (reader) => reader.u16())).toBe(0x0201);
    expect(() => ByteReader.whole(Uint8Array.of(1, 2), (reader) => reader.u8())).toThrow(refused);
    expect(() => ByteReader.whole(Uint8Array.of(1), (reader) => reader.u16())).toThrow(refused);
  });

  it('takes a flag that is 0 or 1', () => {
    const flag = (byte: number): boolean => new ByteReader(Uint8Array.of(byte)).flag();
    expect([flag(0), flag(1)]).toEqual([false, true]);
    for (let byte = 2; byte < 256; byte++) expect(() => flag(byte)).toThrow(refused);
    expect(new ByteWriter().flag(true).flag(false).finish()).toEqual(Uint8Array.of(1, 0));
  });

  it('gives back the list that was written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 300 }), (items) => {
        const bytes = new ByteWriter().list(items, (to, item) => to.varBytes(item)).finish();
        const list = (most: number): Uint8Array[] =>
          ByteReader.whole(bytes, (reader) => reader.list(1, most, () => reader.varBytes()));
        expect(list(300)).toEqual(items);
        if (items.length > 0) expect(() => list(items.length - 1)).toThrow(refused);
      }),
    );
  });

  it('refuses a list that the bytes can’t hold before it reads any of it', () => {
    const bytes = new ByteWriter().varInt(2 ** 40).finish();
    let read = 0;
    const list = (): unknown => new ByteReader(bytes).list(1, 2 ** 50, () => ++read);
    expect(list).toThrow(refused);
    expect(read).toBe(0);
  });

  it('gives back text, a byte order mark included, and refuses what is none', () => {
    const read = (bytes: Uint8Array, most = 1000): string =>
      ByteReader.whole(new ByteWriter().varBytes(bytes).finish(), (reader) => reader.text(most));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(read(Buffer.from(text))).toBe(text);
      }),
    );
    expect(read(Buffer.from('\ufeffa'))).toBe('\ufeffa');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          expect(Buffer.from(read(bytes))).toEqual(Buffer.from(bytes));
        } catch (thrown) {
          if (!(thrown instanceof BitmodelError)) throw thrown;
          expect(thrown).toEqual(refused);
        }
      }),
    );
    expect(() => read(Buffer.from('abc'), 2)).toThrow(refused);
  });
});
