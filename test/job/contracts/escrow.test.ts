import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '#src/base/index.js';
import { type ContractSpend, SIGHASH, signContract, signInput } from '#src/chain/index.js';
import {
  cancelSpend,
  cancelUnlocking,
  claimSpend,
  claimUnlocking,
  escrowOutput,
  refundSpend,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import type { StakeState } from '#src/job/contracts/layout.js';
import { stakeScript } from '#src/job/contracts/stake.js';
import { escrowValue, type JobTerms } from '#src/job/terms.js';
import {
  answer,
  answerAtSecond,
  arbitraryJob,
  asSecondInput,
  fund,
  keyOf,
  makeClaim,
  makeCommitment,
  makeState,
  makeTerms,
  outpointOf,
  spoiledOutputs,
  verifierKeys,
  withOutput,
} from './setup.js';

const terms = makeTerms();
const claim = makeClaim(37);
const honest = claimSpend(terms, claim);

const answerToClaim = (spend: ContractSpend, shown = claim, signer = 'seller') => {
  const funded = fund(spend);
  return answer(funded, claimUnlocking(shown, signContract(funded, keyOf(signer))));
};

/** What `claimSpend` gives, for a count or commitment that it would refuse. */
const outputsFor = (count: number, commitment: Uint8Array): ContractSpend => {
  const state = { ...makeState(1), commitmentHash: sha256(commitment) };
  const lockingScript = stakeScript(terms, state);
  new DataView(lockingScript.buffer).setUint32(34, count, true);
  const reward = BigInt(count) * terms.pricePerToken;
  const unused = escrowValue(terms) - reward;
  const values = [
    { value: terms.stake, lockingScript },
    { value: (reward * BigInt(terms.feePpm)) / 1_000_000n },
    { value: unused < 0n ? 0n : unused },
  ];
  return { ...honest, outputs: values.map((o, i) => ({ ...honest.outputs[i]!, ...o })) };
};

describe('claim', () => {
  it('is open to the seller who shows k and the commitment, and locks the stake', () => {
    expect(answerToClaim(honest)).toMatchObject({ ok: true });
    expect(honest.outputs.map(({ value }) => value)).toEqual([150_000n, 1_850n, 63_000n]);
  });

  it('stays within the size it stated', () => {
    const funded = fund(honest);
    const unlocking = claimUnlocking(claim, signContract(funded, keyOf('seller')));
    expect(unlocking.length).toBeLessThanOrEqual(honest.inputs[0]!.unlockingSize);
  });

  it('works for any terms and count, zero-valued outputs included', () => {
    fc.assert(
      fc.property(arbitraryJob, ({ terms, count }) => {
        const claim = makeClaim(count);
        const spend = claimSpend(terms, claim);
        expect(spend.inputs[0]!.output.value).toBe(escrowValue(terms));
        expect(answerToClaim(spend, claim)).toMatchObject({ ok: true });
        const [name, spoiled] = spoiledOutputs(spend)[count % 12]!;
        if (spoiled.outputs.every(({ value }) => value >= 0n)) {
          expect(answerToClaim(spoiled, claim), name).toMatchObject({ ok: false });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has room for a fee script of 50 kB', () => {
    const feeLockingScript = new Uint8Array(50_000).fill(0x51);
    const large = makeTerms({ feeScript: sha256(feeLockingScript) });
    const spend = claimSpend(large, { ...claim, feeLockingScript });
    expect(answerToClaim(spend)).toMatchObject({ ok: true });
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(answerToClaim(spoiled)).toMatchObject({ ok: false });
  });

  it('refuses another job id on the transaction', () => {
    const spend = { ...honest, jobId: keyOf('another job') };
    expect(answerToClaim(spend)).toMatchObject({ ok: false, error: 'equal-verify' });
  });

  it('refuses any input but the first, so that one stake can not serve two escrows', () => {
    const funded = asSecondInput(fund(honest));
    const signature = signInput({ ...funded, inputIndex: 1 }, keyOf('seller'));
    const refused = answerAtSecond(funded, claimUnlocking(claim, signature));
    expect(refused).toMatchObject({ ok: false, error: 'num-equal-verify' });
  });

  it('refuses any signature but the seller’s', () => {
    expect(answerToClaim(honest, claim, 'client')).toMatchObject({ ok: false });
  });

  it.each([SIGHASH.NONE, SIGHASH.SINGLE, SIGHASH.ALL | SIGHASH.ANYONECANPAY])(
    'refuses a signature of hash type %i, which would leave the commitment unsigned',
    (type) => {
      const funded = fund(honest);
      const options = { hashType: type | SIGHASH.FORKID };
      const signature = signInput({ ...funded, inputIndex: 0 }, keyOf('seller'), options);
      const refused = answer(funded, claimUnlocking(claim, signature));
      expect(refused).toMatchObject({ ok: false, error: 'equal-verify' });
    },
  );

  it('refuses another k', () => {
    expect(answerToClaim(honest, { ...claim, k: keyOf('guess') })).toMatchObject({ ok: false });
  });

  it('refuses another commitment than the stake holds', () => {
    const commitment = claim.commitment.slice();
    commitment[40]! ^= 1;
    expect(answerToClaim(honest, { ...claim, commitment })).toMatchObject({ ok: false });
  });

  it('refuses the commitment of another job', () => {
    const commitment = makeCommitment(37, keyOf('another job'));
    const spend = outputsFor(37, commitment);
    expect(answerToClaim(spend, { ...claim, commitment })).toMatchObject({
      ok: false,
      error: 'equal-verify',
    });
    expect(() => claimSpend(terms, { ...claim, commitment })).toThrow('another job');
  });

  it.each([
    [1, true],
    [100, true],
    [0, false],
    [101, false],
    [0x8000_0000, false],
    [0x8000_0001, false],
    [0xffff_ffff, false],
  ])('of %i tokens of 100 is taken: %s', (count, ok) => {
    const commitment = makeCommitment(count);
    const result = answerToClaim(outputsFor(count, commitment), { ...claim, commitment });
    expect(result).toMatchObject(ok ? { ok } : { ok, error: 'verify' });
  });

  it.each([100, 102])('refuses a commitment of %i bytes', (length) => {
    const commitment = new Uint8Array(length);
    commitment.set(claim.commitment.subarray(0, 100));
    const result = answerToClaim(outputsFor(37, commitment), { ...claim, commitment });
    expect(result).toMatchObject({ ok: false, error: 'num-equal-verify' });
  });

  it.each<[string, Partial<JobTerms>]>([
    ['verifiers', { verifiers: verifierKeys(5).slice(2) }],
    ['threshold', { threshold: 3 }],
    ['client', { client: verifierKeys(9)[8]! }],
    ['price', { pricePerToken: 1n }],
    ['dispute window', { disputeWindow: 1 }],
  ])('refuses a stake with another %s', (_, changes) => {
    const { lockingScript } = claimSpend(makeTerms(changes), claim).outputs[0]!;
    expect(answerToClaim(withOutput(honest, 0, { lockingScript }))).toMatchObject({ ok: false });
  });

  it.each<[string, Partial<StakeState>]>([
    ['k', { k: keyOf('other') }],
    ['count', { count: 36 }],
    ['commitment hash', { commitmentHash: keyOf('other') }],
  ])('refuses a stake whose head has another %s', (_, changes) => {
    const other = makeTerms({ kHash: sha256(changes.k ?? claim.k) });
    const head = stakeScript(other, { ...makeState(37), ...changes }).subarray(0, 71);
    const lockingScript = honest.outputs[0]!.lockingScript.slice();
    lockingScript.set(head);
    expect(answerToClaim(withOutput(honest, 0, { lockingScript }))).toMatchObject({ ok: false });
  });

  it('can not be built with a wrong key, a foreign fee script or too many tokens', () => {
    expect(() => claimSpend(terms, { ...claim, k: keyOf('guess') })).toThrow('this key');
    expect(() => claimSpend(terms, makeClaim(101))).toThrow('token count');
    const feeLockingScript = Uint8Array.of(0x51);
    expect(() => claimSpend(terms, { ...claim, feeLockingScript })).toThrow('share');
  });
});

describe('refund', () => {
  const answerToRefund = (spend: ContractSpend, signer = 'client') => {
    const funded = fund(spend);
    return answer(funded, refundUnlocking(signContract(funded, keyOf(signer))));
  };
  const spend = refundSpend(terms, { outpoint: outpointOf('escrow') });

  it('is open to the client from `expires` on', () => {
    expect(spend.lockTime).toBe(500);
    expect(answerToRefund(spend)).toMatchObject({ ok: true });
    expect(answerToRefund({ ...spend, lockTime: 501 })).toMatchObject({ ok: true });
  });

  it('refuses to come a block early', () => {
    const early = answerToRefund({ ...spend, lockTime: 499 });
    expect(early).toMatchObject({ ok: false, error: 'unsatisfied-locktime' });
  });

  it('refuses a time in the place of a height', () => {
    expect(answerToRefund({ ...spend, lockTime: 1_700_000_000 })).toMatchObject({ ok: false });
  });

  it('refuses a final input, whose lock time would not count', () => {
    const inputs = spend.inputs.map((input) => ({ ...input, sequence: 0xffff_ffff }));
    expect(answerToRefund({ ...spend, inputs })).toMatchObject({ ok: false });
  });

  it('refuses the seller', () => {
    expect(answerToRefund(spend, 'seller')).toMatchObject({ ok: false });
  });
});

describe('cancel', () => {
  const funded = fund(cancelSpend(terms, { outpoint: outpointOf('escrow') }));
  const answerToCancel = (client: string, seller: string) =>
    answer(
      funded,
      cancelUnlocking({
        client: signContract(funded, keyOf(client)),
        seller: signContract(funded, keyOf(seller)),
      }),
    );

  it('is open to both together at any time', () => {
    expect(answerToCancel('client', 'seller')).toMatchObject({ ok: true });
  });

  it.each([
    ['client', 'client'],
    ['seller', 'seller'],
    ['seller', 'client'],
  ])('refuses the signatures of %s and %s', (client, seller) => {
    expect(answerToCancel(client, seller)).toMatchObject({ ok: false });
  });

  it('refuses a transaction with the id of the job, which a claim has', () => {
    const { jobId } = terms;
    const named = fund({ ...cancelSpend(terms, { outpoint: outpointOf('escrow') }), jobId });
    const signatures = {
      client: signContract(named, keyOf('client')),
      seller: signContract(named, keyOf('seller')),
    };
    expect(answer(named, cancelUnlocking(signatures))).toMatchObject({ ok: false });
  });
});

it('an escrow has no fourth path', () => {
  expect(answer(fund(honest), Uint8Array.of(0x53))).toMatchObject({ ok: false });
  expect(escrowOutput(terms).value).toBe(100_000n);
});
