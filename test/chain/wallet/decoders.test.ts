import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, toHex } from '#src/base/index.js';
import {
  createKey,
  decodeAddress,
  decodeEnvelope,
  decodeKeystore,
  decodeWif,
  encodeAddress,
  encodeEnvelope,
  encodeKeystore,
  encodeTransaction,
  encodeWif,
  fundTransaction,
  networkParameters,
  p2pkhScript,
  sealKey,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';

const regtest = networkParameters('regtest');
const key = createKey(regtest);
const keystore = encodeKeystore(await sealKey(key, 'correct horse', regtest));
const script = p2pkhScript(new Uint8Array(20));
const { transaction, spentOutputs } = fundTransaction({
  outputs: [{ value: 10_000n, lockingScript: script }],
  utxos: [
    {
      outpoint: { hash: new Uint8Array(32).fill(7), index: 1 },
      output: { value: 20_000n, lockingScript: script },
      height: 1,
      coinbase: false,
    },
  ],
  changeScript: script,
});
const envelope = encodeEnvelope('regtest', transaction, spentOutputs);

interface Decoder {
  readonly name: string;
  /** A text that it takes. */
  readonly good: string;
  /** Decodes, and encodes again what came out. */
  readonly again: (text: string) => string;
}

const decoders: readonly Decoder[] = [
  {
    name: 'an address',
    good: key.address,
    again: (text) => encodeAddress(decodeAddress(text, regtest), regtest),
  },
  {
    name: 'a private key in wallet import format',
    good: encodeWif(key.privateKey, regtest),
    again: (text) => encodeWif(decodeWif(text, regtest), regtest),
  },
  {
    name: 'a keystore',
    good: keystore,
    again: (text) => encodeKeystore(decodeKeystore(text, regtest)),
  },
  {
    name: 'the envelope of the pipe',
    good: envelope,
    again: (text) => {
      const read = decodeEnvelope(text, 'regtest');
      if (!read.spentOutputs) return toHex(encodeTransaction(read.transaction));
      return encodeEnvelope('regtest', read.transaction, read.spentOutputs);
    },
  },
  {
    name: 'a bare transaction in the pipe',
    good: toHex(encodeTransaction(transaction)),
    again: (text) => toHex(encodeTransaction(decodeEnvelope(text, 'regtest').transaction)),
  },
];

/** Texts of every kind: random ones, JSON, the good one cut, doubled, and with characters changed. */
function textsLike(good: string): fc.Arbitrary<string> {
  const at = fc.nat(good.length - 1);
  const character = fc.oneof(fc.constantFrom(...good), fc.string({ minLength: 0, maxLength: 2 }));
  const changed = fc
    .array(fc.tuple(at, character), { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce((text, [i, c]) => text.slice(0, i) + c + text.slice(i + 1), good),
    );
  const cut = fc.tuple(at, at).map(([from, to]) => good.slice(from, to));
  const hex = fc.uint8Array({ maxLength: 120 }).map(toHex);
  return fc.oneof(
    { arbitrary: changed, weight: 6 },
    { arbitrary: cut, weight: 2 },
    { arbitrary: fc.string({ maxLength: 100 }), weight: 2 },
    { arbitrary: fc.json({ maxDepth: 2 }), weight: 1 },
    { arbitrary: hex, weight: 1 },
    { arbitrary: fc.constantFrom('', good + good, ` ${good}`, 'x'.repeat(100_000)), weight: 1 },
  );
}

/** What one text is to another but for spacing, the order of JSON members and the case of hex, which readers let pass. */
function plain(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) return trimmed.toLowerCase();
  return JSON.stringify(JSON.parse(trimmed)).toLowerCase();
}

describe('a decoder of the wallet', () => {
  for (const { name, good, again } of decoders) {
    it(
      `reads ${name} as it was written, and refuses every other text by a name`,
      () => {
        expect(again(good)).toBe(good);
        fc.assert(
          fc.property(textsLike(good), (text) => {
            let written: string;
            try {
              written = again(text);
            } catch (thrown) {
              expect(thrown).toBeInstanceOf(BitmodelError);
              return;
            }
            if (text === good) return;
            // an amount may be written with fewer decimals, and members may be there that nobody reads
            const isEnvelope = text.trim().startsWith('{');
            if (isEnvelope) expect(again(written)).toBe(written);
            else expect(plain(written)).toBe(plain(text));
          }),
          { numRuns: cases(20_000, 10_000_000) },
        );
      },
      timeLimit(240_000),
    );
  }

  it('never gives away the private key that it refuses', () => {
    const wif = encodeWif(key.privateKey, regtest);
    fc.assert(
      fc.property(fc.nat(wif.length - 1), fc.constantFrom(...'123456789ABCabc'), (at, c) => {
        const text = wif.slice(0, at) + c + wif.slice(at + 1);
        try {
          expect(decodeWif(text, regtest)).toEqual(key.privateKey);
        } catch (thrown) {
          expect((thrown as Error).message).not.toContain(text.slice(5, 20));
        }
      }),
      { numRuns: 300 },
    );
  });
});
