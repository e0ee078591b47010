import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, sha256, toHex, u32le, utf8 } from '#src/base/index.js';
import {
  type ContractSpend,
  publicKeyOf,
  pushData,
  type SeatSignature,
  signContract,
  signData,
} from '#src/chain/index.js';
import {
  buildRegistry,
  checkRegistryProof,
  drawSecondJury,
  drawVerifiers,
  registryProof,
} from '#src/job/bonds/registry.js';
import { contestedScript, parseContested } from '#src/job/contracts/contested.js';
import {
  contestedMessage,
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
  type VerdictSignatures,
} from '#src/job/contracts/contestedSpends.js';
import type { ContestedState } from '#src/job/contracts/layout.js';
import { contestSpend, contestUnlocking } from '#src/job/contracts/stakeSpends.js';
import type { VerdictName } from '#src/job/contracts/verdict.js';
import { bondValue, type JobTerms } from '#src/job/terms.js';
import {
  answer,
  answerAtSecond,
  asSecondInput,
  fund,
  k,
  keyOf,
  makeState,
  makeTerms,
  outpointOf,
  spoiledOutputs,
} from './setup.js';
import {
  arbitraryTampering,
  isAged,
  isUnchanged,
  keepsFirstInput,
  keepsOutputs,
} from './tamper.js';

const PRIVATE_KEYS = Array.from({ length: 40 }, (_, i) => keyOf(`bonded ${i}`));
const PRIVATE_OF = new Map(PRIVATE_KEYS.map((key) => [toHex(publicKeyOf(key)), key]));
const PUBLIC_KEYS = PRIVATE_KEYS.map(publicKeyOf);
const BLOCK = keyOf('block');
const c = keyOf('c');

const registryOf = (size: number) => buildRegistry(PUBLIC_KEYS.slice(0, size), BLOCK);

function makeDrawn(size: number, count: number, changes: Partial<JobTerms> = {}) {
  const registry = registryOf(size);
  const draw = { registry: registry.root, size, count, drawHash: sha256(c) };
  const threshold = Math.floor(count / 2) + 1;
  const terms = makeTerms({ verifiers: draw, threshold, ...changes });
  return { terms, draw, registry, seats: drawVerifiers(registry, draw, { drawSecret: c, k }) };
}

const { terms, registry, draw, seats } = makeDrawn(20, 3);
const state: ContestedState = {
  ...makeState(37),
  stakeOutpoint: outpointOf('claim'),
  drawSecret: c,
};
const outpoint = outpointOf('contest');

const signedBy = (
  seat: Pick<SeatSignature, 'publicKey' | 'proof'>,
  verdict: VerdictName,
  about: { terms?: JobTerms; state?: ContestedState } = {},
): SeatSignature => {
  const message = contestedMessage(about.terms ?? terms, about.state ?? state, verdict);
  return { ...seat, signature: signData(message, PRIVATE_OF.get(toHex(seat.publicKey))!) };
};

const votes = (signers: readonly number[], verdict: VerdictName): (SeatSignature | undefined)[] =>
  seats.map((seat, index) => (signers.includes(index) ? signedBy(seat, verdict) : undefined));

const judge = (spend: ContractSpend, verdict: VerdictName, verdicts: VerdictSignatures) =>
  answer(fund(spend), judgeUnlocking(terms, verdict, verdicts));

describe('the registry', () => {
  it('orders keys by SHA-256(block hash ‖ key), each once', () => {
    const shuffled = buildRegistry([...PUBLIC_KEYS, ...PUBLIC_KEYS].toReversed(), BLOCK);
    expect(toHex(shuffled.root)).toBe(toHex(registryOf(40).root));
    const places = shuffled.keys.map((key) => toHex(sha256(BLOCK, key)));
    expect(places).toEqual(places.toSorted());
    expect(toHex(buildRegistry(PUBLIC_KEYS, keyOf('other')).root)).not.toBe(toHex(shuffled.root));
  });

  it('proves its keys and no other', () => {
    for (const publicKey of registry.keys) {
      const { index, proof } = registryProof(registry, publicKey)!;
      expect(checkRegistryProof(draw, index, { publicKey, proof })).toBe(true);
      expect(checkRegistryProof(draw, index, { publicKey: PUBLIC_KEYS[30]!, proof })).toBe(false);
    }
    expect(registryProof(registry, PUBLIC_KEYS[30]!)).toBeUndefined();
  });

  it('draws nobody for a job that names another registry', () => {
    const bad = expect.objectContaining({ code: 'BAD_REGISTRY' });
    expect(() => drawVerifiers(registryOf(21), draw, { drawSecret: c, k })).toThrow(bad);
    const again = () => drawSecondJury(registryOf(21), draw, { drawSecret: c, k }, keyOf('signed'));
    expect(again).toThrow(bad);
  });
});

describe('terms with a draw', () => {
  it.each([
    ['no seat', { count: 0 }],
    ['too many seats', { count: 16, size: 40 }],
    ['too few to draw a second jury from', { size: 6 }],
    ['a registry beyond the largest', { size: 2 ** 20 + 1 }],
    ['a short root', { registry: new Uint8Array(31) }],
    ['a short draw hash', { drawHash: new Uint8Array(31) }],
  ])('refuse %s', (_, change) => {
    const spoiled = makeTerms({ verifiers: { ...draw, ...change } });
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    expect(() => contestedScript(spoiled, state)).toThrow(bad);
  });
});

describe('contest with a draw', () => {
  const stake = outpointOf('claim');
  const honest = contestSpend(terms, { outpoint: stake }, makeState(37), c);
  const unlockingOf = (spend: ContractSpend, secret: Uint8Array | undefined, who = 'client') =>
    answer(fund(spend), contestUnlocking(signContract(fund(spend), keyOf(who)), secret));

  it('shows c, which the contested contract then carries', () => {
    expect(unlockingOf(honest, c)).toMatchObject({ ok: true });
    const { length } = contestUnlocking(signContract(fund(honest), keyOf('client')), c);
    expect(length).toBeLessThanOrEqual(honest.inputs[0]!.unlockingSize);
    const parsed = parseContested(terms, honest.outputs[0]!)!;
    expect(parsed).toEqual({ ...state, stakeOutpoint: stake });
  });

  it('refuses to come without c, with another secret, by another', () => {
    expect(unlockingOf(honest, undefined).ok).toBe(false);
    expect(unlockingOf(honest, keyOf('another secret')).ok).toBe(false);
    expect(unlockingOf(honest, c, 'seller').ok).toBe(false);
    const bad = expect.objectContaining({ code: 'BAD_STATE' });
    expect(() => contestSpend(terms, { outpoint: stake }, makeState(37), keyOf('another'))).toThrow(
      bad,
    );
    expect(() => contestSpend(terms, { outpoint: stake }, makeState(37))).toThrow(bad);
  });

  it('refuses a contested contract with another secret, key or draw in it', () => {
    const [contested] = honest.outputs;
    const script = contested!.lockingScript;
    // the first byte of each push's data: outpoint, c, k, count, hash, and the code behind
    for (const place of [1, 38, 71, 104, 109, 145, script.length - 1]) {
      const lockingScript = script.with(place, script[place]! ^ 1);
      const spend = { ...honest, outputs: [{ ...contested!, lockingScript }] };
      expect(unlockingOf(spend, c).ok).toBe(false);
    }
    const other = makeDrawn(21, 3).terms;
    const lockingScript = contestedScript(other, { ...state, stakeOutpoint: stake });
    const spend = { ...honest, outputs: [{ ...contested!, lockingScript }] };
    expect(unlockingOf(spend, c).ok).toBe(false);
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(unlockingOf(spoiled, c).ok).toBe(false);
  });

  it('holds against any change on its way', () => {
    const funded = fund(honest);
    const unlocking = contestUnlocking(signContract(funded, keyOf('client')), c);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const { ok } = keepsFirstInput(after, funded)
          ? answer(after, unlocking)
          : answerAtSecond(after, unlocking);
        expect(ok).toBe(isUnchanged(after, funded));
      }),
      { numRuns: 60 },
    );
  });
});

describe.each<[VerdictName, string, readonly bigint[]]>([
  ['invalid', 'slash', [39_100n, 700n, 700n, 111_600n]],
  ['valid', 'clear', [150_700n, 700n, 700n]],
])('verdict %s of drawn verifiers: %s', (verdict, _, values) => {
  const honestVotes = votes([0, 2], verdict);
  const honest = judgeSpend(terms, { outpoint }, state, verdict, honestVotes);

  it('pays everyone to the unit', () => {
    expect(honest.outputs.map(({ value }) => value)).toEqual(values);
    expect(values.reduce((sum, value) => sum + value)).toBe(terms.stake + bondValue(terms));
    expect(judge(honest, verdict, honestVotes)).toMatchObject({ ok: true });
  });

  it('works for any registry, draw and choice of signers, within its stated size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 15 }), fc.nat(9), fc.nat(), (count, more, first) => {
        const made = makeDrawn(2 * count + 1 + more, count, { stake: 150_000n });
        const signers = Array.from({ length: made.terms.threshold }, (_, i) => (first + i) % count);
        const verdicts = made.seats.map((seat, index) =>
          signers.includes(index) ? signedBy(seat, verdict, { terms: made.terms }) : undefined,
        );
        const spend = judgeSpend(made.terms, { outpoint }, state, verdict, verdicts);
        const unlocking = judgeUnlocking(made.terms, verdict, verdicts);
        expect(answer(fund(spend), unlocking)).toMatchObject({ ok: true });
        expect(unlocking.length).toBeLessThanOrEqual(spend.inputs[0]!.unlockingSize);
        const total = spend.outputs.reduce((sum, { value }) => sum + value, 0n);
        expect(total).toBe(made.terms.stake + bondValue(made.terms));
      }),
      { numRuns: 15 },
    );
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(judge(spoiled, verdict, honestVotes).ok).toBe(false);
  });

  const refused = (verdicts: VerdictSignatures) => judge(honest, verdict, verdicts).ok;

  it('refuses a bonded verifier who was not drawn', () => {
    const stranger = registry.keys.findIndex(
      (key) => !seats.some(({ publicKey }) => toHex(publicKey) === toHex(key)),
    );
    const publicKey = registry.keys[stranger]!;
    const seat = { publicKey, proof: registry.proof(stranger) };
    const verdicts = [signedBy(seat, verdict), undefined, honestVotes[2]];
    const spend = judgeSpend(terms, { outpoint }, state, verdict, verdicts);
    expect(judge(spend, verdict, verdicts).ok).toBe(false);
  });

  it('refuses a key that is not bonded, with a drawn one’s proof', () => {
    const publicKey = PUBLIC_KEYS[30]!;
    const seat = { publicKey, proof: seats[0]!.proof };
    const verdicts = [signedBy(seat, verdict), undefined, honestVotes[2]];
    const spend = judgeSpend(terms, { outpoint }, state, verdict, verdicts);
    expect(judge(spend, verdict, verdicts).ok).toBe(false);
  });

  it('refuses a drawn verifier in two seats', () => {
    const verdicts = [honestVotes[0], honestVotes[0], undefined];
    const spend = judgeSpend(terms, { outpoint }, state, verdict, verdicts);
    expect(judge(spend, verdict, verdicts).ok).toBe(false);
  });

  it('refuses too few, too many, and seats in another order', () => {
    const raw = (verdicts: readonly (SeatSignature | undefined)[]) =>
      concatBytes(
        ...verdicts
          .toReversed()
          .flatMap((v) => (v ? [v.proof, v.publicKey, v.signature] : [new Uint8Array(0)]))
          .map(pushData),
        Uint8Array.of(verdict === 'invalid' ? 0x00 : 0x51, 0x00),
      );
    expect(answer(fund(honest), raw(honestVotes))).toMatchObject({ ok: true });
    for (const signers of [[], [0], [2], [0, 1, 2]]) {
      expect(answer(fund(honest), raw(votes(signers, verdict))).ok).toBe(false);
    }
    expect(answer(fund(honest), raw(honestVotes.toReversed())).ok).toBe(false);
  });

  it.each<[string, Partial<ContestedState>, Partial<JobTerms>]>([
    ['another stake', { stakeOutpoint: outpointOf('another claim') }, {}],
    ['another commitment', { commitmentHash: keyOf('another commitment') }, {}],
    ['another key of the seller', { k: keyOf('another k') }, {}],
    ['another job', {}, { jobId: keyOf('another job') }],
    ['another chain', {}, { genesis: keyOf('another chain') }],
    ['another registry', {}, { verifiers: { ...draw, registry: keyOf('registry') } }],
    ['a registry of another size', {}, { verifiers: { ...draw, size: 21 } }],
    ['a draw of more seats', {}, { verifiers: { ...draw, count: 4 } }],
  ])('refuses verdicts about %s', (_, stateChange, termsChange) => {
    const about = {
      terms: makeTerms({ ...terms, ...termsChange }),
      state: { ...state, ...stateChange },
    };
    const verdicts = seats.map((seat, i) => (i === 1 ? undefined : signedBy(seat, verdict, about)));
    expect(refused(verdicts)).toBe(false);
  });

  it('refuses the other verdict', () => {
    const other = verdict === 'invalid' ? 'valid' : 'invalid';
    expect(refused(votes([0, 2], other))).toBe(false);
    expect(judge(honest, other, honestVotes).ok).toBe(false);
  });

  it('bars the parties of the job, even when drawn', () => {
    for (const party of ['client', 'seller'] as const) {
      const barring = makeTerms({ ...terms, [party]: seats[0]!.publicKey });
      const verdicts = seats.map((seat, i) =>
        i === 1 ? undefined : signedBy(seat, verdict, { terms: barring }),
      );
      const spend = judgeSpend(barring, { outpoint }, state, verdict, verdicts);
      expect(answer(fund(spend), judgeUnlocking(barring, verdict, verdicts)).ok).toBe(false);
    }
  });

  it('refuses any input but the first', () => {
    const unlocking = judgeUnlocking(terms, verdict, honestVotes);
    expect(answerAtSecond(asSecondInput(fund(honest)), unlocking).ok).toBe(false);
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const funded = fund(honest);
    const unlocking = judgeUnlocking(terms, verdict, honestVotes);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const holds = keepsFirstInput(after, funded) && keepsOutputs(after, honest.outputs);
        const { ok } = keepsFirstInput(after, funded)
          ? answer(after, unlocking)
          : answerAtSecond(after, unlocking);
        expect(ok).toBe(holds);
      }),
      { numRuns: 60 },
    );
  });
});

describe('lapse with a draw', () => {
  const honest = lapseSpend(terms, { outpoint }, state);
  const unlocking = lapseUnlocking(terms);

  it('pays to each its own, at any count of seats', () => {
    for (const count of [1, 3, 15]) {
      const made = makeDrawn(40, count);
      const spend = lapseSpend(made.terms, { outpoint }, state);
      expect(answer(fund(spend), lapseUnlocking(made.terms))).toMatchObject({ ok: true });
    }
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const funded = fund(honest);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const isFirst = keepsFirstInput(after, funded);
        const holds =
          isFirst && keepsOutputs(after, honest.outputs) && isAged(after, terms.verdictWindow);
        const { ok } = isFirst ? answer(after, unlocking) : answerAtSecond(after, unlocking);
        expect(ok).toBe(holds);
      }),
      { numRuns: 60 },
    );
  });
});

describe('gathering drawn verdicts', () => {
  const received = (indexes: readonly number[]) =>
    indexes.map((index) => {
      const { publicKey: verifier, signature } = signedBy(seats[index]!, 'invalid');
      return { verifier, signature };
    });

  it('takes the first seats that signed, and passes over everybody else', () => {
    const message = contestedMessage(terms, state, 'invalid');
    const stranger = {
      verifier: PUBLIC_KEYS[30]!,
      signature: signData(message, PRIVATE_KEYS[30]!),
    };
    expect(gatherVerdicts(terms, state, 'invalid', [stranger, ...received([1])], seats)).toBe(
      undefined,
    );
    const gathered = gatherVerdicts(terms, state, 'invalid', received([2, 1, 0]), seats)!;
    expect(gathered.map((signature) => signature !== undefined)).toEqual([true, true, false]);
    const spend = judgeSpend(terms, { outpoint }, state, 'invalid', gathered);
    expect(judge(spend, 'invalid', gathered)).toMatchObject({ ok: true });
  });

  it('has no message before the contest showed c', () => {
    const { drawSecret: _, ...before } = state;
    const bad = expect.objectContaining({ code: 'BAD_STATE' });
    expect(() => contestedMessage(terms, before, 'valid')).toThrow(bad);
  });

  it('signs 252 bytes that name the draw', () => {
    const message = contestedMessage(terms, state, 'valid');
    expect(message.length).toBe(252);
    const start = concatBytes(utf8('bitmodel/verdict/2'), terms.genesis, registry.root, u32le(20));
    expect(toHex(message.subarray(0, start.length))).toBe(toHex(start));
  });
});
