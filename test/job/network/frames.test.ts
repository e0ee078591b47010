import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, canonicalBytes, equalBytes, toHex, utf8 } from '#src/base/index.js';
import {
  decodeDigests,
  decodeJobIds,
  decodeMessages,
  decodePoolQuestion,
  encodeDigests,
  encodeJobIds,
  encodeMessages,
  encodePoolQuestion,
} from '#src/job/network/frames.js';
import { decodeJobMessage, encodeJobMessage } from '#src/job/network/wire.js';
import { cases } from '../../long.js';
import { announce, makeJob, offer } from '../make.js';

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);
const ids = fc.array(id, { maxLength: 4 });
const jobs = fc.array(fc.record({ jobId: id, ids }), { maxLength: 3 });

const forms = [
  {
    name: 'a question',
    encode: encodePoolQuestion,
    decode: decodePoolQuestion,
    value: fc.oneof(
      fc.record({
        kind: fc.constant('digests' as const),
        after: fc.option(id, { nil: undefined }),
      }),
      fc.record({ kind: fc.constant('ids' as const), jobIds: ids }),
      fc.record({ kind: fc.constant('want' as const), ids }),
      fc.record({ kind: fc.constant('have' as const), jobs }),
    ),
  },
  {
    name: 'a page of digests',
    encode: encodeDigests,
    decode: decodeDigests,
    value: fc
      .tuple(fc.uniqueArray(id, { minLength: 1, maxLength: 4 }), id, fc.boolean())
      .map(([names, digest, isMore]) => ({
        lines: names.sort().map((name) => [name, digest]),
        isMore,
      })),
  },
  { name: 'ids of jobs', encode: encodeJobIds, decode: decodeJobIds, value: jobs },
  {
    name: 'an answer with messages',
    encode: encodeMessages,
    decode: decodeMessages,
    value: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
  },
] as {
  name: string;
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  value: fc.Arbitrary<unknown>;
}[];

function onlyBadEncoding(read: () => void): void {
  try {
    read();
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    expect(thrown.code).toBe('BAD_ENCODING');
  }
}

describe.each(forms)('the form of $name', ({ encode, decode, value }) => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(decode(encode(each))).toEqual(each);
      }),
    );
  });

  it('is read from its one encoding alone, and from nothing else', () => {
    const mutated = fc
      .tuple(value, fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([each, at, byte]) => {
        const bytes = encode(each);
        bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (given) =>
        onlyBadEncoding(() => void expect(equalBytes(encode(decode(given)), given)).toBe(true)),
      ),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});

describe('a job message on the wire', () => {
  const messages = [announce(makeJob()), offer(makeJob(), 's0')];

  it('comes back as it was', () => {
    for (const message of messages) {
      expect(decodeJobMessage(encodeJobMessage(message))).toEqual(message);
    }
  });

  it('has one form alone', () => {
    const text = JSON.stringify(messages[0]);
    for (const other of [`${text} `, text, JSON.stringify(JSON.parse(text), null, 1)]) {
      const isCanonical = other === new TextDecoder().decode(encodeJobMessage(messages[0]!));
      if (!isCanonical) expect(() => decodeJobMessage(utf8(other))).toThrow('canonical');
    }
  });

  it('is no more than 1 MiB, and no other bytes', () => {
    expect(() => decodeJobMessage(canonicalBytes('x'.repeat(1 << 20)))).toThrow('1 MiB');
    expect(() => decodeJobMessage(utf8('['.repeat(500_000)))).toThrow('canonical');
    const encoded = messages.map(encodeJobMessage);
    const mutated = fc
      .tuple(fc.constantFrom(...encoded), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte));
    const given = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(utf8), mutated);
    fc.assert(
      fc.property(given, (bytes) => onlyBadEncoding(() => void decodeJobMessage(bytes))),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
