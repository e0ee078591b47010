import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escrowScript } from '#src/job/contracts/escrow.js';
import {
  amountPaid,
  escrowValue,
  type JobTerms,
  MAX_VERIFIERS,
  modelFee,
  validateTerms,
} from '#src/job/terms.js';
import { arbitraryJob, makeTerms, verifierKeys } from './contracts/setup.js';

const NO_POINT = new Uint8Array(33).fill(0xff).with(0, 2);

describe('terms', () => {
  it('that are sound pass', () => {
    expect(() => validateTerms(makeTerms())).not.toThrow();
    fc.assert(
      fc.property(arbitraryJob, ({ terms }) => validateTerms(terms)),
      { numRuns: 20 },
    );
  });

  it('can hold the most verifiers, and the least stake', () => {
    const verifiers = verifierKeys(MAX_VERIFIERS);
    const stake = 100_000n + 15n * 700n;
    expect(() => validateTerms(makeTerms({ verifiers, threshold: 8, stake }))).not.toThrow();
  });

  it.each<[Partial<JobTerms>, string]>([
    [{ jobId: new Uint8Array(31) }, 'jobId has 31 bytes instead of 32'],
    [{ genesis: new Uint8Array(0) }, 'genesis has 0 bytes'],
    [{ kHash: new Uint8Array(33) }, 'kHash has 33 bytes'],
    [{ feeScript: new Uint8Array(20) }, 'feeScript has 20 bytes'],
    [{ sellerPayout: new Uint8Array(32) }, 'payout address'],
    [{ client: NO_POINT }, "the client's key is not a compressed public key"],
    [{ seller: new Uint8Array(65).with(0, 4) }, "the seller's key is not"],
    [{ verifiers: [NO_POINT], threshold: 1 }, 'is not a compressed public key'],
    [{ verifiers: [] }, 'there are 0 verifiers'],
    [{ verifiers: [...verifierKeys(15), NO_POINT], threshold: 9 }, 'there are 16 verifiers'],
    [{ verifiers: [...verifierKeys(2), verifierKeys(1)[0]!] }, 'listed twice'],
    [{ seller: verifierKeys(1)[0]! }, 'is a party to the job'],
    [{ threshold: 1 }, 'a threshold of 1 is not more than half of 3'],
    [{ threshold: 4 }, 'threshold is 4'],
    [{ threshold: 0 }, 'threshold is 0'],
    [{ verifiers: verifierKeys(4), threshold: 2 }, 'not more than half of 4'],
    [{ maxTokens: 0 }, 'maxTokens is 0'],
    [{ maxTokens: 1.5 }, 'maxTokens is 1.5'],
    [{ maxTokens: 2 ** 31 }, 'maxTokens is 2147483648'],
    [{ feePpm: 1_000_001 }, 'feePpm is 1000001'],
    [{ feePpm: -1 }, 'feePpm is -1'],
    [{ pricePerToken: 0n }, 'the price of a token'],
    [{ feePerJob: 0n }, 'a fee of nothing for each job'],
    [{ feePerJob: -1n }, 'fee for each job is negative'],
    [{ feePerJob: 47_901n }, 'the stake of 150000 is less than'],
    [{ verifierFee: -1n }, 'negative'],
    [{ stake: 100_000n + 3n * 700n - 1n }, 'the stake of 102099 is less'],
    [{ stake: (1n << 63n) - 2_100n }, 'beyond 2^63'],
    [{ expires: 500_000_000 }, 'expires is 500000000'],
    [{ expires: 0 }, 'expires is 0'],
    [{ disputeWindow: 0 }, 'disputeWindow is 0'],
    [{ disputeWindow: 0x1_0000 }, 'disputeWindow is 65536'],
    [{ verdictWindow: 0 }, 'verdictWindow is 0'],
  ])('with %o are refused', (changes, why) => {
    const terms = makeTerms(changes);
    expect(() => validateTerms(terms)).toThrow(why);
    expect(() => escrowScript(terms)).toThrow(expect.objectContaining({ code: 'BAD_TERMS' }));
  });

  it('give the model what it asks for the job beside its share, which the client pays and a slash returns', () => {
    const terms = makeTerms({ feePerJob: 47_900n });
    expect(modelFee(terms, 37)).toBe(1_850n + 47_900n);
    expect(amountPaid(terms, 37)).toBe(37_000n + 47_900n);
    expect(escrowValue(terms)).toBe(100_000n + 47_900n);
    expect(() => validateTerms(terms)).not.toThrow();
  });

  it('give the model its share rounded down, beyond what a double can hold', () => {
    expect(modelFee(makeTerms({ pricePerToken: 999n, feePpm: 1_001 }), 1)).toBe(0n);
    expect(modelFee(makeTerms({ pricePerToken: (1n << 60n) + 1n, feePpm: 1_000_000 }), 3)).toBe(
      3n * ((1n << 60n) + 1n),
    );
  });
});
