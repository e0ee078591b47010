import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes, sha256, toHex } from '#src/base/index.js';
import { type ContractSpend, pushData, signData } from '#src/chain/index.js';
import { BURN_SCRIPT } from '#src/job/contracts/contested.js';
import {
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
  type VerdictSignatures,
} from '#src/job/contracts/contestedSpends.js';
import { escrowScript } from '#src/job/contracts/escrow.js';
import type { ContestedState } from '#src/job/contracts/layout.js';
import { type VerdictName, verdictMessage } from '#src/job/contracts/verdict.js';
import { bondValue, type JobTerms, verifierCount } from '#src/job/terms.js';
import {
  answer,
  answerAtSecond,
  arbitraryJob,
  asSecondInput,
  fund,
  keyOf,
  makeState,
  makeTerms,
  outpointOf,
  spoiledOutputs,
  verifierKey,
  verifierKeys,
  withOutput,
} from './setup.js';

const terms = makeTerms();
const state: ContestedState = { ...makeState(37), stakeOutpoint: outpointOf('claim') };
const outpoint = outpointOf('contest');

interface Signed {
  readonly terms?: JobTerms;
  readonly stakeOutpoint?: ContestedState['stakeOutpoint'];
  readonly commitmentHash?: Uint8Array;
  readonly verdict: VerdictName;
}

/** The signature of verifier `index` of a message that may not be the right one. */
const sign = (index: number, signed: Signed): Uint8Array =>
  signData(
    verdictMessage(
      signed.terms ?? terms,
      signed.stakeOutpoint ?? state.stakeOutpoint,
      signed.commitmentHash ?? state.commitmentHash,
      signed.verdict,
    ),
    verifierKey(index),
  );

const votes = (signers: readonly number[], signed: Signed): (Uint8Array | undefined)[] =>
  Array.from({ length: verifierCount(signed.terms ?? terms) }, (_, index) =>
    signers.includes(index) ? sign(index, signed) : undefined,
  );

const answerToJudge = (
  spend: ContractSpend,
  verdict: VerdictName,
  signatures: VerdictSignatures,
  under = terms,
) => answer(fund(spend), judgeUnlocking(under, verdict, signatures));

/** An unlocking script with any number of signatures. */
const rawUnlocking = (
  signatures: readonly (Uint8Array | undefined)[],
  verdict: number,
): Uint8Array => {
  const pushes = signatures.map((signature) => pushData(signature ?? new Uint8Array(0)));
  return Uint8Array.from([...pushes.reverse().flatMap((push) => [...push]), verdict, 0x00]);
};
const INVALID_BYTE = 0x00;
const VALID_BYTE = 0x51;

describe.each<[VerdictName, string, readonly bigint[]]>([
  // 37,000 paid + 2,100 of bond; two fees; 150,000 − 37,000 − 1,400 burnt
  ['invalid', 'slash', [39_100n, 700n, 700n, 111_600n]],
  // 150,000 + 2,100 − 1,400 back to the seller
  ['valid', 'clear', [150_700n, 700n, 700n]],
])('verdict %s: %s', (verdict, _, values) => {
  const other: VerdictName = verdict === 'invalid' ? 'valid' : 'invalid';
  const code = verdict === 'invalid' ? INVALID_BYTE : VALID_BYTE;
  const signatures = votes([0, 2], { verdict });
  const honest = judgeSpend(terms, { outpoint }, state, verdict, signatures);

  it('pays everyone to the unit', () => {
    expect(honest.outputs.map(({ value }) => value)).toEqual(values);
    expect(values.reduce((sum, value) => sum + value)).toBe(terms.stake + bondValue(terms));
    expect(answerToJudge(honest, verdict, signatures)).toMatchObject({ ok: true });
  });

  it('is open to any two of the three, and stays within its stated size', () => {
    for (const signers of [
      [0, 1],
      [0, 2],
      [1, 2],
    ]) {
      const signatures = votes(signers, { verdict });
      const spend = judgeSpend(terms, { outpoint }, state, verdict, signatures);
      expect(answerToJudge(spend, verdict, signatures)).toMatchObject({ ok: true });
      const { length } = judgeUnlocking(terms, verdict, signatures);
      expect(length).toBeLessThanOrEqual(spend.inputs[0]!.unlockingSize);
    }
  });

  it('works for any terms, count and choice of signers', () => {
    fc.assert(
      fc.property(arbitraryJob, fc.nat(), (job, first) => {
        const state = { ...makeState(job.count), stakeOutpoint: outpointOf('claim', first) };
        const { stakeOutpoint } = state;
        const { threshold } = job.terms;
        const count = verifierCount(job.terms);
        const signers = Array.from({ length: threshold }, (_, i) => (first + i) % count);
        const signed = { terms: job.terms, stakeOutpoint, commitmentHash: state.commitmentHash };
        const signatures = votes(signers, { ...signed, verdict });
        const spend = judgeSpend(job.terms, { outpoint }, state, verdict, signatures);
        expect(answerToJudge(spend, verdict, signatures, job.terms)).toMatchObject({ ok: true });
        const total = spend.outputs.reduce((sum, { value }) => sum + value, 0n);
        expect(total).toBe(job.terms.stake + bondValue(job.terms));
      }),
      { numRuns: 15 },
    );
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(answerToJudge(spoiled, verdict, signatures)).toMatchObject({ ok: false });
  });

  it('refuses fees in another order than the list', () => {
    const [first, one, two, ...rest] = honest.outputs;
    const spend = { ...honest, outputs: [first!, two!, one!, ...rest] };
    expect(answerToJudge(spend, verdict, signatures)).toMatchObject({ ok: false });
  });

  it('refuses one signature less than the threshold, or one more', () => {
    for (const signers of [[0], [0, 1, 2], []]) {
      const unlocking = rawUnlocking(votes(signers, { verdict }), code);
      const refused = answer(fund(honest), unlocking);
      expect(refused).toMatchObject({ ok: false });
    }
    const strict = makeTerms({ threshold: 3 });
    const three = votes([0, 1, 2], { verdict });
    const spend = judgeSpend(strict, { outpoint }, state, verdict, three);
    const two = rawUnlocking(votes([0, 1], { verdict }), code);
    expect(answer(fund(spend), two)).toMatchObject({ ok: false, error: 'num-equal-verify' });
    expect(() => judgeSpend(terms, { outpoint }, state, verdict, three)).toThrow('exactly 2');
  });

  it('refuses one more signature than the threshold even when all fees are paid', () => {
    const fee = judgeSpend(terms, { outpoint }, state, verdict, votes([1, 2], { verdict }))
      .outputs[2]!;
    const [first, one, two] = judgeSpend(
      terms,
      { outpoint },
      state,
      verdict,
      votes([0, 1], { verdict }),
    ).outputs;
    const spend = { ...honest, outputs: [first!, one!, two!, fee, ...honest.outputs.slice(3)] };
    const refused = answer(fund(spend), rawUnlocking(votes([0, 1, 2], { verdict }), code));
    expect(refused).toMatchObject({ ok: false });
  });

  it('refuses one verifier’s signature in two places', () => {
    const twice = [signatures[0], signatures[0], undefined];
    expect(answerToJudge(honest, verdict, twice)).toMatchObject({
      ok: false,
      error: 'sig-nullfail',
    });
  });

  it('refuses the signature of somebody who is not listed', () => {
    const stranger = [signatures[0], undefined, sign(7, { verdict })];
    expect(answerToJudge(honest, verdict, stranger)).toMatchObject({ ok: false });
  });

  it.each<[string, Omit<Signed, 'verdict'>]>([
    ['another stake', { stakeOutpoint: outpointOf('another claim') }],
    ['another output of the claim', { stakeOutpoint: outpointOf('claim', 1) }],
    ['another commitment', { commitmentHash: keyOf('another commitment') }],
    ['another job', { terms: makeTerms({ jobId: keyOf('another job') }) }],
    ['another chain', { terms: makeTerms({ genesis: keyOf('another chain') }) }],
  ])('refuses verdicts replayed from %s', (_, signed) => {
    const replayed = votes([0, 2], { ...signed, verdict });
    expect(answerToJudge(honest, verdict, replayed)).toMatchObject({
      ok: false,
      error: 'sig-nullfail',
    });
  });

  it('refuses signatures of the opposite verdict', () => {
    expect(answerToJudge(honest, verdict, votes([0, 2], { verdict: other }))).toMatchObject({
      ok: false,
    });
    expect(answerToJudge(honest, other, signatures)).toMatchObject({ ok: false });
  });

  it('refuses one signature of each verdict', () => {
    const mixed = [sign(0, { verdict }), undefined, sign(2, { verdict: other })];
    expect(answerToJudge(honest, verdict, mixed)).toMatchObject({ ok: false });
  });

  it('refuses a verdict that is neither 0 nor 1', () => {
    for (const byte of [0x52, 0x4f]) {
      const refused = answer(fund(honest), rawUnlocking(signatures, byte));
      expect(refused).toMatchObject({ ok: false, error: 'verify' });
    }
  });

  it('refuses any input but the first, so that one refund can not settle two contests', () => {
    const funded = asSecondInput(fund(honest));
    const refused = answerAtSecond(funded, judgeUnlocking(terms, verdict, signatures));
    expect(refused).toMatchObject({ ok: false, error: 'num-equal-verify' });
  });
});

describe('slash', () => {
  it('burns what is left, and keeps that output when nothing is', () => {
    const verifierFee = 500n;
    const tight = makeTerms({ verifierFee, stake: 101_500n, threshold: 3 });
    const full = { ...makeState(100), stakeOutpoint: outpointOf('claim') };
    const { commitmentHash } = full;
    const signatures = votes([0, 1, 2], { terms: tight, commitmentHash, verdict: 'invalid' });
    const spend = judgeSpend(tight, { outpoint }, full, 'invalid', signatures);
    expect(spend.outputs.at(-1)).toEqual({ value: 0n, lockingScript: BURN_SCRIPT });
    expect(answerToJudge(spend, 'invalid', signatures, tight)).toMatchObject({ ok: true });
    const without = { ...spend, outputs: spend.outputs.slice(0, -1) };
    expect(answerToJudge(without, 'invalid', signatures, tight)).toMatchObject({ ok: false });
  });
});

describe('lapse', () => {
  const honest = lapseSpend(terms, { outpoint }, state);
  const unlocking = lapseUnlocking(terms);
  const aged = (sequence: number) => ({
    ...honest,
    inputs: honest.inputs.map((input) => ({ ...input, sequence })),
  });

  it('is open to anyone when the verdict window is over: to each its own', () => {
    expect(honest.outputs.map(({ value }) => value)).toEqual([150_000n, 2_100n]);
    expect(answer(fund(honest), unlocking)).toMatchObject({ ok: true });
    expect(answer(fund(aged(21)), unlocking)).toMatchObject({ ok: true });
  });

  it('works for any terms', () => {
    fc.assert(
      fc.property(arbitraryJob, ({ terms, count }) => {
        const state = { ...makeState(count), stakeOutpoint: outpointOf('claim') };
        const funded = fund(lapseSpend(terms, { outpoint }, state));
        expect(answer(funded, lapseUnlocking(terms))).toMatchObject({ ok: true });
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['a block early', 19],
    ['at once', 0xffff_fffe],
  ])('refuses to come %s', (_, sequence) => {
    const early = answer(fund(aged(sequence)), unlocking);
    expect(early).toMatchObject({ ok: false, error: 'unsatisfied-locktime' });
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(answer(fund(spoiled), unlocking)).toMatchObject({ ok: false });
  });

  it('refuses to give the seller’s stake to the client', () => {
    const { lockingScript } = honest.outputs[1]!;
    expect(answer(fund(withOutput(honest, 0, { lockingScript })), unlocking).ok).toBe(false);
  });

  it('refuses any input but the first', () => {
    const refused = answerAtSecond(asSecondInput(fund(honest)), unlocking);
    expect(refused).toMatchObject({ ok: false });
  });
});

describe('with a list', () => {
  it('has the bytes it always had, so that a contract of yesterday is found today', () => {
    // the escrow holds the hash of the stake's code, and that the hash of the contested contract's
    expect(toHex(sha256(escrowScript(terms))).slice(0, 16)).toBe('cbfe754bdb464552');
  });
});

describe('gathering verdicts', () => {
  const signedBy = (index: number, verdict: VerdictName) => ({
    verifier: verifierKeys(15)[index]!,
    signature: sign(index, { verdict }),
  });

  it('takes the first listed verifiers that signed, in any order of arrival', () => {
    const received = [2, 1, 0].map((index) => signedBy(index, 'invalid'));
    const gathered = gatherVerdicts(terms, state, 'invalid', received)!;
    expect(gathered.map((signature) => signature !== undefined)).toEqual([true, true, false]);
    const spend = judgeSpend(terms, { outpoint }, state, 'invalid', gathered);
    expect(answerToJudge(spend, 'invalid', gathered)).toMatchObject({ ok: true });
  });

  it('passes over strangers, repetitions, other verdicts and wrong signatures', () => {
    const good = signedBy(1, 'invalid');
    const received = [signedBy(7, 'invalid'), signedBy(0, 'valid'), good, good];
    const forged = { verifier: verifierKeys(3)[2]!, signature: good.signature };
    expect(gatherVerdicts(terms, state, 'invalid', [...received, forged])).toBeUndefined();
    const enough = [...received, forged, signedBy(2, 'invalid')];
    const gathered = gatherVerdicts(terms, state, 'invalid', enough)!;
    expect(equalBytes(gathered[1] as Uint8Array, good.signature)).toBe(true);
  });
});
