import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { categoryFromJson } from '#src/chain/client/categoryJson.js';
import { parseTokenView, type TokenJson, tokenView } from '#src/chain/index.js';
import { tokenArbitrary } from '../transactions.js';

const ID = 'ab'.repeat(32);
const category = {
  category: ID,
  genesis: ID,
  height: 5,
  amount: '12',
  outputs: 3,
  nfts: { none: 1, mutable: 0, minting: 1 },
  history: [{ txid: ID, height: 5 }],
};

describe('a token in JSON', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(tokenArbitrary, (token) => {
        const text = JSON.stringify(tokenView(token));
        expect(parseTokenView(JSON.parse(text) as TokenJson)).toEqual(token);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    { category: ID, amount: '-1' },
    { category: ID, amount: '1.5' },
    { category: ID, amount: '10000000000000000000000' },
    { category: 'ab', amount: '1' },
    { category: ID, amount: '0', nft: { capability: 'all', commitment: '' } },
    { category: ID, amount: '0', nft: { capability: 'none', commitment: 'x' } },
  ])('is refused as $amount of $category with $nft', (json) => {
    expect(() => parseTokenView(json)).toThrow(BitmodelError);
  });
});

describe('a token category in JSON', () => {
  it('is taken when every field is there', () => {
    expect(categoryFromJson(category)).toEqual(category);
  });

  it.each([
    undefined,
    null,
    [],
    'x',
    { ...category, category: 1 },
    { ...category, genesis: 'x' },
    { ...category, amount: '-1' },
    { ...category, outputs: 0.5 },
    { ...category, nfts: undefined },
    { ...category, nfts: { none: 1 } },
    { ...category, history: {} },
    { ...category, history: [null] },
    { ...category, history: [{ txid: ID, height: -1 }] },
  ])('is refused else: %j', (json) => {
    expect(() => categoryFromJson(json)).toThrow(
      expect.objectContaining({ code: 'BAD_RPC_ANSWER' }),
    );
  });

  it('is a category or an error, whatever a node answers', () => {
    const fields = Object.fromEntries(
      Object.keys(category).map((name) => [
        name,
        fc.oneof(fc.constant(category[name as 'amount']), fc.jsonValue()),
      ]),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record(fields)), (json) => {
        try {
          expect(categoryFromJson(json)).toEqual(json);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_RPC_ANSWER' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
