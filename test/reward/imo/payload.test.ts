import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '#src/base/index.js';
import { createKey, decodePin, networkParameters, type Transaction } from '#src/chain/index.js';
import {
  commitmentScript,
  type ImoPromise,
  imoOutputs,
  imoPayload,
  incomeScript,
  parseCommitment,
  parseImoPayload,
  parseOffering,
} from '#src/reward/index.js';
import { cases } from '../../long.js';
import { idOf } from './issuer.js';

const key = createKey(networkParameters('regtest'));
const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((b) => Buffer.from(b).toString('hex'));
const coins = fc.bigInt({ min: 0n, max: 10n ** 17n });
const count = fc.integer({ min: 0, max: 1_000_000 });
const promises: fc.Arbitrary<ImoPromise> = fc.record({
  model: hex,
  incomePpm: fc.integer({ min: 1, max: 1_000_000 }),
  height: fc.integer({ min: 1, max: 499_999_999 }),
  criteria: fc.record({ burnt: coins, burners: count, dependents: count, income: coins }),
});
const PROMISE: ImoPromise = {
  model: idOf('m'),
  incomePpm: 200_000,
  height: 7,
  criteria: { burnt: 5n, burners: 2, dependents: 1, income: 0n },
};
const CATEGORY = new Uint8Array(32).fill(9);

function offeringTransaction(promise: ImoPromise = PROMISE): Transaction {
  const choice = { seller: key.publicKey, price: 100n, lot: 10n };
  return {
    version: 10,
    inputs: [
      { outpoint: { hash: CATEGORY, index: 0 }, unlockingScript: new Uint8Array(0), sequence: 0 },
    ],
    outputs: imoOutputs(promise, choice, CATEGORY, 1_000n),
    lockTime: 0,
    jobId: new Uint8Array(32),
  };
}

describe('the pin of an offering', () => {
  it('says what was promised, in one form only', () => {
    fc.assert(
      fc.property(promises, (promise) => {
        expect(parseImoPayload(imoPayload(promise))).toEqual(promise);
      }),
      { numRuns: cases(300, 100_000) },
    );
  });

  const said = JSON.parse(new TextDecoder().decode(imoPayload(PROMISE))) as object;
  it.each([
    ['another version', { v: 2 }],
    ['a share of nothing', { incomePpm: 0 }],
    ['a share of more than all', { incomePpm: 1_000_001 }],
    ['a share that is no whole number', { incomePpm: 0.5 }],
    ['a model with capitals', { model: 'A'.repeat(64) }],
    ['a height of nothing', { height: 0 }],
    [
      'an amount in another form',
      { criteria: { burnt: '0.5', burners: 1, dependents: 1, income: '1' } },
    ],
    ['a field that means nothing', { extra: 1 }],
  ])('is none with %s', (_, change) => {
    const keys = Object.entries({ ...said, ...change }).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(parseImoPayload(utf8(JSON.stringify(Object.fromEntries(keys))))).toBeUndefined();
  });

  it('is none in another order, or with spaces', () => {
    const { v, ...rest } = said as { v: number };
    expect(parseImoPayload(utf8(JSON.stringify({ v, ...rest })))).toBeUndefined();
    expect(parseImoPayload(utf8(JSON.stringify(said, null, 1)))).toBeUndefined();
  });

  it('takes anything at all without a word', () => {
    const good = imoPayload(PROMISE);
    const mutated = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }))
      .map(([at, byte]) => good.with(at, byte));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), mutated), (bytes) => {
        const parsed = parseImoPayload(bytes);
        if (parsed) expect(imoPayload(parsed)).toEqual(bytes);
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });
});

describe('the transaction of an offering', () => {
  const good = offeringTransaction();
  const [sale, says] = good.outputs as [Transaction['outputs'][0], Transaction['outputs'][0]];

  it('shows model, category, supply, price and issuer', () => {
    expect(parseOffering(good)).toMatchObject({
      ...PROMISE,
      category: CATEGORY,
      supply: 1_000n,
      terms: { seller: key.publicKey, price: 100n, lot: 10n, royaltyPpm: 0 },
    });
  });

  const token = { category: CATEGORY, amount: 1_000n };
  const spend = (hash: Uint8Array, index: number) => [
    { outpoint: { hash, index }, unlockingScript: new Uint8Array(0), sequence: 0 },
  ];
  const more = { value: 1_000n, lockingScript: sale.lockingScript, token };
  const none = { capability: 'none', commitment: new Uint8Array(0) } as const;
  it.each<[string, Partial<Transaction>]>([
    ['units beside those on sale', { outputs: [sale, says, more] }],
    ['a category that is not born in it', { inputs: spend(new Uint8Array(32), 0) }],
    ['a category that can not be born from its coin', { inputs: spend(CATEGORY, 1) }],
    [
      'units on sale that are none',
      { outputs: [{ ...sale, token: { ...token, amount: 0n } }, says] },
    ],
    ['half a lot', { outputs: [{ ...sale, token: { ...token, amount: 1_005n } }, says] }],
    [
      'an NFT, which could mint',
      {
        outputs: [{ ...sale, token: { ...token, nft: { ...none, capability: 'minting' } } }, says],
      },
    ],
    [
      'a script that is no sale',
      { outputs: [{ ...sale, lockingScript: Uint8Array.of(0x51) }, says] },
    ],
    ['no pin', { outputs: [sale] }],
  ])('is none with %s', (_, change) => {
    expect(parseOffering({ ...good, ...change })).toBeUndefined();
  });

  it('is one beside tokens of other categories, as where the NFT that its model lies with goes through', () => {
    const nft = { capability: 'none', commitment: new Uint8Array(32) } as const;
    const other = { ...more, token: { category: new Uint8Array(32), amount: 1n, nft } };
    const beside = parseOffering({ ...good, outputs: [sale, says, other] });
    expect(beside).toMatchObject({ category: CATEGORY, supply: 1_000n });
  });

  it('is none whose sale pays somebody else beside the issuer', () => {
    const script = sale.lockingScript.slice();
    script[77] = 1; // the royalty
    expect(
      parseOffering({ ...good, outputs: [{ ...sale, lockingScript: script }, says] }),
    ).toBeUndefined();
  });

  it('is read or refused, whatever its scripts are', () => {
    const scripts = [sale.lockingScript, says.lockingScript] as const;
    const change = fc.tuple(fc.nat(1), fc.nat(400), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        change,
        fc.uint8Array({ maxLength: 300 }),
        fc.boolean(),
        ([which, at, byte], other, isMutated) => {
          const own = scripts[which]!;
          const lockingScript = isMutated ? own.with(at % own.length, byte) : other;
          const outputs = good.outputs.map((output, i) =>
            i === which ? { ...output, lockingScript } : output,
          );
          const parsed = parseOffering({ ...good, outputs });
          if (parsed)
            expect(decodePin(outputs[1]!.lockingScript)!.payload).toEqual(imoPayload(parsed));
        },
      ),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});

describe('what a payment says of itself', () => {
  it('is read as it was written, by its own model only', () => {
    const root = new Uint8Array(32).fill(3);
    const script = commitmentScript(PROMISE.model, { height: 0xfedcba98, root });
    expect(parseCommitment(PROMISE.model, script)).toEqual({ height: 0xfedcba98, root });
    expect(parseCommitment(idOf('another'), script)).toBeUndefined();
    expect(parseCommitment(PROMISE.model, script.subarray(0, -1))).toBeUndefined();
  });

  it('fits an owner’s script: the holders’ contract can be declared as a source', () => {
    expect(incomeScript(PROMISE.model, key.publicKey)).toHaveLength(80);
  });
});
