import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, sha256, toHex } from '#src/base/index.js';
import { hashToId, signData } from '#src/chain/index.js';
import { appealFault, caseIdOf, readDrawnVerdict } from '#src/job/cases/case.js';
import { rejudgeMessage } from '#src/job/contracts/bond.js';
import { drawnVerdictMessage } from '#src/job/contracts/verdict.js';
import {
  type AnyMessage,
  createMessage,
  JobPool,
  type JobSpec,
  jobIdHex,
  type Message,
  parseMessage,
} from '#src/job/index.js';
import { cases } from '../../long.js';
import { hash, makeJob, offer, privateKey, publicKey } from '../make.js';

const genesis = fromHex(hash('genesis'));
const job = makeJob({
  verifiers: { registry: hash('registry'), size: 9, count: 3, drawHash: hash('c') },
});
const MEMBERS = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6'];

function verdictBytes(of: JobSpec = job, said: 'valid' | 'invalid' = 'valid'): Uint8Array {
  const draw = {
    registry: fromHex(hash('registry')),
    drawHash: fromHex(hash('c')),
    size: 9,
    count: 3,
  };
  const stakeOutpoint = { hash: fromHex(hash('claim')), index: 0 };
  const commitmentHash = fromHex(hash('commitment'));
  const about = {
    drawSecret: fromHex(hash('c')),
    k: fromHex(hash('k')),
    stakeOutpoint,
    commitmentHash,
  };
  return drawnVerdictMessage({ genesis, jobId: fromHex(jobIdHex(of)) }, draw, about, said);
}

function appeal(
  author = 'client',
  {
    accused = 'accused',
    height = 150,
    members = MEMBERS,
    bytes = verdictBytes(),
    evidence = 'QUFB',
  } = {},
  changes: Partial<Message<'appeal'>['body']> = {},
): Message<'appeal'> {
  const { body, sequence, signature, author: seller } = offer(job, 'seller');
  return createMessage(
    'appeal',
    caseIdOf(fromHex(publicKey(accused)), bytes),
    0,
    {
      job,
      offer: { author: seller, sequence, body, signature },
      escrow: hash('escrow'),
      verifier: publicKey(accused),
      verdict: toHex(bytes),
      signature: toHex(signData(bytes, privateKey(accused))),
      evidence,
      keys: members.map((name) => ({ verifier: publicKey(name), key: '' })),
      coin: `${hash(`coin of ${author}`)}:0`,
      height,
      ...changes,
    },
    privateKey(author),
  );
}

function vote(
  member: string,
  { id = appeal().jobId, bytes = verdictBytes(), reason = '', sequence = 0 } = {},
): Message<'rejudgement'> {
  const message = rejudgeMessage(fromHex(publicKey('accused')), bytes);
  const signature = toHex(signData(message, privateKey(member)));
  const body = { finding: 'wrong' as const, signature, reason };
  return createMessage('rejudgement', id, sequence, body, privateKey(member));
}

const refusal = (pool: JobPool, message: AnyMessage): unknown => pool.add(message);

describe('the bytes that a drawn verifier signs', () => {
  it('are read as they were made', () => {
    expect(readDrawnVerdict(verdictBytes())).toEqual({
      genesis,
      registry: fromHex(hash('registry')),
      size: 9,
      count: 3,
      drawSecret: fromHex(hash('c')),
      k: fromHex(hash('k')),
      stakeOutpoint: { hash: fromHex(hash('claim')), index: 0 },
      jobId: fromHex(jobIdHex(job)),
      commitmentHash: fromHex(hash('commitment')),
      verdict: 'valid',
    });
  });

  it('are read from nothing else', () => {
    const runs = cases(20_000, 1_000_000);
    const whole = verdictBytes();
    const change = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255), cut: fc.nat(3) });
    fc.assert(
      fc.property(change, fc.boolean(), ({ at, to, cut }, isRandom) => {
        const bytes = isRandom ? sha256(Uint8Array.of(at, to)) : whole.slice(0, whole.length - cut);
        bytes[at % bytes.length] = to;
        const read = readDrawnVerdict(bytes);
        if (read) expect(bytes.length).toBe(whole.length);
      }),
      { numRuns: runs },
    );
  });
});

describe('an appeal', () => {
  it('is read back from JSON as it was made', () => {
    expect(parseMessage(JSON.parse(JSON.stringify(appeal())))).toEqual(appeal());
    expect(parseMessage(JSON.parse(JSON.stringify(vote('m1'))))).toEqual(vote('m1'));
  });

  it('is none for another case, another job, a verdict that the accused has not signed, or one of a list', () => {
    const faultWith = (changes: Partial<Message<'appeal'>['body']>) =>
      appealFault(appeal('client', {}, changes));
    expect(appealFault(appeal())).toBeUndefined();
    expect(appealFault({ ...appeal(), jobId: hash('another') })).toBe('it is about another case');
    expect(faultWith({ verdict: toHex(verdictBytes(job, 'invalid')) })).toBe(
      'it is about another case',
    );
    expect(faultWith({ job: { ...job, maxTokens: 15 } })).toBe('the verdict is about another job');
    expect(faultWith({ job: makeJob() })).toBe("only a drawn verifier's verdict is judged again");
    const byOther = toHex(signData(verdictBytes(), privateKey('somebody')));
    expect(faultWith({ signature: byOther })).toBe('the accused has not signed this verdict');
    const { body, sequence, author } = offer(job, 'seller');
    const unsigned = { author, body, sequence, signature: offer(job, 'other').signature };
    expect(faultWith({ offer: unsigned })).toBe('the offer is not signed by its seller');
    const twice = ['m0', 'm0'].map((name) => ({ verifier: publicKey(name), key: '' }));
    expect(faultWith({ keys: twice })).toBe('it names a member of the jury twice');
    const said = { sequence: 0, body: { verdict: 'valid' as const, stake: hash('x') } };
    const forged = { ...said, signature: byOther };
    expect(faultWith({ said: forged })).toBe('the accused has not said this');
  });

  it('shows nothing that the accused said of another claim of the job', () => {
    const saidOf = (stake: string) => {
      const body = { verdict: 'valid' as const, stake };
      const { signature } = createMessage('verdict', jobIdHex(job), 0, body, privateKey('accused'));
      return { said: { sequence: 0, body, signature } };
    };
    const { stakeOutpoint } = readDrawnVerdict(verdictBytes())!;
    expect(appealFault(appeal('client', {}, saidOf(hashToId(stakeOutpoint.hash))))).toBeUndefined();
    expect(appealFault(appeal('client', {}, saidOf(hash('an earlier claim'))))).toBe(
      'the accused has not said this',
    );
  });

  it('is kept within its bounds: one of each author, the parties’ before others’, the richest coins’ of those', () => {
    const pool = new JobPool();
    const id = appeal().jobId;
    for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries())
      pool.add(appeal(name), BigInt(i + 1));
    const authors = () => pool.case(id)!.appeals.map(({ author }) => author);
    expect(authors()).toEqual(['e', 'd', 'c', 'b'].map(publicKey));
    expect(pool.add(appeal('client'), 0n)).toEqual({ status: 'new' });
    expect(authors()).toEqual(['client', 'e', 'd', 'c'].map(publicKey));
    expect(pool.add(appeal('a', { height: 151 }), 1n)).toMatchObject({ status: 'refused' });
    expect(pool.add(appeal('client', { height: 140 }))).toMatchObject({ status: 'refused' });
    expect(pool.add(appeal('client', { height: 151 }))).toEqual({ status: 'new' });
    expect(pool.case(id)!.appeals[0]!.body.height).toBe(151);
  });

  it('is no longer than its job’s tokens can make it', () => {
    const pool = new JobPool();
    const huge = appeal('client', { evidence: 'A'.repeat(60_000) });
    expect(pool.add(huge)).toMatchObject({ status: 'refused', fault: true });
  });

  it('leaves room to others: of too many cases those with the richest coins stay', () => {
    const pool = new JobPool({ cases: 2 });
    const against = (accused: string) =>
      appeal('client', { accused }, { coin: `${hash(`against ${accused}`)}:0` });
    expect(pool.add(against('one'), 2n)).toEqual({ status: 'new' });
    expect(pool.add(against('two'), 3n)).toEqual({ status: 'new' });
    expect(pool.add(against('three'), 1n)).toMatchObject({ status: 'refused', fault: false });
    expect(pool.add(against('four'), 4n)).toEqual({ status: 'new' });
    expect(pool.caseIds().sort()).toEqual([against('two').jobId, against('four').jobId].sort());
    expect(pool.bytes).toBe(
      [against('two'), against('four')].reduce((sum, each) => sum + JSON.stringify(each).length, 0),
    );
  });
});

describe('cases that share a coin', () => {
  const against = (accused: string, author: string, changes = {}) =>
    appeal(author, { accused }, changes);

  it('share what it is worth: one rich coin does not push out those that stand behind one case each', () => {
    const pool = new JobPool({ cases: 8 });
    const modest = ['p', 'q', 'r'].map((name) => against(`accused by ${name}`, name));
    for (const each of modest) expect(pool.add(each, 1_000_000n)).toEqual({ status: 'new' });
    const rich = Array.from({ length: 40 }, (_, i) => against(`accused ${i}`, 'attacker'));
    for (const each of rich) pool.add(each, 5_500_000n);
    const held = new Set(pool.caseIds());
    expect(held.size).toBe(8);
    for (const { jobId } of modest) expect(held.has(jobId)).toBe(true);
  });

  it('stay ahead of those whose coins are poorer even so', () => {
    const pool = new JobPool({ cases: 2 });
    const rich = ['one', 'two'].map((accused) => against(accused, 'rich'));
    for (const each of rich) pool.add(each, 9n);
    expect(pool.add(against('three', 'poor'), 3n)).toMatchObject({ status: 'refused' });
    expect(pool.add(against('three', 'other'), 5n)).toEqual({ status: 'new' });
    expect(pool.caseIds()).toHaveLength(2);
  });
});

describe('what a second jury says', () => {
  it('waits for the appeal, and is taken from its members alone', () => {
    const pool = new JobPool();
    expect(pool.add(vote('m1'))).toEqual({ status: 'waiting' });
    expect(pool.add(vote('stranger'))).toEqual({ status: 'waiting' });
    pool.add(appeal());
    const said = () => pool.case(appeal().jobId)!.rejudgements.map(({ author }) => author);
    expect(said()).toEqual([publicKey('m1')]);
    pool.add(appeal('other', { members: ['stranger'] }));
    expect(said().sort()).toEqual(['m1', 'stranger'].map(publicKey).sort());
    // without that appeal nobody calls it any more
    pool.retainAppeals(appeal().jobId, ({ author }) => author === publicKey('client'));
    expect(said()).toEqual([publicKey('m1')]);
  });

  it('is refused with a signature of another case, or without one, and from the accused', () => {
    const pool = new JobPool();
    pool.add(appeal('client', { members: [...MEMBERS.slice(1), 'accused'] }));
    const fault = { status: 'refused', fault: true };
    expect(refusal(pool, vote('m1', { bytes: verdictBytes(job, 'invalid') }))).toMatchObject(fault);
    const { signature: _, ...unsigned } = vote('m1').body;
    const bare = createMessage('rejudgement', appeal().jobId, 0, unsigned, privateKey('m1'));
    expect(refusal(pool, bare)).toMatchObject(fault);
    const right = { ...vote('m1').body, finding: 'right' as const };
    const signed = createMessage('rejudgement', appeal().jobId, 0, right, privateKey('m1'));
    expect(refusal(pool, signed)).toMatchObject(fault);
    expect(refusal(pool, vote('accused'))).toMatchObject(fault);
  });

  it('is kept twice of each member at most, the same whatever came first', () => {
    const said = [0, 1].flatMap((sequence) =>
      ['a', 'b', 'c'].map((reason) => vote('m1', { sequence, reason })),
    );
    const kept = [said, said.toReversed()].map((order) => {
      const pool = new JobPool();
      pool.add(appeal());
      for (const message of order) pool.add(message);
      return pool.case(appeal().jobId)!.rejudgements;
    });
    expect(kept[0]).toHaveLength(2);
    expect(kept[1]).toEqual(kept[0]);
  });
});

describe('pools that heard the same of a case', () => {
  const heard: readonly [AnyMessage, bigint][] = [
    [appeal('client'), 5n],
    [appeal('client', { height: 151 }), 5n],
    [appeal('x'), 1n],
    [appeal('y'), 2n],
    [appeal('z', { members: ['m1', 'stranger'] }), 3n],
    [appeal('w'), 4n],
    [vote('m1'), 0n],
    [vote('m2'), 0n],
    [vote('m2', { sequence: 1 }), 0n],
    [vote('stranger'), 0n],
  ];

  it('hold the same in any order, with repeats', () => {
    const order = fc.shuffledSubarray([...heard, ...heard], { minLength: 2 * heard.length });
    const state = (all: readonly [AnyMessage, bigint][]): [string, unknown] => {
      const pool = new JobPool();
      for (const [message, worth] of all) pool.add(message, worth);
      return [pool.fingerprint(), pool.digests()];
    };
    const expected = state(heard);
    fc.assert(
      fc.property(order, (all) => {
        expect(state(all)).toEqual(expected);
      }),
      { numRuns: cases(40, 2000) },
    );
  });
});
