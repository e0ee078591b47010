import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '#src/base/index.js';
import { merkleRoot } from '#src/chain/index.js';
import { coinbaseBranch, rootOfBranch } from '#src/chain/mining/branch.js';
import { createSearch, ScalarSearch, SimdSearch } from '#src/chain/mining/NonceSearch.js';
import { bigEndianWords, compress, INITIAL_STATE, midstate } from '#src/chain/mining/sha256.js';
import { hashArbitrary } from '../transactions.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const headerArbitrary = fc.uint8Array({ minLength: 80, maxLength: 80 });

/** FIPS 180-4's padding. */
function padded(message: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  bytes.writeBigUInt64BE(BigInt(8 * message.length), bytes.length - 8);
  return bytes;
}

function ownSha256(message: Uint8Array): Buffer {
  const state = Uint32Array.from(INITIAL_STATE);
  const words = bigEndianWords(padded(message));
  for (let at = 0; at < words.length; at += 16) compress(state, words.subarray(at, at + 16));
  const hash = Buffer.alloc(32);
  state.forEach((word, index) => {
    hash.writeUInt32BE(word, 4 * index);
  });
  return hash;
}

/** The number of a header's hash, by node:crypto alone. */
function hashNumber(header: Uint8Array, nonce: number): bigint {
  const bytes = Buffer.from(header);
  bytes.writeUInt32LE(nonce, 76);
  return BigInt(`0x${sha256(sha256(bytes)).reverse().toString('hex')}`);
}

const swapped = (counter: number) => Buffer.from(Uint32Array.of(counter).buffer).readUInt32BE();

describe('the compression function', () => {
  it('makes the same SHA-256 as node:crypto, of messages of every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        expect(ownSha256(message)).toEqual(sha256(message));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves a midstate that the rest of a header goes on from', () => {
    fc.assert(
      fc.property(headerArbitrary, (header) => {
        const state = midstate(header);
        compress(state, bigEndianWords(padded(header).subarray(64)));
        expect(Buffer.from(bigEndianWords(sha256(header)).buffer)).toEqual(
          Buffer.from(state.buffer),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe.each([
  ['four nonces at once', () => new SimdSearch()],
  ['one nonce after the other', () => new ScalarSearch()],
])('a search for nonces, %s', (_, make) => {
  it("finds the nonce of Bitcoin's first block", () => {
    const header = fromHex(
      '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d00000000',
    );
    const search = make();
    search.begin(header, 0xffffn << 208n);
    const counter = swapped(2_083_236_893);
    const from = (counter & ~3) - 4_000;
    expect(search.scan(from, 8_000)).toEqual({
      nonce: 2_083_236_893,
      tried: counter - from + 1,
    });
    expect(search.scan(from, 4_000)).toBeUndefined();
  });

  it('finds just the first nonce that node:crypto finds, at targets of every size', () => {
    const search = make();
    const COUNT = 64;
    fc.assert(
      fc.property(
        headerArbitrary,
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc.nat({ max: 12 }),
        fc.nat({ max: 2 ** 30 - COUNT }),
        (header, random, shift, quarter) => {
          const target = random >> BigInt(shift);
          const from = 4 * quarter;
          search.begin(header, target);
          const counters = Array.from({ length: COUNT }, (__, index) => from + index);
          const index = counters.findIndex((each) => hashNumber(header, swapped(each)) <= target);
          const expected =
            index < 0 ? undefined : { nonce: swapped(counters[index]!), tried: index + 1 };
          expect(search.scan(from, COUNT)).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('the search that is chosen', () => {
  it('is the one of four at once where the machine can do it', () => {
    expect(createSearch().kind).toBe('simd');
  });
});

describe("the coinbase's branch", () => {
  it('leads to the Merkle root of the whole block', () => {
    fc.assert(
      fc.property(hashArbitrary, fc.array(hashArbitrary, { maxLength: 40 }), (first, others) => {
        const root = rootOfBranch(first, coinbaseBranch(others));
        expect(Buffer.from(root)).toEqual(Buffer.from(merkleRoot([first, ...others]).root));
      }),
      { numRuns: 200 },
    );
  });
});
