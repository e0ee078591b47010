import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyMessage,
  createMessage,
  JobPool,
  jobIdHex,
  messageId,
  NO_JOB_HEX,
  parseMessage,
} from '#src/job/index.js';
import { nextSequence } from '#src/job/pool/quota.js';
import {
  accept,
  announce,
  commitment,
  contest,
  hash,
  makeJob,
  offer,
  privateKey,
  publicKey,
  verdict,
} from './make.js';

const job = makeJob();
const id = jobIdHex(job);
const rival = makeJob({ maxTokens: 8 });
const chosen = offer(job, 's0');
const messages: AnyMessage[] = [
  announce(job),
  announce(rival),
  announce(makeJob({ coin: `${hash('other coin')}:1` })),
  chosen,
  offer(job, 's1', '0.00009000'),
  offer(job, 's1', '0.00008000'),
  offer(job, 's2', '0.00007000'),
  offer(job, 's3', '0.00007000'),
  offer(rival, 's0'),
  accept(job, chosen),
  accept(job, offer(job, 's1', '0.00009000')),
  accept(job, offer(job, 's2', '0.00007000')),
  commitment(job, 's0'),
  commitment(job, 's0', 4),
  commitment(job, 's0', 5),
  commitment(job, 's1'),
  commitment(job, 's2'),
  verdict(job, 'v0', 'valid'),
  verdict(job, 'v0', 'invalid'),
  verdict(job, 'v1', 'abstain'),
];

function poolOf(list: readonly AnyMessage[]): JobPool {
  const pool = new JobPool({ offers: 3 });
  for (const message of list) pool.add(message);
  return pool;
}

describe('the job pool', () => {
  it('comes to the same state from the same messages in any order, with repeats', () => {
    const wanted = poolOf(messages).fingerprint();
    expect(wanted).not.toBe('');
    const schedule = fc
      .shuffledSubarray(messages, { minLength: messages.length })
      .chain((order) => fc.tuple(fc.constant(order), fc.array(fc.constantFrom(...messages))));
    fc.assert(
      fc.property(schedule, ([order, repeats]) => {
        const pool = poolOf([...repeats.slice(0, 5), ...order, ...repeats]);
        expect(pool.fingerprint()).toBe(wanted);
      }),
      { numRuns: 60 },
    );
  });

  it('takes verdicts on a draw from those whom a contest calls, in any order', () => {
    const draw = { registry: hash('registry'), size: 7, count: 3, drawHash: hash('c') };
    const drawn = makeJob({ verifiers: draw });
    const calling = (name: string, sequence: number, ...called: string[]) =>
      contest(drawn, name, 4, sequence, called.map(publicKey));
    const said: AnyMessage[] = [
      announce(drawn),
      calling('a', 0, 'v0', 'v1'),
      calling('b', 0, 'v2'),
      calling('c', 0, 'v3'),
      calling('d', 1, 'v3', 'v4'),
      ...['v0', 'v1', 'v2', 'v3', 'v4', 'v5'].map((name) => verdict(drawn, name, 'valid')),
    ];
    const wanted = poolOf(said).fingerprint();
    const order = fc.shuffledSubarray(said, { minLength: said.length });
    fc.assert(
      fc.property(order, (messages) => {
        const pool = poolOf(messages);
        expect(pool.fingerprint()).toBe(wanted);
        const authors = pool.job(jobIdHex(drawn))!.verdicts.map(({ author }) => author);
        expect(authors).toContain(publicKey('v4'));
        expect(authors).not.toContain(publicKey('v5'));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a message once, also with another valid signature', () => {
    const pool = poolOf([announce(job), chosen]);
    expect(pool.add(chosen)).toEqual({ status: 'known' });
    expect(pool.job(id)?.offers).toHaveLength(1);
  });

  it('keeps two contradicting messages of one author as evidence', () => {
    const pool = poolOf([
      announce(job),
      verdict(job, 'v0', 'valid'),
      verdict(job, 'v0', 'invalid'),
    ]);
    const view = pool.job(id)!;
    expect(view.verdicts.map(({ body }) => body.verdict).sort()).toEqual(['invalid', 'valid']);
    expect(view.contradictions).toHaveLength(1);
  });

  it('takes what one author says anew, under the number that comes next, as often as it keeps it', () => {
    const pool = poolOf([announce(job), chosen, accept(job, chosen)]);
    let said: AnyMessage | undefined;
    for (const claim of ['first', 'second', 'third', 'fourth']) {
      const body = { verdict: 'abstain', stake: hash(claim), reason: 'no model' } as const;
      said = createMessage('verdict', id, nextSequence(said), body, privateKey('v0'));
      expect(pool.add(said)).toEqual({ status: 'new' });
    }
  });

  it('keeps one job per coin', () => {
    const pool = poolOf([announce(job), announce(rival)]);
    expect(pool.jobIds()).toEqual([id, jobIdHex(rival)].sort().slice(0, 1));
    const later = makeJob({ created: 101 });
    expect(pool.add(announce(later))).toEqual({ status: 'new' });
    expect(pool.jobIds()).toEqual([jobIdHex(later)]);
    expect(pool.add(announce(job))).toMatchObject({ status: 'refused' });
  });

  it('keeps the cheapest offers up to its bound', () => {
    const prices = ['0.00010000', '0.00009000', '0.00008000', '0.00007000'];
    const pool = poolOf([
      announce(job),
      ...prices.map((price, i) => offer(job, `seller ${i}`, price)),
    ]);
    const kept = pool.job(id)!.offers.map(({ body }) => body.pricePerToken);
    expect(kept).toEqual(['0.00007000', '0.00008000', '0.00009000']);
  });

  it.each([
    [
      'a changed body',
      { ...chosen, body: { ...chosen.body, pricePerToken: '0.00000001' } },
      'signature',
    ],
    ['an offer above the price', offer(job, 's0', '0.00010001'), 'more than the job pays'],
    ['an offer by the client', offer(job, 'client'), 'sell to itself'],
    ['an offer by a verifier', offer(job, 'v1'), 'verifier'],
    [
      'an acceptance by another',
      createMessage('accept', id, 0, accept(job, chosen).body, privateKey('s0')),
      'client',
    ],
    [
      'a commitment whose own signature is bad',
      createMessage(
        'commitment',
        id,
        0,
        { ...commitment(job, 's0').body, signature: '30'.repeat(70) },
        privateKey('s0'),
      ),
      'signature of the commitment',
    ],
    ['an offer numbered beyond 1', offer(job, 's0', '0.00010000', 2), 'numbered beyond 1'],
    ['a verdict by a stranger', verdict(job, 's0', 'valid'), 'none of its verifiers'],
  ] as const)('refuses %s with the reason', (_, message, reason) => {
    const result = poolOf([announce(job)]).add(message as AnyMessage);
    expect(result).toEqual({
      status: 'refused',
      reason: expect.stringContaining(reason),
      fault: true,
    });
  });

  it('lists from a cursor on, in pages, and forgets removed jobs', () => {
    const pool = poolOf([announce(job), chosen]);
    const first = pool.list({ maxBytes: 1 });
    expect(first.messages).toEqual(
      [announce(job)].map((message) => ({ ...message, signature: expect.any(String) })),
    );
    expect(pool.list({ after: first.next }).messages).toEqual([chosen]);
    pool.remove(id);
    expect(pool.list({}).messages).toEqual([]);
    expect(pool.fingerprint()).toBe('');
  });

  it('holds a bounded number of messages that wait for their job, the latest', () => {
    const pool = new JobPool({ waiting: 2 });
    const states = ['s0', 's1', 's2'].map((seller) => pool.add(offer(job, seller)).status);
    expect(states).toEqual(['waiting', 'waiting', 'waiting']);
    pool.add(announce(job));
    expect(
      pool
        .job(id)
        ?.offers.map(({ author }) => author)
        .sort(),
    ).toEqual(['s1', 's2'].map(publicKey).sort());
  });

  it('lets nobody take more than a sixteenth of the room of what waits', () => {
    const pool = new JobPool({ waiting: 32 });
    const others = Array.from({ length: 4 }, (_, i) => makeJob({ coin: `${hash(`c${i}`)}:0` }));
    const states = others.map((each) => pool.add(offer(each, 's0')).status);
    expect(states).toEqual(['waiting', 'waiting', 'refused', 'refused']);
    const narrow = new JobPool({ waitingBytes: 16 * 1500 });
    const large = others.map((each) => narrow.add(offer(each, 's0')).status);
    expect(large).toEqual(expect.arrayContaining(['waiting', 'refused']));
  });

  it('finds room for who waits for the first time, at the cost of who has most waiting', () => {
    const pool = new JobPool({ waitingBytes: 40_000 });
    const keys = [{ verifier: publicKey('v0'), key: '' }];
    for (let i = 0; i < 20; i++) {
      const body = { evidence: 'A'.repeat(2000), keys };
      pool.add(createMessage('counterproof', id, 0, body, privateKey(`flooder ${i}`)));
    }
    expect(pool.bytes).toBeGreaterThan(36_000);
    expect(pool.add(offer(job, 's0')).status).toBe('waiting');
    expect(pool.add(offer(job, 's1')).status).toBe('waiting');
    expect(pool.bytes).toBeLessThanOrEqual(40_000);
    pool.add(announce(job));
    expect(pool.job(id)?.offers).toHaveLength(2);
  });

  it('keeps room for private prompts, whatever else waits', () => {
    const pool = new JobPool({ waiting: 2 });
    const body = { seller: publicKey('s0'), prompt: 'AAAA' };
    const prompt = createMessage('prompt', id, 0, body, privateKey('client'));
    expect(pool.add(prompt).status).toBe('waiting');
    for (const seller of ['s1', 's2', 's3']) pool.add(offer(job, seller));
    expect(pool.has(id, messageId(prompt))).toBe(true);
  });

  it('keeps the cheapest offer of each seller', () => {
    const list = [announce(job), chosen, offer(job, 's0', '0.00009000', 1), offer(job, 's1')];
    for (const order of [list, list.toReversed()]) {
      const kept = poolOf(order)
        .job(id)!
        .offers.map(({ body }) => body.pricePerToken);
      expect(kept).toEqual(['0.00009000', '0.00010000']);
    }
  });

  it('refuses what the tokens of a job can not make, and more than one author may say', () => {
    const pool = poolOf([announce(job)]);
    expect(pool.add(contest(job, 'client', 30_000))).toMatchObject({
      reason: 'it is longer than the tokens of its job can make it',
    });
    const large = makeJob({ inputTokens: 65_536, coin: `${hash('large')}:0` });
    pool.add(announce(large));
    const said = [0, 1].flatMap((sequence) =>
      ['a', 'b'].map((name) => contest(large, name, 390_000, sequence)),
    );
    for (const message of said) pool.add(message);
    const kept = pool.job(jobIdHex(large))!.contests;
    expect(kept).toHaveLength(2);
    const others = said.filter(
      ({ signature }) => !kept.some((each) => each.signature === signature),
    );
    for (const message of others) {
      const refusal = { status: 'refused', reason: 'other messages fill its place', fault: false };
      expect(pool.add(message)).toEqual(refusal);
    }
  });

  it('gives the room of jobs without an escrow to those that have one', () => {
    const jobs = ['a', 'b', 'c'].map((name) =>
      makeJob({ coin: `${hash(name)}:0`, inputTokens: 3000 }),
    );
    const pool = new JobPool({ bytes: 110_000, jobs: 5 });
    for (const message of [announce(job), chosen, accept(job, chosen)]) pool.add(message);
    for (const flood of jobs) {
      pool.add(announce(flood));
      pool.add(contest(flood, 'x', 30_000));
    }
    const answer = commitment(job, 's0', 3, 7000);
    for (let i = 0; pool.add(offer(job, `filler ${i}`)).status === 'new'; i++);
    expect(pool.add(answer)).toMatchObject({ reason: 'the pool is full' });
    pool.setLive(id, true);
    expect(pool.add(answer)).toEqual({ status: 'new' });
    expect(pool.add(verdict(job, 'v0', 'valid'))).toEqual({ status: 'new' });
    expect(pool.jobIds()).toContain(id);
    expect(pool.jobIds().length).toBeLessThan(4);
  });

  it('takes a live job in place of another when it holds its most', () => {
    const pool = new JobPool({ jobs: 1 });
    pool.add(announce(makeJob({ coin: `${hash('other coin')}:1` })), 2n);
    expect(pool.add(announce(job), 1n)).toMatchObject({ status: 'refused', fault: false });
    pool.setLive(id, true);
    expect(pool.add(announce(job))).toEqual({ status: 'new' });
    expect(pool.jobIds()).toEqual([id]);
  });

  it("keeps each verifier's latest announcement", () => {
    const say = (height: number) =>
      createMessage(
        'verifier',
        NO_JOB_HEX,
        0,
        { models: [hash('model')], classes: ['fp32/0/cpu'], fee: '0.00001000', height },
        privateKey('v0'),
      );
    const pool = poolOf([say(5), say(9), say(7)]);
    expect(pool.verifiers().map(({ body }) => body.height)).toEqual([9]);
  });

  it('reads no message that has other fields, or of another form', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => parseMessage(value)).toThrow(expect.objectContaining({ code: 'BAD_MESSAGE' }));
      }),
    );
    expect(() => parseMessage({ ...chosen, more: 1 })).toThrow('no job message');
    expect(parseMessage(JSON.parse(JSON.stringify(chosen)))).toEqual(chosen);
  });
});
