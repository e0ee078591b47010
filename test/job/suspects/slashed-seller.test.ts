import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import {
  blockHash,
  CONTRACT_SEQUENCE,
  type ContractSpend,
  JOB_VERSION,
  networkParameters,
  type Outpoint,
  publicKeyOf,
  type Transaction,
  transactionHash,
} from '#src/chain/index.js';
import { contestedScript } from '#src/job/contracts/contested.js';
import { judgeSpend, judgeUnlocking } from '#src/job/contracts/contestedSpends.js';
import {
  claimSpend,
  claimState,
  claimUnlocking,
  escrowOutput,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import {
  contestSpend,
  contestUnlocking,
  releaseUnlocking,
} from '#src/job/contracts/stakeSpends.js';
import { slashedSeller } from '#src/job/suspects/slashedSeller.js';
import { isDrawn, type JobTerms } from '#src/job/terms.js';
import { cases } from '../../long.js';
import {
  arbitraryJob,
  feeLockingScript,
  k,
  keyOf,
  makeCommitment,
  makeTerms,
} from '../contracts/setup.js';

const params = networkParameters('regtest');
const GENESIS = blockHash(params.genesis.header);
const NOWHERE: Outpoint = { hash: keyOf('nowhere'), index: 0 };
const signature = new Uint8Array(71).fill(7);
const c = keyOf('c');

/** The transaction of a spend, unlocked, unsigned by anybody else. */
function transactionOf(
  { inputs, outputs, lockTime, jobId }: ContractSpend,
  unlockingScript: Uint8Array,
): Transaction {
  return {
    version: JOB_VERSION,
    inputs: inputs.map(({ outpoint, sequence }) => ({
      outpoint,
      sequence: sequence ?? CONTRACT_SEQUENCE,
      unlockingScript,
    })),
    outputs,
    lockTime,
    jobId,
  };
}

const firstOf = (transaction: Transaction): Outpoint => ({
  hash: transactionHash(transaction),
  index: 0,
});

/** The four transactions of a job that ends in a slash, of which each can be replaced before the next is made. */
class Chain {
  readonly #known = new Map<string, Transaction>();
  readonly terms: JobTerms;
  readonly count: number;

  constructor(terms: JobTerms, count = 37) {
    this.terms = { ...terms, genesis: GENESIS, disputeWindow: 10, verdictWindow: 20 };
    this.count = count;
  }

  keep(transaction: Transaction): Transaction {
    this.#known.set(toHex(transactionHash(transaction)), transaction);
    return transaction;
  }

  escrow(changes: Partial<Transaction> = {}): Transaction {
    const { jobId } = this.terms;
    const inputs = [{ outpoint: NOWHERE, sequence: 0, unlockingScript: new Uint8Array(0) }];
    const outputs = [escrowOutput(this.terms)];
    return this.keep({ version: JOB_VERSION, inputs, outputs, lockTime: 0, jobId, ...changes });
  }

  #claimOf(escrow: Transaction) {
    const commitment = makeCommitment(this.count, this.terms.jobId);
    return { outpoint: firstOf(escrow), k, commitment, feeLockingScript };
  }

  claim(escrow: Transaction, unlocking?: Uint8Array): Transaction {
    const claim = this.#claimOf(escrow);
    const spend = claimSpend(this.terms, claim);
    return this.keep(transactionOf(spend, unlocking ?? claimUnlocking(claim, signature)));
  }

  contest(claim: Transaction, unlocking?: Uint8Array): Transaction {
    const secret = isDrawn(this.terms.verifiers) ? c : undefined;
    const state = claimState(this.#claimOf(claim));
    const spend = contestSpend(this.terms, { outpoint: firstOf(claim) }, state, secret);
    return this.keep(transactionOf(spend, unlocking ?? contestUnlocking(signature, secret)));
  }

  judge(contest: Transaction, verdict: 'invalid' | 'valid' = 'invalid'): Transaction {
    const { terms } = this;
    const { verifiers, threshold } = terms;
    const drawn = isDrawn(verifiers);
    const keys = drawn
      ? Array.from({ length: verifiers.count }, (_, i) => publicKeyOf(keyOf(`drawn ${i}`)))
      : verifiers;
    const proof = new Uint8Array(320);
    const signatures = keys.map((publicKey, index) => {
      // the last ones sign
      if (index < keys.length - threshold) return undefined;
      return drawn ? { publicKey, proof, signature } : signature;
    });
    const stakeOutpoint = contest.inputs[0]!.outpoint;
    const state = { ...claimState(this.#claimOf(contest)), stakeOutpoint };
    const full = drawn ? { ...state, drawSecret: c } : state;
    const spend = judgeSpend(terms, { outpoint: firstOf(contest) }, full, verdict, signatures);
    return this.keep(transactionOf(spend, judgeUnlocking(terms, verdict, signatures)));
  }

  slash(): Transaction {
    return this.judge(this.contest(this.claim(this.escrow())));
  }

  /** Whom a transaction slashes, as every node would say. */
  slashed(transaction: Transaction): JobTerms | undefined {
    return slashedSeller(transaction, (hash) => this.#known.get(toHex(hash)), params)?.terms;
  }
}

const DRAW = { registry: keyOf('registry'), size: 31, count: 7, drawHash: sha256(c) };

describe('the seller that a transaction slashes', () => {
  it('is read back with all terms of the job, whatever they are', () => {
    const drawn = fc.record({
      size: fc.integer({ min: 31, max: 1 << 20 }),
      count: fc.integer({ min: 1, max: 15 }),
    });
    fc.assert(
      fc.property(arbitraryJob, fc.option(drawn), ({ terms, count }, draw) => {
        const judges: Partial<JobTerms> = draw
          ? { verifiers: { ...DRAW, ...draw }, threshold: draw.count, verifierFee: 0n }
          : {};
        const chain = new Chain({ ...terms, ...judges }, count);
        expect(chain.slashed(chain.slash())).toEqual(chain.terms);
      }),
      { numRuns: cases(40, 3_000) },
    );
  });

  it('is nobody where the verifiers cleared it', () => {
    const chain = new Chain(makeTerms());
    const contest = chain.contest(chain.claim(chain.escrow()));
    expect(chain.slashed(chain.judge(contest))).toEqual(chain.terms);
    expect(chain.slashed(chain.judge(contest, 'valid'))).toBeUndefined();
  });

  it('is not a stranger whom a contested contract made by hand names', () => {
    const chain = new Chain(makeTerms());
    const real = chain.contest(chain.claim(chain.escrow()));
    const paid = { ...real, inputs: [{ ...real.inputs[0]!, outpoint: NOWHERE }] };
    expect(chain.slashed(chain.judge(chain.keep(paid)))).toBeUndefined();
  });

  it('is not a stranger whose escrow its client took back into an output like a stake', () => {
    const chain = new Chain(makeTerms());
    const refunded = chain.claim(chain.escrow(), refundUnlocking(signature));
    expect(chain.slashed(chain.judge(chain.contest(refunded)))).toBeUndefined();
  });

  it('is not a stranger whose stake was released into an output like a contest', () => {
    const chain = new Chain(makeTerms());
    const released = chain.contest(chain.claim(chain.escrow()), releaseUnlocking(signature));
    expect(chain.slashed(chain.judge(released))).toBeUndefined();
  });

  it('is not a stranger whom an escrow of other code names', () => {
    const chain = new Chain(makeTerms());
    const output = escrowOutput(chain.terms);
    const lockingScript = Uint8Array.of(...output.lockingScript, 0x61);
    const escrow = chain.escrow({ outputs: [{ ...output, lockingScript }] });
    expect(chain.slashed(chain.judge(chain.contest(chain.claim(escrow))))).toBeUndefined();
  });

  it('is nobody where the escrow is of another job, another value, or carries a token', () => {
    const chain = new Chain(makeTerms());
    const output = escrowOutput(chain.terms);
    const token = { category: keyOf('token'), amount: 1n };
    const others: Partial<Transaction>[] = [
      { jobId: keyOf('other job') },
      { outputs: [{ ...output, value: output.value + 1n }] },
      { outputs: [{ ...output, token }] },
    ];
    for (const changes of others) {
      const slash = chain.judge(chain.contest(chain.claim(chain.escrow(changes))));
      expect(chain.slashed(slash)).toBeUndefined();
    }
  });

  it('is the key that signed the claim, whomever the payout address belongs to', () => {
    const chain = new Chain(makeTerms({ sellerPayout: keyOf('victim').subarray(0, 20) }));
    expect(toHex(chain.slashed(chain.slash())!.seller)).toBe(toHex(chain.terms.seller));
  });

  it('is nobody else, without an error, in any changed slash, contest, claim or escrow', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
    const chain = new Chain(makeTerms());
    const escrow = chain.escrow();
    const claim = chain.claim(escrow);
    const contest = chain.contest(claim);
    const slash = chain.judge(contest);
    const steps = [escrow, claim, contest, slash];
    const whole = new Map(steps.map((each) => [toHex(transactionHash(each)), each]));
    const changed = (script: Uint8Array, at: number, by: Uint8Array): Uint8Array => {
      const out = script.slice();
      out.set(by.subarray(0, Math.max(0, out.length - (at % out.length))), at % out.length);
      return out;
    };
    fc.assert(
      fc.property(fc.nat(3), fc.boolean(), fc.nat(5_000), bytes, (which, isInput, at, by) => {
        const step = steps[which]!;
        const unlocking = step.inputs[0]!.unlockingScript;
        const locking = step.outputs[0]!.lockingScript;
        const other: Transaction =
          isInput && unlocking.length > 0
            ? {
                ...step,
                inputs: [{ ...step.inputs[0]!, unlockingScript: changed(unlocking, at, by) }],
              }
            : {
                ...step,
                outputs: [
                  { ...step.outputs[0]!, lockingScript: changed(locking, at, by) },
                  ...step.outputs.slice(1),
                ],
              };
        const read = (hash: Uint8Array): Transaction | undefined =>
          toHex(hash) === toHex(transactionHash(step)) ? other : whole.get(toHex(hash));
        const found = slashedSeller(which === 3 ? other : slash, read, params);
        // a changed escrow can be a good one at other terms, but never that of somebody else
        if (found) expect(toHex(found.terms.seller)).toBe(toHex(chain.terms.seller));
      }),
      { numRuns: cases(500, 200_000) },
    );
  });

  it('is nobody in random transactions that look like a slash', () => {
    const script = fc.uint8Array({ maxLength: 600 });
    const random = fc.record({
      unlocking: script,
      locking: script,
      value: fc.bigInt(0n, 1n << 60n),
    });
    fc.assert(
      fc.property(fc.array(random, { minLength: 4, maxLength: 4 }), (made) => {
        const [slash, ...rest] = made.map(({ unlocking, locking, value }) => ({
          version: JOB_VERSION,
          inputs: [
            { outpoint: NOWHERE, sequence: 0, unlockingScript: Uint8Array.of(...unlocking, 0, 0) },
          ],
          outputs: [
            { value, lockingScript: locking },
            { value: 0n, lockingScript: Uint8Array.of(0x6a) },
          ],
          lockTime: 0,
          jobId: keyOf('job'),
        }));
        let asked = 0;
        expect(slashedSeller(slash!, () => rest[asked++], params)).toBeUndefined();
      }),
      { numRuns: cases(10_000, 1_000_000) },
    );
  });
});

it('leaves out a contested script that is cut off', () => {
  const chain = new Chain(makeTerms({ verifiers: DRAW, threshold: 4 }));
  const contest = chain.contest(chain.claim(chain.escrow()));
  const lockingScript = contestedScript(chain.terms, {
    ...claimState({ k, commitment: makeCommitment(37, chain.terms.jobId) }),
    stakeOutpoint: contest.inputs[0]!.outpoint,
    drawSecret: c,
  }).slice(0, 140);
  const cut = { ...contest, outputs: [{ ...contest.outputs[0]!, lockingScript }] };
  expect(chain.slashed(chain.judge(chain.keep(cut)))).toBeUndefined();
});
