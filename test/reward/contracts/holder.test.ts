import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JOB_VERSION,
  NO_JOB,
  type OutputToken,
  p2pkhScript,
  pushNumber,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';
import {
  HOLDER_SCRIPT_BYTES,
  holderScript,
  holderUnlocking,
  parseHolderScript,
} from '#src/reward/contracts/holder.js';
import { isPayable, MAXIMUM_OWNER_SCRIPT } from '#src/reward/declared/declaration.js';
import { keyOf, outpointOf } from '../../job/contracts/setup.js';
import { cases } from '../../long.js';

const category = keyOf('category');
const modelId = keyOf('model');
const script = holderScript({ category, modelId });
const anyone = p2pkhScript(new Uint8Array(20));
const nft: OutputToken = {
  category,
  amount: 0n,
  nft: { capability: 'none', commitment: modelId },
};
const holding = (token?: OutputToken, lockingScript = anyone): TransactionOutput => ({
  value: 747n,
  lockingScript,
  ...(token ? { token } : {}),
});
const waiting: TransactionOutput = { value: 50_000n, lockingScript: script };

/** Whether the holder script at an input opens, in a transaction that spends these. */
function opens(
  spent: readonly TransactionOutput[],
  inputIndex: number,
  unlockingScript: Uint8Array,
): boolean {
  const inputs = spent.map((_, i) => ({
    outpoint: outpointOf(`coin ${i}`),
    unlockingScript: i === inputIndex ? unlockingScript : new Uint8Array(0),
    sequence: 0xffff_ffff,
  }));
  const outputs = [{ value: 1n, lockingScript: anyone }];
  const transaction = { version: JOB_VERSION, inputs, outputs, lockTime: 0, jobId: NO_JOB };
  return verifyInput({ transaction, spentOutputs: spent, inputIndex }).ok;
}

describe('a holder script', () => {
  it('opens for a transaction that spends its NFT, at any input that it names', () => {
    expect(opens([holding(nft), waiting], 1, holderUnlocking(0))).toBe(true);
    expect(opens([waiting, holding(nft)], 0, holderUnlocking(1))).toBe(true);
    const many = [...Array<TransactionOutput>(20).fill(waiting), holding(nft)];
    expect(many.slice(0, -1).every((_, i) => opens(many, i, holderUnlocking(20)))).toBe(true);
  });

  it('opens for the NFT that carries fungible units, too', () => {
    expect(opens([holding({ ...nft, amount: 5n }), waiting], 1, holderUnlocking(0))).toBe(true);
  });

  it('opens where the NFT lies in an offer: whoever buys it may take what waits', () => {
    const offer = holding(nft, new Uint8Array(153).fill(0x51));
    expect(opens([offer, waiting], 1, holderUnlocking(0))).toBe(true);
  });

  it.each<[string, OutputToken | undefined]>([
    ['no token', undefined],
    ['fungible units of the category', { category, amount: 100n }],
    [
      'another NFT of the category',
      { ...nft, nft: { capability: 'none', commitment: keyOf('another model') } },
    ],
    [
      'an NFT of the category without a commitment',
      { ...nft, nft: { capability: 'none', commitment: new Uint8Array(0) } },
    ],
    [
      'a mutable NFT that says the same',
      { ...nft, nft: { capability: 'mutable', commitment: modelId } },
    ],
    [
      'a minting NFT that says the same',
      { ...nft, nft: { capability: 'minting', commitment: modelId } },
    ],
    ['an NFT of another category', { ...nft, category: keyOf('another category') }],
    [
      'a commitment that only begins so',
      { ...nft, nft: { capability: 'none', commitment: new Uint8Array([...modelId, 0]) } },
    ],
  ])('stays shut for %s', (_, token) => {
    expect(opens([holding(token), waiting], 1, holderUnlocking(0))).toBe(false);
  });

  it('stays shut for an NFT that is in the outputs only, or burnt before', () => {
    expect(opens([waiting], 0, holderUnlocking(0))).toBe(false);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['an index beyond the inputs', pushNumber(2)],
    ['a huge index', pushNumber(1n << 70n)],
    ['a negative index', pushNumber(-1)],
    ['its own index', pushNumber(1)],
    ['an index with more on the stack', new Uint8Array([0x51, 0x00])],
    ['an index not written in its shortest form', new Uint8Array([0x01, 0x00])],
    ['code instead of a push', new Uint8Array([0x51, 0x8c])],
  ])('stays shut for %s', (_, unlocking) => {
    expect(opens([holding(nft), waiting], 1, unlocking)).toBe(false);
  });

  it('needs the NFT itself where two coins name each other', () => {
    const two = [waiting, waiting];
    expect(opens(two, 0, holderUnlocking(1)) || opens(two, 1, holderUnlocking(0))).toBe(false);
  });

  it('opens with a token laid on its own coin, which does not stand in for the NFT', () => {
    const laden = { ...waiting, token: { category: keyOf('gift'), amount: 3n } };
    expect(opens([holding(nft), laden], 1, holderUnlocking(0))).toBe(true);
    expect(opens([holding(), laden], 1, holderUnlocking(1))).toBe(false);
  });

  it('lets anybody take an NFT that was sent into it: none must be', () => {
    expect(opens([{ ...waiting, token: nft }], 0, holderUnlocking(0))).toBe(true);
  });

  it('is short enough to be an owner, and can be paid', () => {
    expect(script.length).toBe(HOLDER_SCRIPT_BYTES);
    expect(script.length).toBe(71);
    expect(script.length).toBeLessThanOrEqual(MAXIMUM_OWNER_SCRIPT);
    expect(isPayable(script)).toBe(true);
  });

  it('is read back from its own bytes and from no others', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(hash, hash, (a, b) => {
        const terms = { category: a, modelId: b };
        expect(parseHolderScript(holderScript(terms))).toEqual(terms);
      }),
      { numRuns: 200 },
    );
    const flipped = fc
      .tuple(fc.nat(70), fc.integer({ min: 1, max: 255 }))
      .map(([at, flip]) => script.with(at, script[at]! ^ flip));
    const any = fc.uint8Array({ minLength: 60, maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(any, flipped), (bytes) => {
        const terms = parseHolderScript(bytes);
        if (terms) expect(holderScript(terms)).toEqual(bytes);
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });

  it('is made of a category and a model, 32 bytes each', () => {
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    expect(() => holderScript({ category, modelId: new Uint8Array(31) })).toThrow(bad);
    expect(() => holderScript({ category: new Uint8Array(33), modelId })).toThrow(bad);
  });
});
