import * as noble from '@noble/secp256k1';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, toHex, utf8 } from '#src/base/index.js';
import {
  type ContractSpend,
  drawnLeaves,
  publicKeyOf,
  type SeatSignature,
  signContract,
  signData,
} from '#src/chain/index.js';
import { derFromCompact } from '#src/chain/script/der.js';
import {
  buildRegistry,
  drawSecondJury,
  drawVerifiers,
  type Seat,
  type VerifierRegistry,
} from '#src/job/bonds/registry.js';
import { bondScript, leavingScript, parseBond, rejudgeMessage } from '#src/job/contracts/bond.js';
import {
  bondReleaseSpend,
  bondReleaseUnlocking,
  bondSlashSpend,
  bondSlashUnlocking,
  gatherRejudgement,
  leaveSpend,
  leaveUnlocking,
} from '#src/job/contracts/bondSpends.js';
import { BURN_SCRIPT } from '#src/job/contracts/contested.js';
import { drawnVerdictMessage, drawSeed } from '#src/job/contracts/verdict.js';
import { secondJurySize, secondJuryThreshold } from '#src/job/secondJury.js';
import type { VerifierDraw } from '#src/job/terms.js';
import { highS } from '../../chain/script/high-s.js';
import { cases } from '../../long.js';
import {
  answer,
  answerAtSecond,
  asSecondInput,
  fund,
  k,
  keyOf,
  outpointOf,
  spoiledOutputs,
  TOKENS,
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
const privateKeyOf = (publicKey: Uint8Array) => PRIVATE_OF.get(toHex(publicKey))!;
const genesis = keyOf('genesis');
const drawnBy = { drawSecret: keyOf('c'), k };
const outpoint = outpointOf('bond');
const VALUE = 100_000_000n;

/** A verdict of seat `accused` and the second jury over it. */
function makeCase({ size = 30, count = 3, accused = 1, chain = genesis } = {}) {
  const registry = buildRegistry(PUBLIC_KEYS.slice(0, size), keyOf('block'));
  const draw: VerifierDraw = { registry: registry.root, size, count, drawHash: keyOf('unused') };
  const verifier = drawVerifiers(registry, draw, drawnBy)[accused % count]!.publicKey;
  const about = { ...drawnBy, stakeOutpoint: outpointOf('claim'), commitmentHash: keyOf('said') };
  const job = { genesis: chain, jobId: keyOf('job') };
  const verdictMessage = drawnVerdictMessage(job, draw, about, 'valid');
  const verdictSignature = signData(verdictMessage, privateKeyOf(verifier));
  const seats = drawSecondJury(registry, draw, drawnBy, verdictSignature);
  return { registry, draw, verifier, verdictMessage, verdictSignature, seats };
}

const made = makeCase();
const { verifier, verdictMessage, verdictSignature, seats, registry, draw } = made;
const terms = { genesis, verifier, exit: 10 };
const coin = { outpoint, value: VALUE, leaving: false };

function vote(seat: Seat, message = rejudgeMessage(verifier, verdictMessage)): SeatSignature {
  return { ...seat, signature: signData(message, privateKeyOf(seat.publicKey)) };
}

/** The first `votes` members of the jury that may sit. */
function jury(votes: number, of = made): (SeatSignature | undefined)[] {
  let left = votes;
  const message = rejudgeMessage(of.verifier, of.verdictMessage);
  return of.seats.map((seat) => {
    if (left === 0 || toHex(seat.publicKey) === toHex(of.verifier)) return undefined;
    left--;
    return vote(seat, message);
  });
}

/** Another valid signature: with a nonce that the signer has chosen. */
function otherSignature(message: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const options = { prehash: false, lowS: true, extraEntropy: keyOf('nonce') };
  return derFromCompact(noble.sign(sha256(message), privateKey, options));
}

/** Whom c and k alone would call to judge one verdict of a draw of one. */
function seatsOfOldRule(
  registry: VerifierRegistry,
  { drawSecret, k }: { readonly drawSecret: Uint8Array; readonly k: Uint8Array },
): Seat[] {
  const seed = sha256(drawSecret, k, utf8('second'));
  return drawnLeaves(seed, registry.size, secondJurySize(1)).map((index) => ({
    publicKey: registry.keys[index]!,
    proof: registry.proof(index),
  }));
}

/** A k by which an honest key judges alone, and by c and k alone four friends of 40 would hold two thirds of the second jury. */
function searched() {
  const registry = buildRegistry(PUBLIC_KEYS, keyOf('block'));
  const { root, size } = registry;
  const draw: VerifierDraw = { registry: root, size, count: 1, drawHash: keyOf('unused') };
  const friends = new Set(PUBLIC_KEYS.slice(0, 4).map(toHex));
  const victim = PUBLIC_KEYS[4]!;
  for (let tries = 0; ; tries++) {
    const drawnBy = { drawSecret: keyOf('c'), k: keyOf(`k ${tries}`) };
    const [leaf] = drawnLeaves(drawSeed(drawnBy), size, 1);
    if (toHex(registry.keys[leaf!]!) !== toHex(victim)) continue;
    const seats = seatsOfOldRule(registry, drawnBy);
    const held = seats.filter(({ publicKey }) => friends.has(toHex(publicKey))).length;
    if (held >= secondJuryThreshold(1)) return { registry, draw, victim, k: drawnBy.k, friends };
  }
}

const NEEDED = secondJuryThreshold(3);
const honestJury = jury(NEEDED);

describe('leave', () => {
  const honest = leaveSpend(terms, coin);
  const tryLeave = (spend: ContractSpend, who = privateKeyOf(verifier)) =>
    answer(fund(spend), leaveUnlocking(signContract(fund(spend), who)));

  it('turns the whole bond into the leaving contract', () => {
    expect(honest.outputs).toEqual([{ value: VALUE, lockingScript: leavingScript(terms) }]);
    expect(tryLeave(honest)).toMatchObject({ ok: true });
  });

  it('is the verifier’s alone', () => {
    expect(tryLeave(honest, keyOf('somebody')).ok).toBe(false);
  });

  it('does not pay the verifier, or a leaving contract of another exit, chain or key', () => {
    for (const change of [
      { exit: 1 },
      { genesis: keyOf('other') },
      { verifier: PUBLIC_KEYS[39]! },
    ]) {
      const lockingScript = leavingScript({ ...terms, ...change });
      expect(tryLeave({ ...honest, outputs: [{ value: VALUE, lockingScript }] }).ok).toBe(false);
    }
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(tryLeave(spoiled).ok).toBe(false);
  });

  it('refuses two bonds for one leaving contract: only input 0 leaves', () => {
    const funded = asSecondInput(fund(honest));
    const unlocking = leaveUnlocking(signContract(fund(honest), privateKeyOf(verifier)));
    expect(answerAtSecond(funded, unlocking).ok).toBe(false);
  });
});

describe('release of a leaving bond', () => {
  const leaving = { ...coin, leaving: true };
  const honest = bondReleaseSpend(terms, leaving);
  const tryRelease = (spend: ContractSpend, who = privateKeyOf(verifier)) =>
    answer(fund(spend), bondReleaseUnlocking(signContract(fund(spend), who)));

  it('is the verifier’s when the exit is over, not a block before, and nobody else’s', () => {
    expect(tryRelease(honest)).toMatchObject({ ok: true });
    for (const sequence of [9, 0xffff_fffe]) {
      const early = { ...honest, inputs: honest.inputs.map((input) => ({ ...input, sequence })) };
      expect(tryRelease(early)).toMatchObject({ ok: false, error: 'unsatisfied-locktime' });
    }
    expect(tryRelease(honest, keyOf('somebody')).ok).toBe(false);
  });

  it('is not open to a bond that has not left', () => {
    const spend = bondReleaseSpend(terms, coin);
    expect(tryRelease(spend).ok).toBe(false);
  });

  it('holds against any change on its way', () => {
    const funded = fund(honest);
    const unlocking = bondReleaseUnlocking(signContract(funded, privateKeyOf(verifier)));
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const first = keepsFirstInput(after, funded);
        const { ok } = first ? answer(after, unlocking) : answerAtSecond(after, unlocking);
        expect(ok).toBe(isUnchanged(after, funded) && isAged(after, terms.exit));
      }),
      { numRuns: 40 },
    );
  });
});

describe.each([false, true])('slash, leaving: %s', (leaving) => {
  const at = { ...coin, leaving };
  const honest = bondSlashSpend(terms, at, 30, {
    verdictMessage,
    verdictSignature,
    jury: honestJury,
  });
  const slash = (
    changes: Partial<Parameters<typeof bondSlashUnlocking>[0]> = {},
    spend: ContractSpend = honest,
  ) =>
    answer(
      fund(spend),
      bondSlashUnlocking({ verdictMessage, verdictSignature, jury: honestJury, ...changes }),
    );
  const slashWith = (shown: (SeatSignature | undefined)[], changes = {}) =>
    slash(
      { jury: shown, ...changes },
      bondSlashSpend(terms, at, 30, { verdictMessage, verdictSignature, jury: shown }),
    );

  it('burns it, less a hundredth for each of two thirds of the second jury', () => {
    expect(NEEDED).toBe(5);
    expect(honest.outputs.map(({ value }) => value)).toEqual([
      95_000_000n,
      ...Array(5).fill(1_000_000n),
    ]);
    expect(honest.outputs[0]!.lockingScript).toEqual(BURN_SCRIPT);
    expect(slash()).toMatchObject({ ok: true });
    const { length } = bondSlashUnlocking({ verdictMessage, verdictSignature, jury: honestJury });
    expect(length).toBeLessThanOrEqual(honest.inputs[0]!.unlockingSize);
  });

  it('works for any registry and draw', () => {
    const one = fc.record({
      count: fc.integer({ min: 1, max: 7 }),
      more: fc.nat(10),
      accused: fc.nat(),
    });
    fc.assert(
      fc.property(one, ({ count, more, accused }) => {
        const size = secondJurySize(count) + more;
        const other = makeCase({ size, count, accused });
        const shown = jury(secondJuryThreshold(count), other);
        const proof = { ...other, jury: shown };
        const under = { ...terms, verifier: other.verifier };
        const spend = bondSlashSpend(under, at, size, proof);
        expect(answer(fund(spend), bondSlashUnlocking(proof))).toMatchObject({ ok: true });
      }),
      { numRuns: 12 },
    );
  });

  it('refuses fewer than two thirds, or more', () => {
    expect(slashWith(jury(NEEDED - 1)).ok).toBe(false);
    expect(slashWith(jury(NEEDED + 1)).ok).toBe(false);
  });

  it('refuses the first jury, and any key that the second draw did not find', () => {
    const first = drawVerifiers(registry, draw, drawnBy).map((seat) => vote(seat));
    expect(slashWith([...first, ...honestJury.slice(3)]).ok).toBe(false);
    const stranger = { publicKey: PUBLIC_KEYS[35]!, proof: seats[0]!.proof };
    expect(slashWith(honestJury.with(0, vote(stranger))).ok).toBe(false);
  });

  it('refuses one member in two seats', () => {
    const at = honestJury.findIndex((seat) => seat !== undefined);
    expect(slashWith(honestJury.with(at + 1, honestJury[at])).ok).toBe(false);
  });

  it('refuses votes about another verdict or another verifier', () => {
    const about = (message: Uint8Array) => honestJury.map((seat) => seat && vote(seat, message));
    expect(slashWith(about(rejudgeMessage(verifier, keyOf('another verdict')))).ok).toBe(false);
    expect(slashWith(about(rejudgeMessage(PUBLIC_KEYS[39]!, verdictMessage))).ok).toBe(false);
    expect(slashWith(about(verdictMessage)).ok).toBe(false);
  });

  it('refuses a verdict that the verifier never signed', () => {
    const verdictSignature = signData(verdictMessage, keyOf('somebody'));
    expect(slash({ verdictSignature }).ok).toBe(false);
    expect(slash({ verdictSignature: new Uint8Array(0) }).ok).toBe(false);
  });

  it('refuses a draw that somebody else made up: the accused’s own words name it', () => {
    const mine = { ...draw, registry: sha256(keyOf('my registry')) };
    const about = { ...drawnBy, stakeOutpoint: outpointOf('claim'), commitmentHash: keyOf('said') };
    const message = drawnVerdictMessage({ genesis, jobId: keyOf('job') }, mine, about, 'valid');
    const votes = honestJury.map((seat) => seat && vote(seat, rejudgeMessage(verifier, message)));
    const signedByMe = signData(message, keyOf('somebody'));
    expect(slashWith(votes, { verdictMessage: message, verdictSignature: signedByMe }).ok).toBe(
      false,
    );
    expect(slashWith(votes, { verdictMessage: message }).ok).toBe(false);
  });

  it('lets no verifier out by a jury of its own: four fifths burn whatever it signs', () => {
    const own = (count: number) => {
      const keys = Array.from({ length: secondJurySize(count) }, (_, i) => keyOf(`puppet ${i}`));
      const registry = buildRegistry(keys.map(publicKeyOf), keyOf('no block'));
      const draw = { registry: registry.root, size: registry.size, count, drawHash: keyOf('c') };
      const about = {
        ...drawnBy,
        stakeOutpoint: outpointOf('none'),
        commitmentHash: keyOf('none'),
      };
      const message = drawnVerdictMessage({ genesis, jobId: keyOf('none') }, draw, about, 'valid');
      const privateOf = new Map(keys.map((key) => [toHex(publicKeyOf(key)), key]));
      const signature = signData(message, privateKeyOf(verifier));
      let left = secondJuryThreshold(count);
      const shown = drawSecondJury(registry, draw, drawnBy, signature).map((seat) => {
        if (left-- <= 0) return undefined;
        const words = rejudgeMessage(verifier, message);
        return { ...seat, signature: signData(words, privateOf.get(toHex(seat.publicKey))!) };
      });
      const proof = { verdictMessage: message, verdictSignature: signature, jury: shown };
      const spend = bondSlashSpend(terms, at, registry.size, proof);
      return { spend, ok: answer(fund(spend), bondSlashUnlocking(proof)).ok };
    };
    // 149 seats, of whom 100 sign, would get it all
    expect(own(74)).toMatchObject({ ok: false });
    expect(own(16)).toMatchObject({ ok: false });
    const largest = own(15);
    expect(largest.ok).toBe(true);
    expect(largest.spend.outputs[0]!.value).toBe(79_000_000n);
  });

  it('refuses a jury that buyer and seller in one have searched a k for', () => {
    const { registry, draw, victim, k, friends } = searched();
    const drawnBy = { drawSecret: keyOf('c'), k };
    const about = { ...drawnBy, stakeOutpoint: outpointOf('claim'), commitmentHash: keyOf('said') };
    const job = { genesis, jobId: keyOf('job') };
    const message = drawnVerdictMessage(job, draw, about, 'valid');
    const verdictSignature = signData(message, privateKeyOf(victim));
    const words = rejudgeMessage(victim, message);
    const seats = seatsOfOldRule(registry, drawnBy);
    let left = secondJuryThreshold(1);
    const shown = seats.map((seat) =>
      friends.has(toHex(seat.publicKey)) && left-- > 0 ? vote(seat, words) : undefined,
    );
    expect(shown.filter(Boolean)).toHaveLength(secondJuryThreshold(1));
    const tryWith = (jury: (SeatSignature | undefined)[]) => {
      const proof = { verdictMessage: message, verdictSignature, jury };
      const spend = bondSlashSpend({ ...terms, verifier: victim }, at, draw.size, proof);
      return answer(fund(spend), bondSlashUnlocking(proof));
    };
    expect(tryWith(shown).ok).toBe(false);
    // those whom the victim's signature calls are others, and they could
    const called = drawSecondJury(registry, draw, drawnBy, verdictSignature);
    const sitting = called.filter(({ publicKey }) => friends.has(toHex(publicKey)));
    expect(sitting.length).toBeLessThan(secondJuryThreshold(1));
    const votes = called.map((seat, index) =>
      index < secondJuryThreshold(1) ? vote(seat, words) : undefined,
    );
    expect(tryWith(votes)).toMatchObject({ ok: true });
  });

  it('takes the jury that the shown signature calls, and that of no other one of the same verdict', () => {
    const other = otherSignature(verdictMessage, privateKeyOf(verifier));
    const seats = drawSecondJury(registry, draw, drawnBy, other);
    expect(seats).not.toEqual(made.seats);
    const called = jury(NEEDED, { ...made, seats });
    expect(slashWith(called, { verdictSignature: other })).toMatchObject({ ok: true });
    expect(slashWith(called).ok).toBe(false);
    expect(slash({ verdictSignature: other }).ok).toBe(false);
    // nobody but the signer has a second one: high S is refused
    const high = highS(Uint8Array.from([...verdictSignature, 0])).subarray(0, -1);
    const byHigh = drawSecondJury(registry, draw, drawnBy, high);
    const votes = jury(NEEDED, { ...made, seats: byHigh });
    expect(slashWith(votes, { verdictSignature: high })).toMatchObject({
      ok: false,
      error: 'sig-high-s',
    });
  });

  it('refuses a verdict of another chain, and words of another kind', () => {
    const elsewhere = makeCase({ chain: keyOf('another chain') });
    const shown = jury(NEEDED, elsewhere);
    expect(slashWith(shown, elsewhere).ok).toBe(false);
    const longer = Uint8Array.from([...verdictMessage, 0]);
    const signed = signData(longer, privateKeyOf(verifier));
    const votes = honestJury.map((seat) => seat && vote(seat, rejudgeMessage(verifier, longer)));
    expect(slashWith(votes, { verdictMessage: longer, verdictSignature: signed }).ok).toBe(false);
  });

  it('bars the accused from its own jury', () => {
    const other = makeCase({ size: 7, count: 3 });
    const sits = other.seats.findIndex(
      ({ publicKey }) => toHex(publicKey) === toHex(other.verifier),
    );
    const shown = jury(NEEDED - 1, other);
    const message = rejudgeMessage(other.verifier, other.verdictMessage);
    // with 7 keys and 7 seats everybody sits
    expect(sits).toBeGreaterThanOrEqual(0);
    const proof = { ...other, jury: shown.with(sits, vote(other.seats[sits]!, message)) };
    const under = { ...terms, verifier: other.verifier };
    const spend = bondSlashSpend(under, at, 7, proof);
    expect(answer(fund(spend), bondSlashUnlocking(proof)).ok).toBe(false);
  });

  it.each(spoiledOutputs(honest))('refuses %s', (_, spoiled) => {
    expect(slash({}, spoiled).ok).toBe(false);
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const funded = fund(honest);
    const unlocking = bondSlashUnlocking({ verdictMessage, verdictSignature, jury: honestJury });
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        const first = keepsFirstInput(after, funded);
        const { ok } = first ? answer(after, unlocking) : answerAtSecond(after, unlocking);
        expect(ok).toBe(first && keepsOutputs(after, honest.outputs));
      }),
      { numRuns: 40 },
    );
  });
});

describe('reading a bond', () => {
  it('tells whose a script is, and knows no other', () => {
    expect(parseBond(terms, { lockingScript: bondScript(terms) })).toEqual(verifier);
    expect(parseBond(terms, { lockingScript: leavingScript(terms) })).toBeUndefined();
    expect(parseBond({ ...terms, exit: 11 }, { lockingScript: bondScript(terms) })).toBeUndefined();
    expect(parseBond(terms, { lockingScript: bondScript(terms).with(200, 0) })).toBeUndefined();
    for (const token of Object.values(TOKENS)) {
      expect(parseBond(terms, { lockingScript: bondScript(terms), token })).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(parseBond(terms, { lockingScript: bytes })).toBeUndefined();
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });

  it('is not made for terms that are none', () => {
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    expect(() => bondScript({ ...terms, exit: 0 })).toThrow(bad);
    expect(() => bondScript({ ...terms, genesis: new Uint8Array(31) })).toThrow(bad);
    expect(() => bondScript({ ...terms, verifier: new Uint8Array(33) })).toThrow(bad);
  });
});

describe('gathering the second jury', () => {
  it('takes the first members that truly signed, never the accused', () => {
    const message = rejudgeMessage(verifier, verdictMessage);
    const all = [...seats].reverse().map(({ publicKey }) => ({
      verifier: publicKey,
      signature: signData(message, privateKeyOf(publicKey)),
    }));
    const gathered = gatherRejudgement(verifier, verdictMessage, seats, all)!;
    expect(gathered.filter(Boolean).length).toBe(NEEDED);
    expect(gathered.every((seat) => !seat || toHex(seat.publicKey) !== toHex(verifier))).toBe(true);
    const forged = all.map((one) => ({ ...one, signature: all[0]!.signature }));
    expect(gatherRejudgement(verifier, verdictMessage, seats, forged)).toBeUndefined();
  });
});
