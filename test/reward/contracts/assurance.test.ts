import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, sha256, utf8 } from '#src/base/index.js';
import {
  type ContractSpend,
  NO_JOB,
  p2pkhScript,
  publicKeyOf,
  pushData,
  signContract,
  signData,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';
import {
  type BackersAccept,
  deliveryMessage,
  grantScript,
  type JudgesAccept,
  type PledgeTerms,
  parsePledge,
  pledgeCode,
  pledgeScript,
  testSetCommitment,
} from '#src/reward/contracts/assurance.js';
import {
  backersAcceptSpend,
  grantSpend,
  grantUnlocking,
  judgesAcceptSpend,
  type PayoutSpend,
  pledgeRefundSpend,
  pledgeRefundUnlocking,
  type Vote,
} from '#src/reward/contracts/assuranceSpends.js';
import { answer, fund, keyOf, outpointOf, TOKENS } from '../../job/contracts/setup.js';
import {
  arbitraryTampering,
  isAged,
  isUnchanged,
  keepsFirstInput,
  keepsOutputs,
} from '../../job/contracts/tamper.js';

const byBackers: BackersAccept = { by: 'backers', window: 30 };
const JUDGES = [0, 1, 2].map((index) => keyOf(`judge ${index}`));
const SALT = keyOf('salt');
const TEST_SET = sha256(utf8('the test set'));
const byJudges: JudgesAccept = {
  by: 'judges',
  judges: JUDGES.map(publicKeyOf),
  threshold: 2,
  testSet: testSetCommitment(SALT, TEST_SET),
};
const base = { genesis: keyOf('genesis'), task: keyOf('task'), goal: 90_000n, deadline: 500 };
const terms: PledgeTerms = { ...base, acceptance: byBackers };
const judged: PledgeTerms = { ...base, acceptance: byJudges };
const delivery = { delivery: keyOf('bundle'), payee: publicKeyOf(keyOf('developer')) };

const backerKey = (index: number) => keyOf(`backer ${index}`);
const pledgeOf = (index: number, value: bigint) => ({
  outpoint: outpointOf('pledge', index),
  value,
  backer: publicKeyOf(backerKey(index)),
});
const voteOf = (index: number, value: bigint, about = delivery, under = terms): Vote => ({
  ...pledgeOf(index, value),
  signature: signData(deliveryMessage(under, about), backerKey(index)),
});
const FEE: TransactionOutput = { value: 9_000n, lockingScript: p2pkhScript(new Uint8Array(20)) };

interface Spend {
  readonly transaction: Transaction;
  readonly spent: readonly TransactionOutput[];
}

/** A payout with a fee coin behind and its change, before anybody tampers with it. */
function make(spend: PayoutSpend): Spend {
  const inputs = [
    ...spend.inputs.map(({ outpoint, sequence }, index) => ({
      outpoint,
      sequence,
      unlockingScript: spend.unlockingScripts[index]!,
    })),
    { outpoint: outpointOf('fee'), sequence: 0xffff_fffe, unlockingScript: new Uint8Array(0) },
  ];
  const outputs = [...spend.outputs, { ...FEE, value: 8_000n }];
  const transaction = { version: 10, inputs, outputs, lockTime: 0, jobId: NO_JOB };
  return { transaction, spent: [...spend.inputs.map(({ output }) => output), FEE] };
}

const inputsOf = (spend: Spend, order: readonly number[]): Spend => ({
  spent: order.map((i) => spend.spent[i]!),
  transaction: { ...spend.transaction, inputs: order.map((i) => spend.transaction.inputs[i]!) },
});
const outputsOf = (spend: Spend, outputs: readonly TransactionOutput[]): Spend => ({
  ...spend,
  transaction: { ...spend.transaction, outputs },
});
/** The spend with an input's unlocking script, or what it spends, replaced. */
const inputOf = (
  spend: Spend,
  index: number,
  unlockingScript: Uint8Array,
  output = spend.spent[index]!,
): Spend => ({
  spent: spend.spent.with(index, output),
  transaction: {
    ...spend.transaction,
    inputs: spend.transaction.inputs.map((input, i) =>
      i === index ? { ...input, unlockingScript } : input,
    ),
  },
});
const check = ({ transaction, spent }: Spend, inputIndex: number) =>
  verifyInput({ transaction, inputIndex, spentOutputs: spent });
/** Whether every input that spends a pledge is satisfied. */
const accepted = (spend: Spend, under = terms): boolean =>
  spend.spent.every(({ lockingScript }, index) =>
    parsePledge(under, { lockingScript }) ? check(spend, index).ok : true,
  );

describe('accept by backers', () => {
  const votes = [voteOf(0, 40_000n), pledgeOf(1, 30_000n), voteOf(2, 21_000n)];
  const honest = make(backersAcceptSpend(terms, byBackers, votes, delivery));

  it('turns each pledge into its backer’s grant once two thirds have signed', () => {
    expect(accepted(honest)).toBe(true);
    expect(honest.transaction.outputs.slice(0, 3).map(({ value }) => value)).toEqual([
      40_000n,
      30_000n,
      21_000n,
    ]);
  });

  const small = { ...terms, goal: 1n };
  it('works for any pledges, whoever signed, to the unit of two thirds', () => {
    const pledges = fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 1_000n }), fc.boolean()), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(pledges, (drawn) => {
        const made = drawn.map(([value, signs], index) =>
          signs ? voteOf(index, value, delivery, small) : pledgeOf(index, value),
        );
        const sum = drawn.reduce((total, [value]) => total + value, 0n);
        const signed = drawn.reduce((total, [value, signs]) => total + (signs ? value : 0n), 0n);
        const enough = 3n * signed >= 2n * sum;
        const build = () => backersAcceptSpend(small, byBackers, made, delivery);
        if (enough) expect(accepted(make(build()), small)).toBe(true);
        else expect(build).toThrow(expect.objectContaining({ code: 'BAD_PLEDGES' }));
      }),
      { numRuns: 25 },
    );
  });

  it('takes a hundred pledges at once', () => {
    const many = Array.from({ length: 100 }, (_, index) => voteOf(index, 1_000n));
    expect(accepted(make(backersAcceptSpend(terms, byBackers, many, delivery)))).toBe(true);
  });

  /** The scripts' answer to votes that the library would not send. */
  const force = (forced: readonly Vote[], goal = terms.goal): Spend => {
    const lenient = forced.map((vote) => ({
      ...vote,
      signature: vote.signature ?? new Uint8Array(1),
    }));
    const spend = make(backersAcceptSpend({ ...terms, goal: 1n }, byBackers, lenient, delivery));
    const real = { ...terms, goal };
    return forced.reduce((made, vote, index) => {
      const items = [vote.signature ?? new Uint8Array(0), delivery.payee, delivery.delivery];
      const padding = pushData(new Uint8Array(200));
      const unlocking = concatBytes(...items.map(pushData), padding, Uint8Array.of(0));
      const output = { value: vote.value, lockingScript: pledgeScript(real, vote.backer) };
      return inputOf(made, index, unlocking, output);
    }, spend);
  };

  it('refuses less than two thirds', () => {
    expect(accepted(force([voteOf(0, 60_000n), pledgeOf(1, 30_000n)]))).toBe(true);
    expect(accepted(force([voteOf(0, 60_000n), pledgeOf(1, 30_001n)]))).toBe(false);
    expect(accepted(force([pledgeOf(0, 60_000n), pledgeOf(1, 60_000n)]))).toBe(false);
  });

  it('refuses less than the goal, so that no few can outvote a picked one', () => {
    expect(accepted(force([voteOf(0, 90_000n)]))).toBe(true);
    expect(accepted(force([voteOf(0, 89_999n)]))).toBe(false);
  });

  it('refuses a vote for another delivery, payee or chain, under other terms, or by another', () => {
    const others = [
      { ...voteOf(0, 90_000n, { ...delivery, delivery: keyOf('other') }) },
      { ...voteOf(0, 90_000n, { ...delivery, payee: publicKeyOf(keyOf('other')) }) },
      { ...voteOf(0, 90_000n, delivery, { ...terms, task: keyOf('other') }) },
      { ...voteOf(0, 90_000n, delivery, { ...terms, genesis: keyOf('other') }) },
      { ...voteOf(0, 90_000n, delivery, { ...terms, goal: terms.goal + 1n }) },
      { ...voteOf(0, 90_000n, delivery, { ...terms, deadline: terms.deadline + 1 }) },
      { ...voteOf(0, 90_000n, delivery, { ...terms, acceptance: { by: 'backers', window: 31 } }) },
      { ...voteOf(0, 90_000n, delivery, judged) },
      { ...voteOf(0, 90_000n), signature: voteOf(1, 1n).signature },
    ];
    for (const vote of others) expect(accepted(force([vote]))).toBe(false);
  });

  it('refuses a gap, another order, or to leave one out', () => {
    for (const order of [
      [0, 1, 3, 2],
      [3, 0, 1, 2],
      [1, 0, 2, 3],
      [0, 2, 3],
      [1, 2, 3],
      [1, 3],
    ]) {
      expect(accepted(inputsOf(honest, order))).toBe(false);
    }
  });

  it('refuses a first input that takes its pledge back instead of answering for all', () => {
    const late = { ...honest, transaction: { ...honest.transaction, lockTime: 500 } };
    const context = { transaction: late.transaction, spentOutputs: late.spent };
    const refund = pledgeRefundUnlocking(signContract(context, backerKey(0)));
    const cheating = inputOf(late, 0, refund);
    expect(check(cheating, 0)).toMatchObject({ ok: true });
    expect(check(cheating, 1).ok).toBe(false);
  });

  it('refuses a voter behind the first that takes its pledge back and counts all the same', () => {
    const late = { ...honest, transaction: { ...honest.transaction, lockTime: 500 } };
    expect(check(late, 0)).toMatchObject({ ok: true });
    const refund = concatBytes(pushData(new Uint8Array(70).fill(1)), Uint8Array.of(0x51));
    expect(check(inputOf(late, 2, refund), 0).ok).toBe(false);
  });

  it('refuses a script before it that only looks like a pledge', () => {
    // a head that makes the code the data of one push: anybody could unlock it
    const code = pledgeCode(terms);
    const swallowed = 34 - 3 + code.length;
    const head = Uint8Array.of(0x4d, swallowed & 0xff, swallowed >> 8, ...new Uint8Array(31));
    const lockingScript = concatBytes(head, code);
    const spent = { value: 90_000n, lockingScript };
    const cheating = inputOf(honest, 0, Uint8Array.of(0), spent);
    expect(check(cheating, 1).ok).toBe(false);
  });

  const [first, second, ...behind] = honest.transaction.outputs;
  const grantTo = (changes: Partial<typeof delivery>, backer = pledgeOf(0, 1n).backer) =>
    grantScript(byBackers, backer, { ...delivery, ...changes });
  it.each<[string, readonly TransactionOutput[]]>([
    ['a grant worth less', [{ ...first!, value: 39_999n }, second!, ...behind]],
    ['a grant worth more', [{ ...first!, value: 40_001n }, second!, ...behind]],
    ['two grants exchanged', [second!, first!, ...behind]],
    ['a grant missing', [second!, ...behind]],
    ['a token on a grant', [first!, { ...second!, token: TOKENS.token }, ...behind]],
    ['an NFT on a grant', [{ ...first!, token: TOKENS.NFT }, second!, ...behind]],
    [
      'another payee',
      [
        { ...first!, lockingScript: grantTo({ payee: publicKeyOf(keyOf('x')) }) },
        second!,
        ...behind,
      ],
    ],
    [
      'another delivery',
      [{ ...first!, lockingScript: grantTo({ delivery: keyOf('x') }) }, second!, ...behind],
    ],
    [
      'a grant of somebody else’s',
      [{ ...first!, lockingScript: grantTo({}, pledgeOf(5, 1n).backer) }, second!, ...behind],
    ],
    [
      'a shorter window',
      [
        {
          ...first!,
          lockingScript: grantScript(
            { by: 'backers', window: 1 },
            pledgeOf(0, 1n).backer,
            delivery,
          ),
        },
        second!,
        ...behind,
      ],
    ],
    [
      'the payee paid at once',
      [{ ...first!, lockingScript: FEE.lockingScript }, second!, ...behind],
    ],
  ])('refuses %s', (_, outputs) => {
    expect(accepted(outputsOf(honest, outputs))).toBe(false);
  });

  it('refuses grants that name different payees for those who did not sign', () => {
    const mine = { ...delivery, payee: publicKeyOf(keyOf('mine')) };
    const lockingScript = grantScript(byBackers, pledgeOf(1, 1n).backer, mine);
    const outputs = honest.transaction.outputs.with(1, { value: 30_000n, lockingScript });
    const items = [new Uint8Array(0), mine.payee, mine.delivery, new Uint8Array(200)];
    const unlocking = concatBytes(...items.map(pushData), Uint8Array.of(0));
    const cheating = inputOf(outputsOf(honest, outputs), 1, unlocking);
    expect(check(cheating, 1)).toMatchObject({ ok: true });
    expect(check(cheating, 0).ok).toBe(false);
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const outputs = honest.transaction.outputs.slice(0, 3);
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const { transaction, spentOutputs } = tamper({
          transaction: honest.transaction,
          spentOutputs: honest.spent,
        });
        const after = { transaction, spent: spentOutputs };
        const isFirst = keepsFirstInput(
          { transaction, spentOutputs },
          { transaction: honest.transaction, spentOutputs: honest.spent },
        );
        const holds = isFirst && keepsOutputs({ transaction, spentOutputs }, outputs);
        expect(accepted(after)).toBe(holds);
      }),
      { numRuns: 60 },
    );
  });
});

describe('grant', () => {
  const grant = { ...pledgeOf(0, 40_000n), outpoint: outpointOf('grant') };
  const spendBy = (path: 'withdraw' | 'take', who: Uint8Array, sequence?: number) => {
    const spend = grantSpend(byBackers, grant, delivery, path);
    const inputs = spend.inputs.map((input) => ({
      ...input,
      sequence: sequence ?? input.sequence,
    }));
    const funded = fund({ ...spend, inputs });
    return answer(funded, grantUnlocking(path, signContract(funded, who)));
  };

  it('is the backer’s who withdraws, at any time until it is taken', () => {
    expect(spendBy('withdraw', backerKey(0))).toMatchObject({ ok: true });
    expect(spendBy('withdraw', backerKey(1)).ok).toBe(false);
    expect(spendBy('withdraw', keyOf('developer')).ok).toBe(false);
  });

  it('is the payee’s when the window is over, and nobody else’s', () => {
    expect(spendBy('take', keyOf('developer'))).toMatchObject({ ok: true });
    expect(spendBy('take', keyOf('developer'), 29)).toMatchObject({
      error: 'unsatisfied-locktime',
    });
    expect(spendBy('take', keyOf('developer'), 0xffff_fffe).ok).toBe(false);
    expect(spendBy('take', backerKey(0)).ok).toBe(false);
  });

  it('holds against any change on its way', () => {
    const funded = fund(grantSpend(byBackers, grant, delivery, 'take'));
    const unlocking = grantUnlocking('take', signContract(funded, keyOf('developer')));
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(funded);
        if (!keepsFirstInput(after, funded)) return;
        expect(answer(after, unlocking).ok).toBe(isUnchanged(after, funded) && isAged(after, 30));
      }),
      { numRuns: 30 },
    );
  });
});

describe.each([
  ['backers', terms],
  ['judges', judged],
])('refund where %s accept', (_, under) => {
  const honest = pledgeRefundSpend(under, pledgeOf(0, 40_000n));
  const refund = (spend: ContractSpend, who = backerKey(0)) => {
    const funded = fund(spend);
    return answer(funded, pledgeRefundUnlocking(signContract(funded, who)));
  };

  it('is each backer’s own from the deadline on', () => {
    expect(refund(honest)).toMatchObject({ ok: true });
    expect(refund({ ...honest, lockTime: 499 })).toMatchObject({ error: 'unsatisfied-locktime' });
    expect(refund(honest, backerKey(1)).ok).toBe(false);
  });
});

describe('accept by judges', () => {
  const pledges = [pledgeOf(0, 50_000n), pledgeOf(1, 40_000n)];
  const message = deliveryMessage(judged, delivery);
  const signatures = [signData(message, JUDGES[0]!), undefined, signData(message, JUDGES[2]!)];
  const judgement = { signatures, salt: SALT, testSetHash: TEST_SET };
  const spendOf = (changes: Partial<typeof judgement> = {}, of = pledges) =>
    judgesAcceptSpend(judged, byJudges, of, delivery, { ...judgement, ...changes });
  const honest = make(spendOf());
  const ok = (spend: Spend) => accepted(spend, judged);

  it('pays all pledges to who delivered', () => {
    expect(ok(honest)).toBe(true);
    expect(honest.transaction.outputs[0]!.value).toBe(90_000n);
    const many = Array.from({ length: 60 }, (_, index) => pledgeOf(index, 2_000n));
    expect(ok(make(spendOf({}, many)))).toBe(true);
  });

  it('refuses another test set, salt or one that was never shown', () => {
    expect(ok(make(spendOf({ salt: keyOf('other') })))).toBe(false);
    expect(ok(make(spendOf({ testSetHash: keyOf('other') })))).toBe(false);
  });

  it('refuses too few judges, one twice, and a stranger', () => {
    const bad = expect.objectContaining({ code: 'BAD_VERDICTS' });
    expect(() => spendOf({ signatures: [signatures[0], undefined, undefined] })).toThrow(bad);
    expect(ok(make(spendOf({ signatures: [signatures[0], signatures[0], undefined] })))).toBe(
      false,
    );
    const stranger = signData(message, keyOf('stranger'));
    expect(ok(make(spendOf({ signatures: [signatures[0], stranger, undefined] })))).toBe(false);
  });

  it('refuses a verdict about another delivery or payee, or under any other terms', () => {
    const accepting = (changes: object) => ({
      ...judged,
      acceptance: { ...judged.acceptance, ...changes } as typeof judged.acceptance,
    });
    for (const other of [
      deliveryMessage({ ...judged, goal: judged.goal + 1n }, delivery),
      deliveryMessage({ ...judged, deadline: judged.deadline + 1 }, delivery),
      deliveryMessage(accepting({ threshold: 1 }), delivery),
      deliveryMessage(accepting({ testSet: keyOf('x') }), delivery),
      deliveryMessage(accepting({ judges: [publicKeyOf(JUDGES[0]!)] }), delivery),
      deliveryMessage({ ...judged, acceptance: terms.acceptance }, delivery),
      deliveryMessage(judged, { ...delivery, delivery: keyOf('x') }),
      deliveryMessage(judged, { ...delivery, payee: publicKeyOf(keyOf('x')) }),
      deliveryMessage({ ...judged, task: keyOf('x') }, delivery),
    ]) {
      const wrong = [signData(other, JUDGES[0]!), undefined, signData(other, JUDGES[2]!)];
      expect(ok(make(spendOf({ signatures: wrong })))).toBe(false);
    }
  });

  it('refuses less than the goal', () => {
    const bad = expect.objectContaining({ code: 'BAD_PLEDGES' });
    expect(() => spendOf({}, [pledgeOf(0, 89_999n)])).toThrow(bad);
    const poor = { ...judged, goal: 89_999n };
    const pledge = [pledgeOf(0, 89_999n)];
    const forPoor = deliveryMessage(poor, delivery);
    const agreed = [signData(forPoor, JUDGES[0]!), undefined, signData(forPoor, JUDGES[2]!)];
    const underPoor = { ...judgement, signatures: agreed };
    const reached = judgesAcceptSpend(poor, byJudges, pledge, delivery, underPoor);
    expect(accepted(make(reached), poor)).toBe(true);
    const spend = judgesAcceptSpend(poor, byJudges, pledge, delivery, judgement);
    const script = pledgeScript(judged, pledgeOf(0, 1n).backer);
    const made = make(spend);
    const real = inputOf(made, 0, made.transaction.inputs[0]!.unlockingScript, {
      value: 89_999n,
      lockingScript: script,
    });
    expect(ok(real)).toBe(false);
  });

  it('refuses a gap, another order, and a pledge that goes to nobody', () => {
    for (const order of [
      [0, 2, 1],
      [2, 0, 1],
      [1, 0, 2],
      [1, 2],
    ]) {
      expect(ok(inputsOf(honest, order))).toBe(false);
    }
    const [paid, change] = honest.transaction.outputs;
    expect(ok(outputsOf(honest, [{ ...paid!, value: 50_000n }, change!]))).toBe(false);
    expect(ok(outputsOf(honest, [{ ...paid!, lockingScript: FEE.lockingScript }, change!]))).toBe(
      false,
    );
    expect(ok(outputsOf(honest, [change!, paid!]))).toBe(false);
    for (const token of Object.values(TOKENS)) {
      expect(ok(outputsOf(honest, [{ ...paid!, token }, change!]))).toBe(false);
    }
  });

  it('holds against any change on its way: what is fixed stays, or it fails', () => {
    const [paid] = honest.transaction.outputs;
    const before = { transaction: honest.transaction, spentOutputs: honest.spent };
    fc.assert(
      fc.property(arbitraryTampering, (tamper) => {
        const after = tamper(before);
        const holds = keepsFirstInput(after, before) && keepsOutputs(after, [paid!]);
        expect(ok({ transaction: after.transaction, spent: after.spentOutputs })).toBe(holds);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a token that somebody put on a pledge or a grant', () => {
  it.each(Object.entries(TOKENS))('hinders nobody: %s', (_, token) => {
    const votes = [{ ...voteOf(0, 90_000n), token }, pledgeOf(1, 1n)];
    expect(accepted(make(backersAcceptSpend(terms, byBackers, votes, delivery)))).toBe(true);

    const refunded = fund(pledgeRefundSpend(terms, { ...pledgeOf(0, 1n), token }));
    const refund = pledgeRefundUnlocking(signContract(refunded, backerKey(0)));
    expect(answer(refunded, refund)).toMatchObject({ ok: true });

    const taken = fund(grantSpend(byBackers, { ...pledgeOf(0, 1n), token }, delivery, 'take'));
    const take = grantUnlocking('take', signContract(taken, keyOf('developer')));
    expect(answer(taken, take)).toMatchObject({ ok: true });
  });
});

describe('terms of a pledge', () => {
  it.each<[string, Partial<PledgeTerms>]>([
    ['a short task', { task: new Uint8Array(31) }],
    ['no goal', { goal: 0n }],
    ['a deadline that is a time', { deadline: 500_000_000 }],
    ['no window', { acceptance: { by: 'backers', window: 0 } }],
    ['no judge', { acceptance: { ...byJudges, judges: [] } }],
    ['a minority of judges', { acceptance: { ...byJudges, threshold: 1 } }],
    ['more votes than judges', { acceptance: { ...byJudges, threshold: 4 } }],
    ['a short commitment', { acceptance: { ...byJudges, testSet: new Uint8Array(31) } }],
  ])('refuse %s', (_, change) => {
    const bad = expect.objectContaining({ code: 'BAD_TERMS' });
    expect(() => pledgeScript({ ...terms, ...change }, pledgeOf(0, 1n).backer)).toThrow(bad);
  });

  it('read a pledge back, and no other script', () => {
    const script = pledgeScript(terms, pledgeOf(3, 1n).backer);
    expect(parsePledge(terms, { lockingScript: script })).toEqual(pledgeOf(3, 1n).backer);
    expect(parsePledge(judged, { lockingScript: script })).toBeUndefined();
    expect(parsePledge(terms, { lockingScript: script.with(0, 32) })).toBeUndefined();
    for (const token of Object.values(TOKENS)) {
      expect(parsePledge(terms, { lockingScript: script, token })).toBeUndefined();
    }
  });
});
