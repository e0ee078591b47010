import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { encodeNumber, publicKeyOf, signData } from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import { evaluate, evaluateWithLibauth, NARROWER } from './libauth.js';
import { contextOf } from './setup.js';

/** Words of a script that push an operand, or several. */
type Operand = fc.Arbitrary<string>;

const LARGEST = 2n ** 63n - 1n;
const hex = (bytes: Uint8Array): string => (bytes.length === 0 ? '0' : `0x${toHex(bytes)}`);

const edges = [
  0n,
  1n,
  127n,
  128n,
  255n,
  256n,
  32_767n,
  32_768n,
  2n ** 31n - 1n,
  2n ** 31n,
  LARGEST,
];
const number: Operand = fc
  .oneof(
    fc.bigInt({ min: -LARGEST, max: LARGEST }),
    fc.bigInt({ min: -40n, max: 40n }),
    fc.constantFrom(...edges, ...edges.map((value) => -value)),
  )
  .map(String);
const small: Operand = fc.integer({ min: -1, max: 9 }).map(String);
const bytes: Operand = fc.uint8Array({ maxLength: 60 }).map(hex);
const message: Operand = fc.uint8Array({ maxLength: 300 }).map(hex);
const element: Operand = fc.oneof(number, bytes);
const alike: Operand = fc
  .tuple(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 30 }))
  .map(([a, b]) => {
    const length = Math.min(a.length, b.length);
    return `${hex(a.subarray(0, length))} ${hex(b.subarray(0, length))}`;
  });
const cut: Operand = fc
  .tuple(fc.uint8Array({ maxLength: 60 }), fc.nat(61))
  .map(([data, at]) => `${hex(data)} ${at}`);
/** A number with needless zeros below its sign. */
const padded: Operand = fc
  .tuple(fc.bigInt({ min: -LARGEST, max: LARGEST }), fc.nat(6))
  .map(([value, zeros]) => {
    const magnitude = encodeNumber(value < 0n ? -value : value);
    const sign = Uint8Array.of(value < 0n ? 0x80 : 0);
    return hex(new Uint8Array(Buffer.concat([magnitude, new Uint8Array(zeros), sign])));
  });
const signed: Operand = fc
  .record({
    key: fc.constantFrom(0x31, 0x32),
    said: fc.uint8Array({ maxLength: 40 }),
    wrong: fc.constantFrom('nothing', 'nothing', 'nothing', 'message', 'signature', 'empty'),
    at: fc.nat(60),
  })
  .map(({ key, said, wrong, at }) => {
    const privateKey = new Uint8Array(32).fill(key);
    const signature = signData(said, privateKey);
    if (wrong === 'signature') signature[at]! ^= 1;
    const shown = wrong === 'empty' ? '0' : hex(signature);
    const told = wrong === 'message' ? new Uint8Array([...said, 1]) : said;
    return `${shown} ${hex(told)} ${hex(publicKeyOf(privateKey))}`;
  });
const lockTime: Operand = fc.constantFrom('0', '1233', '1234', '1235', '500000000', '4469', '-1');

const several = (operand: Operand, count: number): Operand =>
  fc.array(operand, { minLength: count, maxLength: count }).map((words) => words.join(' '));

const pair = (operand: Operand): Operand =>
  fc.oneof(
    several(operand, 2),
    operand.map((word) => `${word} ${word}`),
  );

/** What each operation that both machines have is given. */
const OPERANDS: readonly (readonly [operations: string, operands: Operand])[] = [
  ['1ADD 1SUB NEGATE ABS NOT 0NOTEQUAL', number],
  ['ADD SUB MUL DIV MOD BOOLAND BOOLOR NUMEQUAL NUMEQUALVERIFY NUMNOTEQUAL', pair(number)],
  ['LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX', several(number, 2)],
  ['WITHIN', several(number, 3)],
  ['CAT', several(bytes, 2)],
  ['SPLIT', cut],
  ['NUM2BIN', fc.tuple(padded, small).map(([value, size]) => `${value} ${size}`)],
  ['BIN2NUM', fc.oneof(padded, bytes)],
  ['SIZE IFDUP DROP DUP TOALTSTACK VERIFY', element],
  [
    'AND OR XOR EQUAL EQUALVERIFY',
    fc.oneof(
      alike,
      bytes.map((word) => `${word} ${word}`),
    ),
  ],
  ['RIPEMD160 SHA1 SHA256 HASH160 HASH256', message],
  ['2DROP 2DUP NIP OVER SWAP TUCK DEPTH', several(element, 2)],
  ['3DUP ROT', several(element, 3)],
  ['2OVER 2SWAP', several(element, 4)],
  ['2ROT', several(element, 6)],
  ['PICK ROLL', fc.tuple(several(element, 4), small).map(([below, at]) => `${below} ${at}`)],
  ['CHECKDATASIG CHECKDATASIGVERIFY', signed],
  ['CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY', lockTime],
  ['UTXOVALUE UTXOBYTECODE OUTPOINTTXHASH OUTPOINTINDEX INPUTBYTECODE', small],
  ['INPUTSEQUENCENUMBER OUTPUTVALUE OUTPUTBYTECODE', small],
  ['UTXOTOKENCATEGORY UTXOTOKENCOMMITMENT UTXOTOKENAMOUNT', small],
  ['OUTPUTTOKENCATEGORY OUTPUTTOKENCOMMITMENT OUTPUTTOKENAMOUNT', small],
  ['INPUTINDEX ACTIVEBYTECODE TXVERSION TXINPUTCOUNT TXOUTPUTCOUNT TXLOCKTIME NOP', element],
];

const operations = OPERANDS.flatMap(([names, operands]) =>
  names.split(' ').map((name) => ({ name, operands })),
);

describe('every operation that libauth has too', () => {
  const program = fc
    .constantFrom(...operations)
    .chain(({ name, operands }) => fc.tuple(fc.constant(name), element, operands));

  it(
    'leaves the same stack there for operands of its kind, or fails where it fails there',
    () => {
      const completed = new Map<string, number>();
      const compared = fc.property(program, ([name, below, operands]) => {
        const context = contextOf(`${below} ${operands} ${name}`, {
          transaction: { version: 2, lockTime: 1_234 },
        });
        const theirs = evaluateWithLibauth(context);
        fc.pre(!NARROWER.test(theirs.error ?? ''));
        const ours = evaluate(context);
        fc.pre(!(theirs.error?.includes('valid VM Number') && ours.longest > 8));
        expect(ours.error === undefined, `${ours.error}, libauth: ${theirs.error}`).toBe(
          theirs.error === undefined,
        );
        if (ours.error !== undefined) return;
        expect(ours.stack.map(toHex)).toEqual(theirs.stack.map(toHex));
        completed.set(name, (completed.get(name) ?? 0) + 1);
      });
      fc.assert(compared, { numRuns: cases(8_000, 2_000_000), maxSkipsPerRun: 10 });
      const rare = operations.filter(({ name }) => (completed.get(name) ?? 0) < 5);
      expect(rare.map(({ name }) => name)).toEqual([]);
    },
    timeLimit(240_000),
  );
});
