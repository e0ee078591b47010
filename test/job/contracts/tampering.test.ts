import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContractSpend, type SpendContext, signContract, signData } from '#src/chain/index.js';
import {
  contestedMessage,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
} from '#src/job/contracts/contestedSpends.js';
import {
  cancelSpend,
  cancelUnlocking,
  claimSpend,
  claimUnlocking,
  refundSpend,
  refundUnlocking,
} from '#src/job/contracts/escrowSpends.js';
import {
  contestSpend,
  contestUnlocking,
  releaseSpend,
  releaseUnlocking,
} from '#src/job/contracts/stakeSpends.js';
import {
  answer,
  answerAtSecond,
  fund,
  keyOf,
  makeClaim,
  makeState,
  makeTerms,
  outpointOf,
  verifierKey,
} from './setup.js';
import {
  arbitraryTampering,
  isAged,
  isUnchanged,
  keepsFirstInput,
  keepsOutputs,
} from './tamper.js';

const terms = makeTerms();
const claim = makeClaim(37);
const state = makeState(37);
const contested = { ...state, stakeOutpoint: outpointOf('claim') };
const stake = outpointOf('claim');
const contest = outpointOf('contest');
const verdicts = [0, 1, 2].map((index) =>
  index === 1
    ? undefined
    : signData(contestedMessage(terms, contested, 'invalid'), verifierKey(index)),
);
const by = (name: string) => (funded: SpendContext) => signContract(funded, keyOf(name));

type Holds = (after: SpendContext, before: SpendContext, spend: ContractSpend) => boolean;
const unchanged: Holds = (after, before) => isUnchanged(after, before);
const outputsKept: Holds = (after, before, spend) =>
  keepsFirstInput(after, before) && keepsOutputs(after, spend.outputs);

/** Every path of a job's contracts, its unlocking script, and when a changed transaction still satisfies it. */
const paths: [string, ContractSpend, (funded: SpendContext) => Uint8Array, Holds][] = [
  ['claim', claimSpend(terms, claim), (f) => claimUnlocking(claim, by('seller')(f)), unchanged],
  [
    'refund',
    refundSpend(terms, { outpoint: outpointOf('escrow') }),
    (f) => refundUnlocking(by('client')(f)),
    unchanged,
  ],
  [
    'cancel',
    cancelSpend(terms, { outpoint: outpointOf('escrow') }),
    (f) => cancelUnlocking({ client: by('client')(f), seller: by('seller')(f) }),
    unchanged,
  ],
  [
    'release',
    releaseSpend(terms, { outpoint: stake }, state),
    (f) => releaseUnlocking(by('seller')(f)),
    unchanged,
  ],
  [
    'contest',
    contestSpend(terms, { outpoint: stake }, state),
    (f) => contestUnlocking(by('client')(f)),
    unchanged,
  ],
  [
    'slash',
    judgeSpend(terms, { outpoint: contest }, contested, 'invalid', verdicts),
    () => judgeUnlocking(terms, 'invalid', verdicts),
    outputsKept,
  ],
  [
    'lapse',
    lapseSpend(terms, { outpoint: contest }, contested),
    () => lapseUnlocking(terms),
    (after, before, spend) =>
      outputsKept(after, before, spend) && isAged(after, terms.verdictWindow),
  ],
];

describe('a transaction that somebody changes on its way', () => {
  it.each(paths)('%s: keeps what the table fixes, or fails', (_, spend, unlock, holds) => {
    const before = fund(spend);
    const unlocking = unlock(before);
    expect(answer(before, unlocking)).toMatchObject({ ok: true });
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(before);
        const first = keepsFirstInput(after, before);
        const { ok } = first ? answer(after, unlocking) : answerAtSecond(after, unlocking);
        expect(ok).toBe(holds(after, before, spend));
      }),
      { numRuns: 50 },
    );
  });

  // a lapse shows nothing but padding, which may hold anything
  const shown = paths.filter(([name]) => name !== 'lapse');
  it.each(shown)('%s: fails with any other byte in its unlocking script', (_, spend, unlock) => {
    const before = fund(spend);
    const unlocking = unlock(before);
    const mutation = fc.tuple(fc.nat(unlocking.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(mutation, ([at, flip]) => {
        const mutated = unlocking.with(at, unlocking[at]! ^ flip);
        expect(answer(before, mutated).ok).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
