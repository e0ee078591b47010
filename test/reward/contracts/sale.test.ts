import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import {
  type ContractSpend,
  hash160,
  type OutputToken,
  p2pkhScript,
  publicKeyOf,
  signContract,
  type TransactionOutput,
} from '#src/chain/index.js';
import {
  type OfferTerms,
  offerScript,
  parseOffer,
  parseSale,
  type SaleTerms,
  saleScript,
} from '#src/reward/contracts/sale.js';
import {
  BUY_UNLOCKING,
  offerBuySpend,
  offerOutput,
  saleBuySpend,
  saleCancelSpend,
  saleCancelUnlocking,
  saleOutput,
} from '#src/reward/contracts/saleSpends.js';
import {
  answer,
  answerAtSecond,
  asSecondInput,
  fund,
  keyOf,
  outpointOf,
  spoiledOutputs,
  withOutput,
} from '../../job/contracts/setup.js';
import {
  arbitraryTampering,
  keepsContract,
  keepsFirstInput,
  keepsOutputs,
} from '../../job/contracts/tamper.js';
import { cases } from '../../long.js';

const AUTHOR = p2pkhScript(hash160(utf8('author')));
const BUYER = p2pkhScript(hash160(utf8('buyer')));
const SELLER = keyOf('seller');
const terms: OfferTerms = {
  seller: publicKeyOf(SELLER),
  author: sha256(AUTHOR),
  price: 1_000_003n,
  royaltyPpm: 50_000,
};
const category = keyOf('category');
const nft: OutputToken = {
  category,
  amount: 0n,
  nft: { capability: 'none', commitment: keyOf('model') },
};

const buy = (spend: ContractSpend) => answer(fund(spend), BUY_UNLOCKING);

describe('an offer', () => {
  const coin = { outpoint: outpointOf('offer'), output: offerOutput(terms, nft) };
  const honest = offerBuySpend(coin, AUTHOR, BUYER);

  it('sells its token for the price, the author’s royalty out of it', () => {
    const dust = coin.output.value;
    expect(honest.outputs.map(({ value }) => value).slice(0, 2)).toEqual([
      dust + 950_003n,
      50_000n,
    ]);
    expect(honest.outputs[2]).toMatchObject({ lockingScript: BUYER, token: nft });
    expect(buy(honest)).toMatchObject({ ok: true });
  });

  it('works for every price and royalty', () => {
    const drawn = fc.record({
      price: fc.bigInt({ min: 1n, max: 1n << 60n }),
      royaltyPpm: fc.integer({ min: 0, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(drawn, (changes) => {
        const output = offerOutput({ ...terms, ...changes }, nft);
        expect(parseOffer(output.lockingScript)).toEqual({ ...terms, ...changes });
        expect(buy(offerBuySpend({ ...coin, output }, AUTHOR, BUYER))).toMatchObject({ ok: true });
      }),
      { numRuns: 60 },
    );
  });

  it.each(spoiledOutputs({ ...honest, outputs: honest.outputs.slice(0, 2) }))(
    'refuses %s',
    (_, spoiled) => {
      expect(buy(spoiled).ok).toBe(false);
    },
  );

  it('refuses the royalty to the seller, and any input but the first', () => {
    const { lockingScript } = honest.outputs[0]!;
    expect(buy(withOutput(honest, 1, { lockingScript })).ok).toBe(false);
    expect(answerAtSecond(asSecondInput(fund(honest)), BUY_UNLOCKING).ok).toBe(false);
  });

  it('refuses one payment for two offers', () => {
    const funded = fund(honest);
    const second = { ...funded.transaction.inputs[0]!, outpoint: outpointOf('second offer') };
    const inputs = [funded.transaction.inputs[0]!, second];
    const both = {
      transaction: { ...funded.transaction, inputs },
      spentOutputs: [coin.output, coin.output],
    };
    expect(answer(both, BUY_UNLOCKING)).toMatchObject({ ok: true });
    expect(answerAtSecond(both, BUY_UNLOCKING).ok).toBe(false);
  });

  it('is taken back by its seller alone', () => {
    const spend = saleCancelSpend(coin, BUYER);
    const funded = fund(spend);
    const by = (who: Uint8Array) => answer(funded, saleCancelUnlocking(signContract(funded, who)));
    expect(by(SELLER)).toMatchObject({ ok: true });
    expect(by(keyOf('buyer')).ok).toBe(false);
    expect(spend.outputs[0]!.token).toEqual(nft);
  });

  it('is not bought with another author’s script, nor without a token', () => {
    const bad = expect.objectContaining({ code: 'BAD_SALE' });
    expect(() => offerBuySpend(coin, BUYER, BUYER)).toThrow(bad);
    const { token: _, ...empty } = coin.output;
    expect(() => offerBuySpend({ ...coin, output: empty }, AUTHOR, BUYER)).toThrow(bad);
    const other = { value: 1_000n, lockingScript: BUYER, token: nft };
    expect(() => offerBuySpend({ ...coin, output: other }, AUTHOR, BUYER)).toThrow(bad);
    expect(() => saleCancelSpend({ ...coin, output: other }, BUYER)).toThrow(bad);
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const funded = fund(honest);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const first = keepsFirstInput(after, funded);
        const { ok } = first ? answer(after, BUY_UNLOCKING) : answerAtSecond(after, BUY_UNLOCKING);
        expect(ok).toBe(first && keepsOutputs(after, honest.outputs.slice(0, 2)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a sale', () => {
  const selling: SaleTerms = { ...terms, price: 1_000n, lot: 10n };
  const coin = {
    outpoint: outpointOf('sale'),
    output: saleOutput(selling, { category, amount: 500n }),
  };
  const honest = saleBuySpend(coin, 120n, AUTHOR, BUYER);

  it('sells whole lots, and keeps the rest on sale under the same script', () => {
    expect(honest.outputs[0]).toEqual({ ...coin.output, token: { category, amount: 380n } });
    expect(honest.outputs.slice(1, 3).map(({ value }) => value)).toEqual([11_400n, 600n]);
    expect(honest.outputs[3]).toMatchObject({ lockingScript: BUYER, token: { amount: 120n } });
    expect(buy(honest)).toMatchObject({ ok: true });
  });

  it('sells out, buyer by buyer, to the last unit', () => {
    let { output } = coin;
    for (const amount of [10n, 100n, 390n]) {
      const spend = saleBuySpend({ ...coin, output }, amount, AUTHOR, BUYER);
      expect(buy(spend)).toMatchObject({ ok: true });
      output = spend.outputs[0]!;
    }
    expect(output).toEqual({ value: coin.output.value, lockingScript: coin.output.lockingScript });
  });

  it('works for every amount, lot and price', () => {
    const drawn = fc.record({
      lots: fc.bigInt({ min: 1n, max: 1_000n }),
      more: fc.bigInt({ min: 0n, max: 1n << 40n }),
      lot: fc.bigInt({ min: 1n, max: 1n << 20n }),
      price: fc.bigInt({ min: 1n, max: 1n << 40n }),
      royaltyPpm: fc.integer({ min: 0, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(drawn, ({ lots, more, ...changes }) => {
        const under = { ...selling, ...changes };
        const amount = lots * changes.lot;
        const output = saleOutput(under, { category, amount: amount + more });
        expect(parseSale(output.lockingScript)).toEqual(under);
        expect(buy(saleBuySpend({ ...coin, output }, amount, AUTHOR, BUYER))).toMatchObject({
          ok: true,
        });
      }),
      { numRuns: 40 },
    );
  });

  const plain = { capability: 'none', commitment: new Uint8Array(0) } as const;
  const [rest, ...paid] = honest.outputs;
  const restWith = (changes: Partial<TransactionOutput>) => ({
    ...honest,
    outputs: [{ ...rest!, ...changes }, ...paid],
  });
  it.each<[string, ContractSpend]>([
    ['a unit more than was paid for', restWith({ token: { category, amount: 379n } })],
    ['a lot more than was paid for', restWith({ token: { category, amount: 370n } })],
    ['less than a whole lot', restWith({ token: { category, amount: 385n } })],
    ['nothing sold', restWith({ token: { category, amount: 500n } })],
    ['more left than there was', restWith({ token: { category, amount: 510n } })],
    ['all taken', restWith({ token: undefined })],
    [
      'another token left in its place',
      restWith({ token: { category: keyOf('x'), amount: 380n } }),
    ],
    [
      'an NFT of the category left',
      restWith({
        token: {
          category,
          amount: 380n,
          nft: { capability: 'minting', commitment: new Uint8Array(0) },
        },
      }),
    ],
    [
      'an immutable NFT laid on the rest',
      restWith({ token: { category, amount: 380n, nft: nft.nft } }),
    ],
    [
      'a mutable NFT laid on the rest',
      restWith({ token: { category, amount: 380n, nft: { ...plain, capability: 'mutable' } } }),
    ],
    ['the rest under another script', restWith({ lockingScript: BUYER })],
    [
      'the rest at a lower price',
      restWith({ lockingScript: saleScript({ ...selling, price: 1n }) }),
    ],
    ['the rest’s coins taken', restWith({ value: rest!.value - 1n })],
  ])('refuses %s', (_, spend) => {
    expect(buy(spend).ok).toBe(false);
  });

  it.each(spoiledOutputs({ ...honest, outputs: honest.outputs.slice(0, 3) }))(
    'refuses %s',
    (_, spoiled) => {
      expect(buy(spoiled).ok).toBe(false);
    },
  );

  it('refuses an NFT of the category where nothing else is left', () => {
    const last = saleBuySpend(coin, 500n, AUTHOR, BUYER);
    expect(buy(last)).toMatchObject({ ok: true });
    for (const changes of [{}, { commitment: keyOf('x') }, { capability: 'minting' as const }]) {
      const token = { category, amount: 0n, nft: { ...plain, ...changes } };
      expect(buy(withOutput(last, 0, { token })).ok).toBe(false);
    }
  });

  it('goes on where a buyer leaves an NFT that no script can see: the next buyer gets it', () => {
    const laid = restWith({ token: { category, amount: 380n, nft: plain } });
    expect(buy(laid)).toMatchObject({ ok: true });
    const next = saleBuySpend({ ...coin, output: laid.outputs[0]! }, 30n, AUTHOR, BUYER);
    expect(buy(next)).toMatchObject({ ok: true });
    expect(next.outputs[0]!.token).toEqual({ category, amount: 350n });
    expect(next.outputs[3]!.token).toEqual({ category, amount: 30n, nft: plain });
  });

  it('sells nothing of an output that holds any other NFT, whoever locked it', () => {
    const bad = expect.objectContaining({ code: 'BAD_SALE' });
    for (const changes of [{ commitment: keyOf('x') }, { capability: 'minting' as const }]) {
      const token = { category, amount: 500n, nft: { ...plain, ...changes } };
      const mixed = { ...coin, output: { ...coin.output, token } };
      expect(() => saleBuySpend(mixed, 10n, AUTHOR, BUYER)).toThrow(bad);
      const inputs = honest.inputs.map((input) => ({ ...input, output: mixed.output }));
      expect(buy({ ...honest, inputs }).ok).toBe(false);
      const kept = { ...token, amount: 380n };
      expect(buy({ ...restWith({ token: kept }), inputs }).ok).toBe(false);
    }
  });

  it('refuses any input but the first', () => {
    expect(answerAtSecond(asSecondInput(fund(honest)), BUY_UNLOCKING).ok).toBe(false);
  });

  it('is not asked for what it does not have, or for an NFT', () => {
    const bad = expect.objectContaining({ code: 'BAD_SALE' });
    for (const amount of [0n, 5n, 510n, -10n]) {
      expect(() => saleBuySpend(coin, amount, AUTHOR, BUYER)).toThrow(bad);
    }
    expect(() => saleOutput(selling, nft)).toThrow(bad);
    const sold = { ...coin, output: { ...coin.output, token: undefined } };
    expect(() => saleBuySpend(sold, 10n, AUTHOR, BUYER)).toThrow(bad);
  });

  it('is taken back by its seller alone', () => {
    const funded = fund(saleCancelSpend(coin, BUYER));
    const by = (who: Uint8Array) => answer(funded, saleCancelUnlocking(signContract(funded, who)));
    expect(by(SELLER)).toMatchObject({ ok: true });
    expect(by(keyOf('buyer')).ok).toBe(false);
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const funded = fund(honest);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const first = keepsFirstInput(after, funded);
        const { ok } = first ? answer(after, BUY_UNLOCKING) : answerAtSecond(after, BUY_UNLOCKING);
        const kept =
          keepsContract(after, funded) && keepsOutputs(after, honest.outputs.slice(0, 3));
        expect(ok).toBe(kept);
      }),
      { numRuns: 60 },
    );
  });
});

describe('terms of a sale', () => {
  it.each<[string, Partial<SaleTerms>]>([
    ['no price', { price: 0n }],
    ['a price beyond 2^63', { price: 1n << 63n }],
    ['a royalty beyond the whole', { royaltyPpm: 1_000_001 }],
    ['an author that is no hash', { author: new Uint8Array(20) }],
    ['a seller that is no key', { seller: new Uint8Array(33) }],
    ['an empty lot', { lot: 0n }],
  ])('refuse %s', (_, change) => {
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    expect(() => saleScript({ ...terms, lot: 1n, ...change })).toThrow(bad);
    if (!('lot' in change)) expect(() => offerScript({ ...terms, ...change })).toThrow(bad);
  });

  it('are read from no other bytes', () => {
    const scripts = [offerScript(terms), saleScript({ ...terms, lot: 7n })];
    const flipped = fc
      .tuple(fc.constantFrom(...scripts), fc.nat(500), fc.integer({ min: 1, max: 255 }))
      .map(([script, at, flip]) =>
        script.with(at % script.length, script[at % script.length]! ^ flip),
      );
    const any = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(
        fc.oneof({ weight: 15, arbitrary: any }, { weight: 1, arbitrary: flipped }),
        (bytes) => {
          const offer = parseOffer(bytes);
          const sale = parseSale(bytes);
          if (offer) expect(offerScript(offer)).toEqual(bytes);
          if (sale) expect(saleScript(sale)).toEqual(bytes);
        },
      ),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });
});
