import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  assemble,
  decodeNumber,
  encodeNumber,
  isMinimalNumber,
  verifyInput,
} from '#src/chain/index.js';
import {
  compare,
  divided,
  halved,
  SHORT_FACTOR,
  scaled,
  sum,
} from '#src/chain/script/longArithmetic.js';
import { cases } from '../../long.js';
import { contextOf } from './setup.js';

/** Numbers around the lengths where the machine takes another way, and at the edges of a byte. */
const bits = fc.oneof(
  fc.integer({ min: 1, max: 64 }),
  fc.constantFrom(7, 8, 15, 16, 21, 22, 23, 46, 47, 48, 63, 64, 127, 128),
  fc.integer({ min: 60, max: 2_200 }),
);
const magnitude = bits.chain((width) =>
  fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** BigInt(width) }),
    fc.constantFrom(2n ** BigInt(width), 2n ** BigInt(width) - 1n, 2n ** BigInt(width) + 1n),
  ),
);
const number = fc.tuple(magnitude, fc.boolean()).map(([value, minus]) => (minus ? -value : value));
/** Two numbers, often near each other or of other lengths. */
const pair = fc.oneof(
  fc.tuple(number, number),
  fc.tuple(number, fc.bigInt({ min: -300n, max: 300n })).map(([a, d]) => [a, a + d] as const),
  number.map((a) => [a, -a] as const),
);

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const UNARY: Readonly<Record<string, (a: bigint) => bigint>> = {
  '1ADD': (a) => a + 1n,
  '1SUB': (a) => a - 1n,
  '2MUL': (a) => a * 2n,
  '2DIV': (a) => a / 2n,
  NEGATE: (a) => -a,
  ABS: (a) => max(a, -a),
  NOT: (a) => BigInt(a === 0n),
  '0NOTEQUAL': (a) => BigInt(a !== 0n),
};
const BINARY: Readonly<Record<string, (a: bigint, b: bigint) => bigint | undefined>> = {
  ADD: (a, b) => a + b,
  SUB: (a, b) => a - b,
  MUL: (a, b) => a * b,
  DIV: (a, b) => (b === 0n ? undefined : a / b),
  MOD: (a, b) => (b === 0n ? undefined : a % b),
  BOOLAND: (a, b) => BigInt(a !== 0n && b !== 0n),
  BOOLOR: (a, b) => BigInt(a !== 0n || b !== 0n),
  NUMEQUAL: (a, b) => BigInt(a === b),
  NUMNOTEQUAL: (a, b) => BigInt(a !== b),
  LESSTHAN: (a, b) => BigInt(a < b),
  GREATERTHAN: (a, b) => BigInt(a > b),
  LESSTHANOREQUAL: (a, b) => BigInt(a <= b),
  GREATERTHANOREQUAL: (a, b) => BigInt(a >= b),
  MIN: min,
  MAX: max,
};

/** What an operation of the machine leaves for these operands; undefined where it fails. */
function machine(operation: string, ...operands: readonly bigint[]): string | undefined {
  const pushes = operands.map((_, index) => `<operand${index}>`).join(' ');
  const values = Object.fromEntries(operands.map((value, index) => [`operand${index}`, value]));
  let left: string | undefined;
  const result = verifyInput(
    contextOf(assemble(`${pushes} ${operation}`, values)),
    { cost: false },
    ({ stack }) => {
      left = stack.length === 1 ? toHex(stack[0]!) : undefined;
    },
  );
  return result.ok || result.error === 'eval-false' ? left : undefined;
}

const bytes = (value: bigint | undefined): string | undefined =>
  value === undefined ? undefined : toHex(encodeNumber(value));

describe('arithmetic on numbers of any length', () => {
  it('of one operand is that of BigInt', () => {
    const same = fc.property(number, fc.constantFrom(...Object.keys(UNARY)), (a, name) => {
      expect(machine(name, a), `${a} ${name}`).toBe(bytes(UNARY[name]!(a)));
    });
    fc.assert(same, { numRuns: cases(3_000, 1_000_000) });
  });

  it('of two operands is that of BigInt', () => {
    const same = fc.property(pair, fc.constantFrom(...Object.keys(BINARY)), ([a, b], name) => {
      expect(machine(name, a, b), `${a} ${b} ${name}`).toBe(bytes(BINARY[name]!(a, b)));
    });
    fc.assert(same, { numRuns: cases(6_000, 2_000_000) });
  });

  it('is a range test for WITHIN', () => {
    const same = fc.property(pair, number, ([a, least], above) => {
      expect(machine('WITHIN', a, least, above)).toBe(bytes(BigInt(a >= least && a < above)));
    });
    fc.assert(same, { numRuns: 500 });
  });

  it('by bytes is that of BigInt for short operands too, and ends in the shortest form', () => {
    const short = fc.integer({ min: -SHORT_FACTOR + 1, max: SHORT_FACTOR - 1 });
    const check = (result: Uint8Array, expected: bigint): void => {
      expect(decodeNumber(result)).toBe(expected);
      expect(isMinimalNumber(result)).toBe(true);
    };
    const same = fc.property(pair, short, ([a, b], factor) => {
      const [x, y] = [encodeNumber(a), encodeNumber(b)];
      check(sum(x, y), a + b);
      check(sum(x, y, true), a - b);
      check(halved(x), a / 2n);
      check(scaled(x, factor), a * BigInt(factor));
      expect(Math.sign(compare(x, y))).toBe(a < b ? -1 : a > b ? 1 : 0);
      if (factor === 0) return;
      const { quotient, remainder } = divided(x, factor);
      check(quotient, a / BigInt(factor));
      check(remainder, a % BigInt(factor));
    });
    fc.assert(same, { numRuns: cases(3_000, 1_000_000) });
  });
});
