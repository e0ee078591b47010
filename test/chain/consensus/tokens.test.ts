import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import type { Coin } from '#src/chain/consensus/coins.js';
import { checkTokenOutput, checkTokens } from '#src/chain/consensus/tokens.js';
import {
  MAX_TOKEN_AMOUNT,
  type NftCapability,
  NO_JOB,
  type OutputToken,
  RejectError,
  type Transaction,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';

/** A category, named by one byte. */
const named = (name: number): Uint8Array => new Uint8Array(32).fill(name);
const nft = (
  capability: NftCapability,
  commitment: readonly number[] = [],
  category = 1,
  amount = 0n,
): OutputToken => ({
  category: named(category),
  amount,
  nft: { capability, commitment: Uint8Array.from(commitment) },
});
const coins = (amount: bigint, category = 1): OutputToken => ({
  category: named(category),
  amount,
});

interface Move {
  /** Outpoint spent (its transaction named by one byte) and the token there. */
  readonly inputs: readonly { from: number; index: number; token?: OutputToken | undefined }[];
  readonly outputs: readonly (OutputToken | undefined)[];
}

const script = Uint8Array.of(0x51);

function transactionOf({ inputs, outputs }: Move): [Transaction, Coin[]] {
  const transaction = {
    version: 10,
    inputs: inputs.map(({ from, index }) => ({
      outpoint: { hash: named(from), index },
      unlockingScript: script,
      sequence: 0,
    })),
    outputs: outputs.map((token) => ({
      value: 1n,
      lockingScript: script,
      ...(token && { token }),
    })),
    lockTime: 0,
    jobId: NO_JOB,
  };
  const spent = inputs.map(({ token }) => ({
    output: { value: 1n, lockingScript: script, ...(token && { token }) },
    height: 1,
    coinbase: false,
  }));
  return [transaction, spent];
}

/** The reason of refusal, or `ok`. */
function judge(move: Move): string {
  try {
    checkTokens(...transactionOf(move));
    return 'ok';
  } catch (thrown) {
    if (thrown instanceof RejectError) return thrown.reason;
    throw thrown;
  }
}

/** Spends tokens from outputs that no category can be born from, and makes tokens. */
const passing = (spent: readonly OutputToken[], made: readonly OutputToken[]): string =>
  judge({ inputs: spent.map((token, i) => ({ from: 200 + i, index: 1, token })), outputs: made });

/** Spends output `index` of transaction 1, which holds no token. */
const born = (index: number, made: readonly OutputToken[]): string =>
  judge({ inputs: [{ from: 1, index }], outputs: made });

describe('tokens', () => {
  it.each<[what: string, outcome: string, reason: string]>([
    ['a category is born from output 0', born(0, [coins(5n), nft('minting')]), 'ok'],
    ['not from another output', born(1, [coins(5n)]), 'bad-txns-token-invalid-category'],
    ['it can give out the largest amount', born(0, [coins(MAX_TOKEN_AMOUNT)]), 'ok'],
    [
      'and no more in all',
      born(0, [coins(MAX_TOKEN_AMOUNT), coins(1n)]),
      'bad-txns-token-amount-overflow',
    ],
    [
      'another category is not born with it',
      born(0, [coins(1n, 2)]),
      'bad-txns-token-invalid-category',
    ],
    ['an amount is passed on', passing([coins(5n)], [coins(5n)]), 'ok'],
    ['split and merged', passing([coins(5n), coins(6n)], [coins(1n), coins(10n)]), 'ok'],
    ['or burnt', passing([coins(5n)], [coins(1n)]), 'ok'],
    ['wholly', passing([coins(5n), nft('minting')], []), 'ok'],
    ['never grown', passing([coins(5n)], [coins(5n), coins(1n)]), 'bad-txns-token-in-belowout'],
    [
      'not even by a minting NFT',
      passing([nft('minting')], [coins(1n)]),
      'bad-txns-token-in-belowout',
    ],
    [
      'nor out of another category',
      passing([coins(5n, 2)], [coins(5n)]),
      'bad-txns-token-invalid-category',
    ],
    ['an NFT is passed on', passing([nft('none', [7])], [nft('none', [7])]), 'ok'],
    [
      'and not changed',
      passing([nft('none', [7])], [nft('none', [8])]),
      'bad-txns-token-nft-ex-nihilo',
    ],
    [
      'nor doubled',
      passing([nft('none', [7])], [nft('none', [7]), nft('none', [7])]),
      'bad-txns-token-nft-ex-nihilo',
    ],
    ['a mutable one may change', passing([nft('mutable', [7])], [nft('mutable', [8])]), 'ok'],
    ['and become immutable', passing([nft('mutable', [7])], [nft('none', [8])]), 'ok'],
    [
      'and is then not there',
      passing([nft('mutable', [7])], [nft('none', [8]), nft('mutable', [7])]),
      'bad-txns-token-nft-ex-nihilo',
    ],
    ['never minting', passing([nft('mutable')], [nft('minting')]), 'bad-txns-token-nft-ex-nihilo'],
    [
      'one stays for a changed NFT behind an unchanged one',
      passing([nft('mutable', [7]), nft('none', [8])], [nft('none', [8]), nft('none', [9])]),
      'ok',
    ],
    [
      'a minting one makes any, itself again too',
      passing(
        [nft('minting')],
        [nft('minting'), nft('minting', [1]), nft('mutable'), nft('none', [2])],
      ),
      'ok',
    ],
    [
      'of its own category',
      passing([nft('minting'), coins(1n, 2)], [nft('none', [2], 2)]),
      'bad-txns-token-nft-ex-nihilo',
    ],
    [
      'a category that is there is not born again',
      judge({
        inputs: [
          { from: 1, index: 0 },
          { from: 9, index: 0, token: coins(1n) },
        ],
        outputs: [coins(1n)],
      }),
      'bad-txns-token-dupe-genesis',
    ],
  ])('%s', (_, outcome, reason) => {
    expect(outcome).toBe(reason);
  });

  it('have commitments of at most 128 bytes', () => {
    const withCommitment = (length: number) => ({
      value: 1n,
      lockingScript: script,
      token: nft('none', new Array<number>(length).fill(1)),
    });
    expect(() => checkTokenOutput(withCommitment(128), false)).not.toThrow();
    expect(() => checkTokenOutput(withCommitment(129), false)).toThrow(
      'bad-txns-token-commitment-oversized',
    );
  });
});

/**
 * The rules once more, slow and plain: amounts are summed per category, and for every NFT made a source is searched
 * for, trying each in turn.
 */
function reference({ inputs, outputs }: Move): boolean {
  const spent = inputs.flatMap(({ token }) => (token ? [token] : []));
  const made = outputs.flatMap((token) => (token ? [token] : []));
  const categories = new Set([...spent, ...made].map(({ category }) => toHex(category)));
  return [...categories].every((category) => {
    const of = (tokens: OutputToken[]) => tokens.filter((t) => toHex(t.category) === category);
    const sum = (tokens: OutputToken[]) => of(tokens).reduce((total, t) => total + t.amount, 0n);
    const genesis = inputs.some(
      ({ from, index }) => index === 0 && toHex(named(from)) === category,
    );
    if (sum(spent) > MAX_TOKEN_AMOUNT) return false;
    if (of(made).length === 0) return true;
    if (genesis) return of(spent).length === 0 && sum(made) <= MAX_TOKEN_AMOUNT;
    if (of(spent).length === 0 || sum(made) > sum(spent)) return false;
    const nfts = (tokens: OutputToken[]) => of(tokens).flatMap((t) => (t.nft ? [t.nft] : []));
    const wanted = nfts(made);
    const sourced = (sources: ReturnType<typeof nfts>, at: number): boolean => {
      const next = wanted[at];
      if (!next) return true;
      return sources.some((source, i) => {
        const rest = sources.filter((_, j) => j !== i);
        if (source.capability === 'minting') return sourced(sources, at + 1);
        if (next.capability === 'minting') return false;
        if (source.capability === 'mutable') return sourced(rest, at + 1);
        const same = toHex(source.commitment) === toHex(next.commitment);
        return next.capability === 'none' && same && sourced(rest, at + 1);
      });
    };
    return sourced(nfts(spent), 0);
  });
}

const anyToken: fc.Arbitrary<OutputToken> = fc
  .record({
    // the lower two can be born from an outpoint that is spent, the upper two can't
    category: fc.integer({ min: 1, max: 4 }).map(named),
    amount: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0n) },
      { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 6n }) },
      { weight: 1, arbitrary: fc.bigInt({ min: MAX_TOKEN_AMOUNT - 3n, max: MAX_TOKEN_AMOUNT }) },
    ),
    nft: fc.option(
      fc.record({
        capability: fc.constantFrom<NftCapability>('none', 'none', 'mutable', 'minting'),
        commitment: fc.uint8Array({ maxLength: 1, max: 1 }),
      }),
      { nil: undefined, freq: 1 },
    ),
  })
  .filter(({ amount, nft: made }) => amount > 0n || made !== undefined)
  .map(({ nft: made, ...token }) => (made ? { ...token, nft: made } : token));

const maybeToken = fc.option(anyToken, { nil: undefined });

/** Moves of a few tokens of few categories, so that many of them are allowed. */
const move: fc.Arbitrary<Move> = fc
  .record({
    inputs: fc.uniqueArray(
      fc.record({
        from: fc.integer({ min: 1, max: 2 }).chain((low) => fc.constantFrom(low, 100, 101)),
        index: fc.nat(2),
        token: maybeToken,
      }),
      { minLength: 1, maxLength: 5, selector: ({ from, index }) => `${from}:${index}` },
    ),
    fresh: fc.array(maybeToken, { maxLength: 2 }),
    kept: fc.uniqueArray(fc.nat(4), { maxLength: 4 }),
  })
  .map(({ inputs, fresh, kept }) => ({
    inputs,
    outputs: [...kept.map((i) => inputs[i % inputs.length]!.token), ...fresh],
  }));

describe('whatever a transaction does with tokens', () => {
  it('it is allowed exactly where plain rules allow it: nothing is ever made out of nothing', {
    timeout: timeLimit(20_000),
  }, () => {
    const counts = { allowed: 0, refused: 0 };
    const agree = fc.property(move, (each) => {
      const allowed = judge(each) === 'ok';
      expect(allowed).toBe(reference(each));
      if (each.outputs.some(Boolean)) counts[allowed ? 'allowed' : 'refused']++;
    });
    fc.assert(agree, { numRuns: cases(10_000, 1_000_000) });
    expect(counts.allowed).toBeGreaterThan(500);
    expect(counts.refused).toBeGreaterThan(500);
  });
});
