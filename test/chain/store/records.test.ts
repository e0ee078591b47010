import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import type { Coin } from '#src/chain/consensus/coins.js';
import { ByteWriter } from '#src/chain/index.js';
import { decodeHeldPins, decodePinEvent, decodePinRecord } from '#src/chain/store/pinRecords.js';
import {
  decodeCoin,
  decodeHeaderRecord,
  decodeLocation,
  decodeSpender,
  decodeUndo,
  encodeCoin,
  encodeHeaderRecord,
  encodeLocation,
  encodeSpender,
  encodeUndo,
  type HeaderRecord,
} from '#src/chain/store/records.js';
import { seal } from '#src/chain/store/seal.js';
import { cases, timeLimit } from '../../long.js';
import { hashArbitrary, outputArbitrary } from '../transactions.js';

const u32 = fc.nat(0xffff_ffff);
const HASH = new Uint8Array(32).fill(7);

const coinArbitrary: fc.Arbitrary<Coin> = fc
  .record({
    height: u32,
    coinbase: fc.boolean(),
    output: outputArbitrary,
    pinned: fc.boolean(),
  })
  .map(({ pinned, ...coin }) => (pinned ? { ...coin, carriesPins: true } : coin));
const undoArbitrary = fc.array(fc.array(coinArbitrary, { maxLength: 3 }), { maxLength: 4 });
const headerArbitrary: fc.Arbitrary<HeaderRecord> = fc.record({
  hash: fc.constant(HASH),
  header: fc.record({
    version: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    previousHash: hashArbitrary,
    merkleRoot: hashArbitrary,
    time: u32,
    bits: u32,
    nonce: u32,
  }),
  height: u32,
  work: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  status: fc.constantFrom('valid', 'unchecked', 'invalid'),
  transactionCount: u32,
  size: u32,
});
const locationArbitrary = fc.record({ blockHash: hashArbitrary, offset: u32, length: u32 });
const spenderArbitrary = fc.record({ hash: hashArbitrary, inputIndex: u32, height: u32 });

/** A record with its arbitrary; `sealed` ones end with a checksum, which is made right again after a change. */
interface RecordForm<T> {
  readonly name: string;
  readonly sealed: boolean;
  readonly values: fc.Arbitrary<T>;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

function form<T>(record: RecordForm<T>): RecordForm<unknown> {
  return record as RecordForm<unknown>;
}

const FORMS = [
  form<Coin>({
    name: 'an unspent output',
    sealed: true,
    values: coinArbitrary,
    encode: encodeCoin,
    decode: decodeCoin,
  }),
  form<readonly (readonly Coin[])[]>({
    name: 'undo data',
    sealed: true,
    values: undoArbitrary,
    encode: encodeUndo,
    decode: decodeUndo,
  }),
  form<HeaderRecord>({
    name: 'a header',
    sealed: true,
    values: headerArbitrary,
    encode: encodeHeaderRecord,
    decode: (bytes) => decodeHeaderRecord(HASH, bytes),
  }),
  form({
    name: "a transaction's place",
    sealed: false,
    values: locationArbitrary,
    encode: encodeLocation,
    decode: decodeLocation,
  }),
  form({
    name: 'a spender',
    sealed: false,
    values: spenderArbitrary,
    encode: encodeSpender,
    decode: decodeSpender,
  }),
];

/** Bytes with some of them changed, cut off, doubled or put in. */
const mutation = fc.array(
  fc.record({ at: fc.nat(), kind: fc.nat(3), byte: fc.nat(255), length: fc.nat(20) }),
  { minLength: 1, maxLength: 4 },
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutated(bytes: Uint8Array, steps: Mutation): Uint8Array {
  let out = Buffer.from(bytes);
  for (const { at, kind, byte, length } of steps) {
    const index = out.length === 0 ? 0 : at % out.length;
    if (kind === 0 && out.length > 0) out[index] = byte;
    if (kind === 1) out = out.subarray(0, index);
    if (kind === 2) out = Buffer.concat([out, out.subarray(index, index + length)]);
    if (kind === 3) {
      out = Buffer.concat([
        out.subarray(0, index),
        Buffer.alloc(length, byte),
        out.subarray(index),
      ]);
    }
  }
  return Uint8Array.from(out);
}

/** Decodes to what encodes to the same bytes, or says that the record is damaged; nothing else may come of it. */
function expectSame({ encode, decode }: RecordForm<unknown>, bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.code === 'STORE_DAMAGED') return;
    throw thrown;
  }
  expect(Buffer.compare(encode(value), bytes)).toBe(0);
}

const RUNS = { numRuns: cases(20_000, 10_000_000) };
const LIMIT = timeLimit(240_000);

describe.each(FORMS)('the record of $name', (record) => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(record.values, (value) => {
        expect(record.decode(record.encode(value))).toEqual(value);
      }),
    );
  });

  it('takes no random bytes for one, and no changed ones for the same', { timeout: LIMIT }, () => {
    const random = fc.uint8Array({ maxLength: 200 });
    const changed = fc.tuple(record.values, mutation).map(([value, steps]) => {
      const bytes = record.encode(value);
      return mutated(record.sealed ? bytes.subarray(0, -4) : bytes, steps);
    });
    fc.assert(
      fc.property(fc.oneof(random, changed), (bytes) => {
        expectSame(record, bytes);
        if (record.sealed) expectSame(record, seal(new ByteWriter().bytes(bytes)).finish());
      }),
      RUNS,
    );
  });
});

describe('a record with a checksum', () => {
  it('is refused with any one bit changed', () => {
    const coins = fc.tuple(coinArbitrary, fc.nat(), fc.nat(7));
    fc.assert(
      fc.property(coins, ([coin, at, bit]) => {
        const bytes = encodeCoin(coin);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(() => decodeCoin(bytes)).toThrow('checksum');
      }),
    );
  });
});

describe('the records of pins', () => {
  it('read random bytes or say that they are damaged', { timeout: LIMIT }, () => {
    const place = { height: 1, position: 1 };
    const read = [
      decodePinRecord,
      decodeHeldPins,
      (bytes: Uint8Array) => decodePinEvent(place, bytes),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...read), (bytes, decode) => {
        try {
          decode(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'STORE_DAMAGED' });
        }
      }),
      RUNS,
    );
  });
});
