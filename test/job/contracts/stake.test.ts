import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContractSpend, signContract, signInput } from '#src/chain/index.js';
import { contestedScript, parseContested } from '#src/job/contracts/contested.js';
import { parseStake, stakeScript } from '#src/job/contracts/stake.js';
import {
  contestSpend,
  contestUnlocking,
  releaseSpend,
  releaseUnlocking,
} from '#src/job/contracts/stakeSpends.js';
import type { JobTerms } from '#src/job/terms.js';
import {
  answer,
  answerAtSecond,
  arbitraryJob,
  asSecondInput,
  contestedOutput,
  fund,
  keyOf,
  makeState,
  makeTerms,
  outpointOf,
  spoiledOutputs,
  stakeOutput,
  TOKENS,
  verifierKeys,
  withOutput,
} from './setup.js';

const terms = makeTerms();
const state = makeState(37);
const outpoint = outpointOf('claim');

describe('release', () => {
  const spend = releaseSpend(terms, { outpoint }, state);
  const answerToRelease = (spend: ContractSpend, signer = 'seller') => {
    const funded = fund(spend);
    return answer(funded, releaseUnlocking(signContract(funded, keyOf(signer))));
  };
  const aged = (sequence: number) => ({
    ...spend,
    inputs: spend.inputs.map((input) => ({ ...input, sequence })),
  });

  it('is open to the seller when the dispute window is over', () => {
    expect(answerToRelease(spend)).toMatchObject({ ok: true });
    expect(answerToRelease(aged(11))).toMatchObject({ ok: true });
  });

  it.each([
    ['a block early', 9],
    ['at once', 0xffff_fffe],
    ['by time instead of blocks', (1 << 22) | 10],
  ])('refuses to come %s', (_, sequence) => {
    const early = answerToRelease(aged(sequence));
    expect(early).toMatchObject({ ok: false, error: 'unsatisfied-locktime' });
  });

  it('refuses the client', () => {
    expect(answerToRelease(spend, 'client')).toMatchObject({ ok: false });
  });
});

describe('contest', () => {
  const honest = contestSpend(terms, { outpoint }, state);
  const answerToContest = (spend: ContractSpend, signer = 'client') => {
    const funded = fund(spend);
    return answer(funded, contestUnlocking(signContract(funded, keyOf(signer))));
  };

  it('is open to the client, who adds the bond', () => {
    expect(answerToContest(honest)).toMatchObject({ ok: true });
    expect(honest.outputs[0]!.value).toBe(150_000n + 3n * 700n);
    expect(parseContested(terms, honest.outputs[0]!)).toEqual({
      ...state,
      stakeOutpoint: outpoint,
    });
  });

  it('works for any terms, count and stake, and for nothing worth a unit more or less', () => {
    fc.assert(
      fc.property(arbitraryJob, fc.integer({ min: 0, max: 0xffff_ffff }), (job, index) => {
        const stake = outpointOf('any claim', index);
        const spend = contestSpend(job.terms, { outpoint: stake }, makeState(job.count));
        expect(answerToContest(spend)).toMatchObject({ ok: true });
        for (const [name, spoiled] of spoiledOutputs(spend)) {
          expect(answerToContest(spoiled), name).toMatchObject({ ok: false });
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(answerToContest(spoiled)).toMatchObject({ ok: false });
  });

  it('refuses any input but the first, so that one bond can not contest two stakes', () => {
    const funded = asSecondInput(fund(honest));
    const signature = signInput({ ...funded, inputIndex: 1 }, keyOf('client'));
    const refused = answerAtSecond(funded, contestUnlocking(signature));
    expect(refused).toMatchObject({ ok: false, error: 'num-equal-verify' });
  });

  it('refuses anyone but the client', () => {
    expect(answerToContest(honest, 'seller')).toMatchObject({ ok: false });
  });

  const full = { ...state, stakeOutpoint: outpoint };
  it.each([
    ['stake hash', { ...full, stakeOutpoint: outpointOf('another claim') }],
    ['stake index', { ...full, stakeOutpoint: { ...outpoint, index: 1 } }],
    ['count', { ...full, count: 36 }],
    ['commitment hash', { ...full, commitmentHash: keyOf('other') }],
  ])('refuses a contested contract with another %s', (_, other) => {
    const spend = withOutput(honest, 0, { lockingScript: contestedScript(terms, other) });
    expect(answerToContest(spend)).toMatchObject({ ok: false, error: 'equal-verify' });
  });

  it.each<[string, Partial<JobTerms>]>([
    ['verifiers', { verifiers: verifierKeys(5).slice(2) }],
    ['threshold', { threshold: 3 }],
    ['payout address', { sellerPayout: new Uint8Array(20) }],
    ['chain', { genesis: keyOf('another chain') }],
    ['verdict window', { verdictWindow: 1 }],
  ])('refuses a contested contract with another %s', (_, changes) => {
    const lockingScript = contestedScript(makeTerms(changes), full);
    const spend = withOutput(honest, 0, { lockingScript });
    expect(answerToContest(spend)).toMatchObject({ ok: false, error: 'equal-verify' });
  });
});

describe('a seen script', () => {
  it('gives back the state it was made with', () => {
    fc.assert(
      fc.property(arbitraryJob, fc.integer({ min: 0, max: 0xffff_ffff }), (job, index) => {
        const made = makeState(job.count);
        const full = { ...made, stakeOutpoint: outpointOf('claim', index) };
        expect(parseStake(job.terms, stakeOutput(job.terms, stakeScript(job.terms, made)))).toEqual(
          made,
        );
        expect(
          parseContested(job.terms, contestedOutput(job.terms, contestedScript(job.terms, full))),
        ).toEqual(full);
      }),
      { numRuns: 25 },
    );
  });

  it('is not the stake or the contested contract if one byte differs in opcode, k, count or code', () => {
    const stake = stakeScript(terms, state);
    const contested = contestedScript(terms, { ...state, stakeOutpoint: outpoint });
    const spoil = (script: Uint8Array, at: number) => script.with(at, script[at]! ^ 0x80);
    for (const at of [0, 1, 33, 37, 38, 71, stake.length - 1]) {
      expect(parseStake(terms, stakeOutput(terms, spoil(stake, at)))).toBeUndefined();
    }
    for (const at of [0, 37, 38, 70, 74, 75, 108, contested.length - 1]) {
      expect(parseContested(terms, contestedOutput(terms, spoil(contested, at)))).toBeUndefined();
    }
  });

  it('is neither for any other bytes, or under other terms', () => {
    expect(
      parseStake(makeTerms({ threshold: 3 }), stakeOutput(terms, stakeScript(terms, state))),
    ).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(parseStake(terms, stakeOutput(terms, bytes))).toBeUndefined();
        expect(parseContested(terms, contestedOutput(terms, bytes))).toBeUndefined();
      }),
    );
  });

  it('is neither with another value, or with a token on it', () => {
    const stake = stakeOutput(terms, stakeScript(terms, state));
    const full = { ...state, stakeOutpoint: outpoint };
    const contested = contestedOutput(terms, contestedScript(terms, full));
    expect([parseStake(terms, stake), parseContested(terms, contested)]).toEqual([state, full]);
    for (const more of [-1n, 1n]) {
      expect(parseStake(terms, { ...stake, value: stake.value + more })).toBeUndefined();
      const other = { ...contested, value: contested.value + more };
      expect(parseContested(terms, other)).toBeUndefined();
    }
    for (const token of Object.values(TOKENS)) {
      expect(parseStake(terms, { ...stake, token })).toBeUndefined();
      expect(parseContested(terms, { ...contested, token })).toBeUndefined();
    }
  });

  it('can not be made with a state that no claim leaves', () => {
    expect(() => stakeScript(terms, { ...state, count: 0 })).toThrow('No claim');
    expect(() => stakeScript(terms, { ...state, count: 101 })).toThrow('No claim');
    expect(() => stakeScript(terms, { ...state, k: keyOf('other') })).toThrow('No claim');
  });
});
