import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '#src/base/index.js';
import {
  ByteReader,
  decodeOutputScript,
  decodeTransaction,
  encodeOutputScript,
  encodeTokenPrefix,
  encodeTransaction,
  hashToId,
  idToHash,
  NO_JOB,
  type OutputToken,
  readTokenPrefix,
  type Transaction,
  transactionHash,
} from '#src/chain/index.js';
import { hashArbitrary, tokenArbitrary } from '../transactions.js';

interface ValidPrefix {
  readonly prefix: string;
  readonly data: {
    readonly amount: string;
    readonly category: string;
    readonly nft?: { readonly capability: 'none' | 'mutable' | 'minting'; commitment: string };
  };
}

function vectors<T>(kind: 'valid' | 'invalid'): T[] {
  const file = readFileSync(`fixtures/cashtokens/token-prefix-${kind}.json`, 'utf8');
  return (JSON.parse(file) as { prefixes: T[] }).prefixes;
}

const script = fromHex('76a914000000000000000000000000000000000000000088ac');

function tokenOf({ amount, category, nft }: ValidPrefix['data']): OutputToken {
  const plain = { category: idToHash(category), amount: BigInt(amount) };
  if (!nft) return plain;
  return {
    ...plain,
    nft: { capability: nft.capability, commitment: fromHex(nft.commitment) },
  };
}

describe('token prefix', () => {
  it.each(vectors<ValidPrefix>('valid'))('$prefix is the CHIP’s', ({ prefix, data }) => {
    const token = tokenOf(data);
    expect(toHex(encodeTokenPrefix(token))).toBe(prefix);
    const field = concatBytes(fromHex(prefix), script);
    expect(decodeOutputScript(field)).toEqual({ lockingScript: script, token });
    expect(encodeOutputScript({ lockingScript: script, token })).toEqual(field);
  });

  it.each(vectors<{ prefix: string; error: string }>('invalid'))(
    '$prefix is refused, as by the CHIP: $error',
    ({ prefix }) => {
      expect(() => readTokenPrefix(new ByteReader(fromHex(prefix)))).toThrow(
        expect.objectContaining({ code: 'BAD_ENCODING' }),
      );
      // the field keeps its bytes, so that the transaction keeps its id
      expect(decodeOutputScript(fromHex(prefix))).toEqual({ lockingScript: fromHex(prefix) });
    },
  );

  it('decodes to what was encoded', () => {
    const roundTrip = fc.property(
      tokenArbitrary,
      fc.uint8Array({ maxLength: 80 }),
      (token, rest) => {
        const field = encodeOutputScript({ lockingScript: rest, token });
        expect(decodeOutputScript(field)).toEqual({ lockingScript: rest, token });
      },
    );
    fc.assert(roundTrip, { numRuns: 500 });
  });

  it.each<[string, OutputToken]>([
    ['nothing at all', { category: NO_JOB, amount: 0n }],
    ['a negative amount', { category: NO_JOB, amount: -1n }],
    ['an amount beyond 2^63 - 1', { category: NO_JOB, amount: 2n ** 63n }],
    ['a category of 31 bytes', { category: new Uint8Array(31), amount: 1n }],
  ])('can not say %s', (_, token) => {
    expect(() => encodeTokenPrefix(token)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
  });

  it('is never taken out of a bare script', () => {
    const token = { category: NO_JOB, amount: 1n };
    const disguised = encodeOutputScript({ lockingScript: script, token });
    expect(() => encodeOutputScript({ lockingScript: disguised })).toThrow(
      expect.objectContaining({ code: 'BAD_TOKEN' }),
    );
  });
});

describe('a token on an output', () => {
  const paying = (token: OutputToken | undefined, version: number): Transaction => ({
    version,
    inputs: [],
    outputs: [{ value: 1n, lockingScript: script, ...(token && { token }) }],
    lockTime: 0,
    jobId: NO_JOB,
  });

  it('stands in front of the script, inside its length', () => {
    const token = { category: new Uint8Array(32).fill(0xbb), amount: 1n };
    expect(toHex(encodeTransaction(paying(token, 2)))).toBe(
      `020000000001${'0100000000000000'}3cef${'bb'.repeat(32)}1001${toHex(script)}00000000`,
    );
  });

  it('is part of the id, by MetaTxid and before', () => {
    const covered = fc.property(
      tokenArbitrary,
      hashArbitrary,
      fc.constantFrom(2, 10),
      (token, category, version) => {
        const ids = [undefined, token, { ...token, category }].map((each) =>
          hashToId(transactionHash(paying(each, version))),
        );
        expect(new Set(ids).size).toBe(3);
        const bytes = encodeTransaction(paying(token, version));
        expect(decodeTransaction(bytes)).toEqual(paying(token, version));
      },
    );
    fc.assert(covered, { numRuns: 100 });
  });

  it('keeps bytes that begin like a prefix and are none', () => {
    const field = fromHex(`ef${'bb'.repeat(32)}80`);
    const bytes = encodeTransaction({
      ...paying(undefined, 2),
      outputs: [{ value: 1n, lockingScript: field }],
    });
    const [output] = decodeTransaction(bytes).outputs;
    expect(output).toEqual({ value: 1n, lockingScript: field });
    expect(encodeTransaction(decodeTransaction(bytes))).toEqual(bytes);
  });
});
