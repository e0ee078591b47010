import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import {
  assemble,
  decodeScript,
  disassemble,
  isPushOnly,
  OP,
  opcodeName,
  parseScriptValue,
  pushData,
  pushNumber,
} from '#src/chain/index.js';
import { isMinimalPush, readInstruction } from '#src/chain/script/push.js';

const badScript = expect.objectContaining({ code: 'BAD_SCRIPT' });

/** Any bytes, and bytes in which pushes are likely. */
const anyScript = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .array(
      fc.oneof(fc.uint8Array({ maxLength: 90 }).map(pushData), fc.uint8Array({ maxLength: 3 })),
    )
    .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part]))),
);

describe('assemble', () => {
  it.each([
    ['OP_DUP OP_HASH160', '76a9'],
    ['DUP HASH160', '76a9'],
    ['0x', '00'],
    ['0x05', '55'],
    ['0x81', '4f'],
    ['0x80', '0180'],
    ['0x0102', '020102'],
    ['0 1 16 17 -1 -2', '00516001114f0182'],
    ['1000', '02e803'],
    ['TRUE FALSE CLTV CSV', '5100b1b2'],
    ['raw:4c0101 NOP', '4c010161'],
    ['1 // one\n2 # two', '5152'],
    ['  \n ', ''],
    ['2MUL 0NOTEQUAL', '8d92'],
    ['<bytes> <number> <big>', '02aabb0120026400'],
  ])('%s', (source, hex) => {
    const values = { bytes: fromHex('aabb'), number: 32, big: 0n };
    const text = source.replace('<big>', 'raw:026400');
    expect(toHex(assemble(text, values))).toBe(hex);
  });

  it.each(['OP_NOTHING', '<missing>', '1.5', 'constructor', '<toString>', '--1'])(
    'refuses %s',
    (source) => {
      expect(() => assemble(source)).toThrow(badScript);
    },
  );

  it('refuses a fraction as a value, and hex that is none', () => {
    expect(() => assemble('<n>', { n: 1.5 })).toThrow(badScript);
    expect(() => assemble('0x123')).toThrow(expect.objectContaining({ code: 'BAD_SCRIPT' }));
  });
});

describe('disassemble', () => {
  it('writes any bytes as text that assembles to them', () => {
    const back = fc.property(anyScript, (script) => {
      expect(toHex(assemble(disassemble(script)))).toBe(toHex(script));
    });
    fc.assert(back, { numRuns: 1_000 });
  });

  it('writes what people read', () => {
    expect(disassemble(fromHex('76a9020102880051ff4c0101'))).toBe(
      'OP_DUP OP_HASH160 0x0102 OP_EQUALVERIFY OP_0 OP_1 raw:ff raw:4c0101',
    );
    expect(opcodeName(OP.OP_TXJOBID)).toBe('OP_TXJOBID');
  });
});

describe('pushes', () => {
  const lengths = [0, 1, 2, 75, 76, 255, 256, 65_535, 65_536, 1_000_000];

  it.each(lengths)('push %i bytes in the shortest way', (length) => {
    const data = new Uint8Array(length).fill(0xee);
    const script = pushData(data);
    const instruction = readInstruction(script, 0);
    expect(instruction.end).toBe(script.length);
    expect(Buffer.compare(instruction.data!, data)).toBe(0);
    expect(isMinimalPush(instruction.opcode, data)).toBe(true);
    const head = length === 0 ? 1 : script.length - length;
    expect(head).toBe(length <= 75 ? 1 : length <= 255 ? 2 : length <= 65_535 ? 3 : 5);
  });

  it('have opcodes of their own from -1 to 16', () => {
    for (let value = -1; value <= 16; value++) expect(pushNumber(value)).toHaveLength(1);
    expect(pushNumber(17)).toHaveLength(2);
    expect(isMinimalPush(1, Uint8Array.of(16))).toBe(false);
    expect(isMinimalPush(1, Uint8Array.of(17))).toBe(true);
    expect(isMinimalPush(OP.OP_PUSHDATA1, new Uint8Array(75))).toBe(false);
  });

  it('that are cut short take the rest and have no data', () => {
    for (const hex of ['02ff', '4c', '4c02ff', '4d01', '4dffff00', '4e000000', '4effffffff00']) {
      const instructions = decodeScript(fromHex(`51${hex}`));
      expect(instructions).toHaveLength(2);
      expect(instructions[1]).toMatchObject({ offset: 1, end: 1 + hex.length / 2 });
      expect(instructions[1]!.data).toBeUndefined();
      expect(isPushOnly(fromHex(hex))).toBe(false);
    }
  });

  it('cover a script without gaps', () => {
    const covered = fc.property(anyScript, (script) => {
      let at = 0;
      for (const { offset, end } of decodeScript(script)) {
        expect(offset).toBe(at);
        expect(end).toBeGreaterThan(at);
        at = end;
      }
      expect(at).toBe(script.length);
    });
    fc.assert(covered, { numRuns: 300 });
  });

  it('alone make a script push-only', () => {
    expect(isPushOnly(assemble('0 1 16 0x0102 OP_RESERVED'))).toBe(true);
    expect(isPushOnly(assemble('0 OP_NOP'))).toBe(false);
  });
});

describe('a named value', () => {
  it.each([
    ['a=0x0102', ['a', Uint8Array.of(1, 2)]],
    ['a=dead', ['a', Uint8Array.of(0xde, 0xad)]],
    ['a=0x', ['a', new Uint8Array(0)]],
    ['owner.key=-5', ['owner.key', -5n]],
    ['a=1000', ['a', 1000n]],
    ['a="1000"', ['a', Uint8Array.of(0x31, 0x30, 0x30, 0x30)]],
    ["a='x=\"'", ['a', Uint8Array.of(0x78, 0x3d, 0x22)]],
    ['a="é"', ['a', Uint8Array.of(0xc3, 0xa9)]],
  ])('%s', (text, expected) => {
    expect(parseScriptValue(text)).toEqual(expected);
  });

  it.each(['', 'a', '=1', '1a=1', 'a=0x1', 'a=zz', 'a="x', 'a b=1'])('is refused: %s', (text) => {
    expect(() => parseScriptValue(text)).toThrow(
      expect.objectContaining({ code: 'BAD_SCRIPT_VALUE', next: expect.any(String) }),
    );
  });
});
