import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assemble,
  publicKeyOf,
  type ScriptContext,
  type ScriptValue,
  signInput,
  verifyInput,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import { evaluateWithLibauth } from './libauth.js';
import { contextOf } from './setup.js';

const KEYS = [0x31, 0x32, 0x33].map((byte) => new Uint8Array(32).fill(byte));
const values: Record<string, ScriptValue> = Object.fromEntries(
  KEYS.map((key, index) => [`key${index}`, publicKeyOf(key)]),
);

/** What is done to a signature before it is shown; most are left alone, or none would ever pass. */
const spoiling = fc.oneof(
  { weight: 12, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('empty', 'body', 'length', 'type', 'key', 'undefined type'),
  },
);
const hashType = fc.constantFrom(0x41, 0x42, 0x43, 0x61, 0x62, 0x63, 0xc1, 0xc2, 0xc3);
const signature = fc.record({
  type: hashType,
  spoil: spoiling,
  at: fc.integer({ min: 4, max: 60 }),
});

/** One check of a locking script: of one key, or of two among three. */
const check = fc.oneof(
  fc.record({
    keys: fc.constantFrom([0], [1], [2]),
    signatures: fc.tuple(signature),
    verify: fc.boolean(),
  }),
  fc.record({
    keys: fc.constantFrom([0, 1], [0, 2], [1, 2], [1, 0]),
    signatures: fc.tuple(signature, signature),
    verify: fc.boolean(),
  }),
);
const spending = fc.record({
  list: fc.array(check, { minLength: 1, maxLength: 3 }),
  inputIndex: fc.constantFrom(0, 1),
  separated: fc.boolean(),
});

type Check = typeof check extends fc.Arbitrary<infer Value> ? Value : never;
type Signature = typeof signature extends fc.Arbitrary<infer Value> ? Value : never;

function checkText({ keys, signatures, verify }: Check): string {
  const verb = verify ? 'VERIFY' : ' TOALTSTACK';
  if (signatures.length === 1) return `<key${keys[0]}> CHECKSIG${verb}`;
  return `2 <key0> <key1> <key2> 3 CHECKMULTISIG${verb}`;
}

/** All checks one after the other; what they find is put aside, and must all be true. */
function lockingText(list: readonly Check[]): string {
  const found = list.filter(({ verify }) => !verify).map(() => 'FROMALTSTACK BOOLAND');
  return [...list.map(checkText), '1', ...found].join(' ');
}

function sign(
  context: ScriptContext,
  scriptCode: Uint8Array,
  key: number,
  { type, spoil, at }: Signature,
): Uint8Array {
  if (spoil === 'empty') return new Uint8Array(0);
  const signer = KEYS[spoil === 'key' ? (key + 1) % KEYS.length : key]!;
  const made = signInput(context, signer, { hashType: type, scriptCode });
  if (spoil === 'body') made[at]! ^= 1;
  if (spoil === 'length') return made.subarray(1);
  if (spoil === 'type') made[made.length - 1] = type === 0x41 ? 0x42 : 0x41;
  if (spoil === 'undefined type') made[made.length - 1] = 0x01;
  return made;
}

type Spending = typeof spending extends fc.Arbitrary<infer Value> ? Value : never;

/** The context of a locking script of these checks, with signatures made for it. */
function contextFor({ list, inputIndex, separated }: Spending): ScriptContext {
  const covered = lockingText(list);
  // one-byte instructions before OP_CODESEPARATOR: libauth takes its instruction number for its offset
  const locking = assemble(separated ? `NOP CODESEPARATOR ${covered}` : covered, values);
  const scriptCode = assemble(covered, values);
  const options = { transaction: { version: 2 }, inputIndex };
  const unsigned = contextOf(locking, options);
  const made: Record<string, ScriptValue> = {};
  const shown = list.map(({ keys, signatures }, check) => {
    const names = signatures.map((one, place) => {
      made[`sig${check}${place}`] = sign(unsigned, scriptCode, keys[place]!, one);
      return `<sig${check}${place}>`;
    });
    return names.length > 1 ? `0 ${names.join(' ')}` : names[0]!;
  });
  // the first check finds its signatures on top
  return contextOf(locking, { ...options, unlocking: shown.reverse().join(' '), values: made });
}

describe('signatures of inputs', () => {
  it(
    'are taken and refused as libauth takes and refuses them',
    () => {
      const counts = { taken: 0, refused: 0 };
      const same = fc.property(spending, (spent) => {
        const context = contextFor(spent);
        const { error, stack } = evaluateWithLibauth(context);
        const ours = verifyInput(context, { cost: false });
        const passes = error === undefined && stack.length === 1 && stack[0]![0] === 1;
        expect(ours.ok, `libauth: ${error ?? 'ok'}`).toBe(passes);
        counts[ours.ok ? 'taken' : 'refused']++;
      });
      fc.assert(same, { numRuns: cases(600, 100_000) });
      expect(counts.taken).toBeGreaterThan(50);
      expect(counts.refused).toBeGreaterThan(50);
    },
    timeLimit(240_000),
  );
});
