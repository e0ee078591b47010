import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePin, encodePin, PIN_OPERATIONS } from '#src/chain/index.js';

const text = fc.string({ maxLength: 100 });
const pin = fc.record({
  operation: fc.constantFrom(...PIN_OPERATIONS),
  path: fc.string({ minLength: 1, maxLength: 100 }),
  encryption: text,
  version: text,
  contentType: text,
  payload: fc.uint8Array({ maxLength: 2_000 }),
});

describe('pins', () => {
  it('decode to what was encoded, payloads of many pushes too', () => {
    fc.assert(
      fc.property(pin, (data) => {
        expect(decodePin(encodePin(data))).toEqual(data);
      }),
    );
  });

  it('are never seen, and nothing throws, in random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodePin(bytes)).toBeUndefined();
        decodePin(Uint8Array.of(0, 0x6a, 6, ...Buffer.from('metaid'), ...bytes));
      }),
    );
  });

  it('are not pins when they are cut short', () => {
    const payload = new Uint8Array(600);
    const script = encodePin({ operation: 'create', path: '/a', contentType: '', payload });
    expect(decodePin(script.subarray(0, script.length - 1))).toBeUndefined();
  });
});
