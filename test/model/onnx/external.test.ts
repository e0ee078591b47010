import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError, concatBytes } from '#src/base/index.js';
import { inlineWeights } from '#src/model/onnx/external.js';
import { asField, textField } from '#src/model/onnx/fields.js';
import { cases } from '../../long.js';

let root: string;
let folder: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'bitmodel-external-'));
  folder = join(root, 'model');
  mkdirSync(folder);
  writeFileSync(join(root, 'secret'), 'secret');
  writeFileSync(join(folder, 'w.bin'), 'x'.repeat(100));
  writeFileSync(join(folder, 'large.bin'), '');
  truncateSync(join(folder, 'large.bin'), 2 ** 31);
  symlinkSync('../secret', join(folder, 'link'));
});
afterAll(() => rmSync(root, { recursive: true }));

const EXTERNAL = 13;
const NAME = 8;

/** A model with one tensor whose data lies elsewhere. */
function graphOf(entries: readonly Uint8Array[]): Uint8Array {
  const external = entries.flatMap((entry) => asField(EXTERNAL, [entry]));
  const tensor = concatBytes(...textField(NAME, 'w'), ...external);
  return concatBytes(...asField(7, [concatBytes(...asField(5, [tensor]))]));
}

const referring = (to: Record<string, string>): Uint8Array =>
  graphOf(
    Object.entries(to).map(([key, value]) =>
      concatBytes(...textField(1, key), ...textField(2, value)),
    ),
  );

const WRONG: readonly Record<string, string>[] = [
  { location: 'w.bin', offset: '0.5', length: '4' },
  { location: 'w.bin', offset: '0', length: '1.5' },
  { location: 'w.bin', offset: '-5' },
  { location: 'w.bin', offset: '1e300' },
  { location: 'w.bin', offset: 'NaN' },
  { location: 'w.bin', offset: '90', length: '11' },
  { location: 'w.bin', offset: '101' },
  { location: 'large.bin' },
  { location: 'absent' },
  { location: '.' },
  { location: '' },
  { location: '../secret' },
  { location: 'link' },
  { location: 'w.bin\0' },
];

const holds = (bytes: Uint8Array, text: string): boolean => Buffer.from(bytes).includes(text);

describe('weights that lie in another file', () => {
  it('are written into the graph', () => {
    const part = referring({ location: 'w.bin', offset: '10', length: '7' });
    expect(holds(inlineWeights(part, folder), 'xxxxxxx')).toBe(true);
    expect(holds(inlineWeights(part, folder), 'xxxxxxxx')).toBe(false);
    expect(holds(inlineWeights(referring({ location: './w.bin' }), folder), 'x'.repeat(100))).toBe(
      true,
    );
  });

  it.each(WRONG)('are refused with %j', (entries) => {
    expect(() => inlineWeights(referring(entries), folder)).toThrow(
      expect.objectContaining({ code: 'EXTERNAL_DATA_MISSING' }),
    );
  });

  it('are refused by their own error where the graph is torn', () => {
    expect(() => inlineWeights(graphOf([Uint8Array.of(0x0a, 0x50, 1)]), folder)).toThrow(
      expect.objectContaining({ code: 'BAD_ONNX' }),
    );
  });

  it('never end in another error, whatever the graph says', () => {
    const whole = referring({ location: 'w.bin', offset: '3', length: '50' });
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = whole.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          inlineWeights(bytes, folder);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
