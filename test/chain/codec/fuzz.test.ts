import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, equalBytes } from '#src/base/index.js';
import {
  ByteReader,
  ByteWriter,
  decodeBlock,
  decodeHeader,
  decodeOutputScript,
  decodeTransaction,
  encodeBlock,
  encodeHeader,
  encodeOutputScript,
  encodeTokenPrefix,
  encodeTransaction,
  readTokenPrefix,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import {
  anyTransaction,
  blockArbitrary,
  headerArbitrary,
  outputArbitrary,
  tokenArbitrary,
} from '../transactions.js';
import { mutants } from './mutations.js';

const u32 = fc.nat(0xffff_ffff);
/** Reads all of the bytes with one read of a {@link ByteReader}. */
function whole<T>(read: (reader: ByteReader) => T): (bytes: Uint8Array) => T {
  return (bytes) => {
    const reader = new ByteReader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  };
}

/** A decoder with its encoder, both over one type that only they know. */
interface Codec {
  readonly name: string;
  readonly encodings: fc.Arbitrary<Uint8Array>;
  /** Decodes, and encodes what came of it. */
  readonly again: (bytes: Uint8Array) => Uint8Array;
}

const CODECS: readonly Codec[] = [
  {
    name: 'transactions',
    encodings: anyTransaction().map(encodeTransaction),
    again: (bytes) => encodeTransaction(decodeTransaction(bytes)),
  },
  {
    name: 'blocks',
    encodings: blockArbitrary.map(encodeBlock),
    again: (bytes) => encodeBlock(decodeBlock(bytes)),
  },
  {
    name: 'headers',
    encodings: headerArbitrary.map(encodeHeader),
    again: (bytes) => encodeHeader(decodeHeader(bytes)),
  },
  {
    name: 'token prefixes',
    encodings: tokenArbitrary.map(encodeTokenPrefix),
    again: (bytes) => encodeTokenPrefix(whole(readTokenPrefix)(bytes)),
  },
  {
    name: 'script fields',
    encodings: outputArbitrary.map(encodeOutputScript),
    again: (bytes) => encodeOutputScript(decodeOutputScript(bytes)),
  },
  {
    name: 'var-ints',
    encodings: u32.map((value) => new ByteWriter().varInt(value).finish()),
    again: (bytes) => new ByteWriter().varInt(whole((reader) => reader.varInt())(bytes)).finish(),
  },
  {
    name: 'amounts of tokens',
    encodings: fc
      .bigInt({ min: 0n, max: 2n ** 64n - 1n })
      .map((value) => new ByteWriter().bigVarInt(value).finish()),
    again: (bytes) =>
      new ByteWriter().bigVarInt(whole((reader) => reader.bigVarInt())(bytes)).finish(),
  },
];

describe('whatever bytes come', () => {
  it.each(CODECS)(
    '$name are read and come out as the very same bytes, or are refused',
    { timeout: timeLimit(240_000) },
    ({ encodings, again }) => {
      let read = 0;
      const holds = fc.property(mutants(encodings), (bytes) => {
        let out: Uint8Array;
        try {
          out = again(bytes);
        } catch (thrown) {
          const refused = thrown instanceof BitmodelError && thrown.code === 'BAD_ENCODING';
          if (!refused) throw thrown;
          return;
        }
        read++;
        if (!equalBytes(out, bytes)) throw new Error('the bytes are others');
      });
      fc.assert(holds, { numRuns: cases(20_000, 10_000_000) });
      // mutants that nothing takes would prove nothing
      expect(read).toBeGreaterThan(100);
    },
  );
});
