import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, equalBytes } from '#src/base/index.js';
import type { BlockHeader } from '#src/chain/index.js';
import { BlockRecordReader, BlockRecordWriter } from '#src/network/sync/blockRecords.js';
import {
  decodeHeaders,
  decodeLocator,
  decodeWanted,
  encodeHeaders,
  encodeLocator,
  encodeWanted,
} from '#src/network/sync/messages.js';
import { BLOCK_FRAME } from '#src/network/sync/protocols.js';
import { decodeStatus, encodeStatus, type Status } from '#src/network/sync/status.js';
import { cases } from '../../long.js';

const RUNS = cases(20_000, 2_000_000);

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytes(32);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const status: fc.Arbitrary<Status> = fc.record({
  version: fc.integer({ min: 0, max: 0xffff }),
  genesis: hash,
  services: u32,
  height: u32,
  work: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  tip: hash,
  time: u32,
  agent: fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 64,
  }),
});

const header: fc.Arbitrary<BlockHeader> = fc.record({
  version: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  previousHash: hash,
  merkleRoot: hash,
  time: u32,
  bits: u32,
  nonce: u32,
});

/** Bytes with a few of them changed, cut off or added. */
const mutated = (valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      valid,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.integer({ min: -5, max: 5 }),
    )
    .map(([whole, changes, longer]) => {
      const changed = new Uint8Array(Math.max(0, whole.length + longer));
      changed.set(whole.subarray(0, changed.length));
      for (const [at, value] of changes)
        if (changed.length > 0) changed[at % changed.length] = value;
      return changed;
    });

/** What a decoder takes is what its encoder makes of it; all else is an error of ours. */
function holds<T>(
  input: Uint8Array,
  decode: (from: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): void {
  let value: T;
  try {
    value = decode(input);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BitmodelError);
    return;
  }
  expect(equalBytes(encode(value), input)).toBe(true);
}

describe.each([
  ['a status', decodeStatus, encodeStatus, status.map(encodeStatus)],
  ['a locator', decodeLocator, encodeLocator, fc.array(hash, { maxLength: 64 }).map(encodeLocator)],
  ['headers', decodeHeaders, encodeHeaders, fc.array(header, { maxLength: 5 }).map(encodeHeaders)],
  [
    'wanted blocks',
    decodeWanted,
    encodeWanted,
    fc.array(hash, { minLength: 1, maxLength: 128 }).map(encodeWanted),
  ],
] as [
  string,
  (from: Uint8Array) => unknown,
  (value: unknown) => Uint8Array,
  fc.Arbitrary<Uint8Array>,
][])('%s', (_, decode, encode, valid) => {
  it('is decoded to what was encoded, or refused', () => {
    fc.assert(
      fc.property(valid, (input) => {
        expect(equalBytes(encode(decode(input)), input)).toBe(true);
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(valid)), (input) =>
        holds(input, decode, encode),
      ),
      { numRuns: RUNS },
    );
  });
});

describe('lists', () => {
  it('are refused when they are longer than allowed, or empty where something must be asked', () => {
    const many = Array.from({ length: 129 }, () => new Uint8Array(32));
    expect(() => decodeLocator(encodeLocator(many.slice(0, 65)))).toThrow('longer than 64');
    expect(() => decodeWanted(encodeWanted(many))).toThrow('longer than 128');
    expect(() => decodeWanted(encodeWanted([]))).toThrow('Nothing');
    const headers = new Uint8Array(3 + 2_001 * 80);
    headers.set([0xfd, 0xd1, 0x07]);
    expect(() => decodeHeaders(headers)).toThrow('longer than 2000');
  });
});

describe('the program in a status', () => {
  it('is printable and not long, since others show it', () => {
    const statusOf = (agent: string) => () =>
      decodeStatus(
        encodeStatus({
          version: 1,
          genesis: new Uint8Array(32),
          services: 1,
          height: 0,
          work: 1n,
          tip: new Uint8Array(32),
          time: 0,
          agent,
        }),
      );
    expect(statusOf('bitmodel/0.1.0')().agent).toBe('bitmodel/0.1.0');
    expect(statusOf('\x1b[2J')).toThrow('unprintable');
    expect(statusOf('x'.repeat(65))).toThrow('long');
  });
});

/** Frames, handed out one by one. */
const framesOf = (frames: Uint8Array[]) => () => Promise.resolve(frames.shift());

describe('blocks on their way', () => {
  it('come as they were sent, in as few frames as hold them, however long they are', async () => {
    const sizes = fc.array(
      fc.oneof(
        fc.constant(undefined),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: BLOCK_FRAME - 6, max: 2 * BLOCK_FRAME + 6 }),
      ),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const blocks = lengths.map((length, index) =>
          length === undefined ? undefined : new Uint8Array(length).fill(index + 1),
        );
        const frames: Uint8Array[] = [];
        const writer = new BlockRecordWriter(async (frame) => void frames.push(frame));
        for (const block of blocks) await writer.add(block);
        await writer.flush();
        const total = lengths.reduce(
          (sum: number, length) => sum + (length === undefined ? 1 : 5 + length),
          0,
        );
        expect(frames.length).toBe(Math.ceil(total / BLOCK_FRAME));
        const reader = new BlockRecordReader(framesOf(frames));
        for (const block of blocks) {
          const whole = reader.whole();
          const read = whole ? whole.block : await reader.next();
          expect(read === undefined).toBe(block === undefined);
          if (read && block) expect(Buffer.compare(read, block)).toBe(0);
        }
        await expect(reader.next()).rejects.toMatchObject({ code: 'STREAM_ENDED' });
      }),
      { numRuns: 100 },
    );
  });

  it('are refused when they claim to be longer than any block, before anything is held for them', async () => {
    const reader = new BlockRecordReader(framesOf([Uint8Array.of(1, 1, 0x48, 0xe8, 1)]));
    await expect(reader.next()).rejects.toMatchObject({ code: 'BAD_ENCODING' });
  });

  it('end with an error of ours whatever the frames hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        async (frames) => {
          const reader = new BlockRecordReader(framesOf([...frames]));
          try {
            for (;;) if (!reader.whole()) await reader.next();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});
