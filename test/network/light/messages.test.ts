import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { encodeTransaction } from '#src/chain/index.js';
import { type Answer, decodeAnswer, encodeAnswer } from '#src/network/light/answer.js';
import {
  decodeQuestion,
  encodeQuestion,
  KINDS,
  keyLength,
  type Question,
} from '#src/network/light/question.js';
import {
  decodeFeeAnswer,
  decodeFeeQuestion,
  decodeSubmitAnswer,
  encodeFeeAnswer,
  encodeFeeQuestion,
  encodeSubmitAnswer,
  FATES,
} from '#src/network/light/smallMessages.js';
import { anyTransaction, hashArbitrary } from '../../chain/transactions.js';
import { cases } from '../../long.js';

const u32 = fc.nat(0xffff_ffff);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const place = fc.record({ height: u32, position: u32 });

const question: fc.Arbitrary<Question> = fc.constantFrom(...KINDS).chain((kind) => {
  const key = fc.uint8Array({ minLength: keyLength(kind), maxLength: keyLength(kind) });
  return fc.record({
    kind: fc.constant(kind),
    from: place,
    keys: fc.uniqueArray(key, {
      minLength: 1,
      maxLength: 4,
      selector: (each) => Buffer.from(each).toString('hex'),
    }),
  });
});

const encoded = anyTransaction().map(encodeTransaction);
const answer: fc.Arbitrary<Answer> = fc
  .record({
    tip: fc.record({ height: u32, hash: hashArbitrary }),
    next: fc.option(place, { nil: undefined }),
    blocks: fc.array(
      fc.record({
        hash: hashArbitrary,
        tree: fc.record({
          transactionCount: u32,
          hashes: fc.array(hashArbitrary, { maxLength: 4 }),
          flags: fc.uint8Array({ maxLength: 2 }),
        }),
        transactions: fc.array(encoded, { maxLength: 2 }),
      }),
      { maxLength: 3 },
    ),
    waiting: fc.array(encoded, { maxLength: 2 }),
  })
  .map(({ next, ...rest }) => (next ? { ...rest, next } : rest));

const submitAnswer = fc.oneof(
  fc.record({
    fate: fc.constantFrom(...FATES.filter((fate) => fate !== 'refused')),
    reason: fc.constant(''),
  }),
  fc.record({ fate: fc.constant('refused' as const), reason: fc.string({ maxLength: 100 }) }),
);
const feeAnswer = fc
  .record({ estimate: fc.option(u64, { nil: undefined }), minimum: u64 })
  .map(({ estimate, minimum }) => (estimate === undefined ? { minimum } : { estimate, minimum }));

/** Each message's own encoder and decoder. */
const FORMATS = [
  ['a question', question, encodeQuestion, decodeQuestion],
  ['an answer', answer, encodeAnswer, decodeAnswer],
  ['what became of a transaction', submitAnswer, encodeSubmitAnswer, decodeSubmitAnswer],
  ['a question about fees', fc.nat(0xffff), encodeFeeQuestion, decodeFeeQuestion],
  ['an answer about fees', feeAnswer, encodeFeeAnswer, decodeFeeAnswer],
] as unknown as readonly [
  string,
  fc.Arbitrary<unknown>,
  (value: unknown) => Uint8Array,
  (bytes: Uint8Array) => unknown,
][];

/** Bytes with a few of them changed, cut or doubled. */
function mutated(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  return fc.tuple(bytes, changes, fc.option(fc.nat())).map(([original, all, cut]) => {
    const copy = Uint8Array.from(original);
    for (const [at, value] of all) copy[at % copy.length] = value;
    return cut === null ? copy : copy.subarray(0, cut % (copy.length + 1));
  });
}

describe.each(FORMATS)('%s of a light node', (_name, values, encode, decode) => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  it('is the same bytes again, or refused with a word', () => {
    const garbage = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(fc.oneof(garbage, mutated(values.map(encode))), (bytes) => {
        let value: unknown;
        try {
          value = decode(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
          return;
        }
        expect(encode(value)).toEqual(Uint8Array.from(bytes));
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });
});

describe('a question', () => {
  it('has a key, at most 500, and none twice', () => {
    const key = new Uint8Array(32).fill(7);
    const from = { height: 0, position: 0 };
    const ask = (keys: Uint8Array[]) =>
      decodeQuestion(encodeQuestion({ kind: 'jobs', from, keys }));
    expect(() => ask([])).toThrow('no keys');
    expect(() => ask([key, key])).toThrow('twice');
    const many = Array.from({ length: 501 }, (_, i) => Buffer.alloc(32, `key ${i} `));
    expect(() => ask(many)).toThrow('a list of 501 is longer than 500');
  });
});

describe('a refusal', () => {
  it('is cut to 500 bytes at the end of a character', () => {
    const decoded = decodeSubmitAnswer(
      encodeSubmitAnswer({ fate: 'refused', reason: 'é'.repeat(400) }),
    );
    expect(decoded.reason).toBe('é'.repeat(250));
  });
});
