import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyMessage, createMessage, JobPool, jobIdHex, NO_JOB_HEX } from '#src/job/index.js';
import { cases, timeLimit } from '../../long.js';
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
} from '../make.js';

const draw = { registry: hash('registry'), size: 7, count: 3, drawHash: hash('c') };
const jobs = [
  makeJob(),
  // the same coin, later: one of the two stays
  makeJob({ created: 101 }),
  makeJob({ maxTokens: 8 }),
  makeJob({ coin: `${hash('drawn')}:0`, verifiers: draw }),
  ...['a', 'b', 'c'].map((name) => makeJob({ coin: `${hash(name)}:0` })),
];
const sellers = ['s0', 's1', 's2', 's3'];

function said(
  type: 'withdraw' | 'counterproof',
  job: (typeof jobs)[0],
  author: string,
): AnyMessage {
  const id = jobIdHex(job);
  const keys = [{ verifier: publicKey('v0'), key: '' }];
  return type === 'withdraw'
    ? createMessage(type, id, 0, { reason: author }, privateKey(author))
    : createMessage(type, id, 0, { evidence: 'AAAA', keys }, privateKey(author));
}

function verifierAt(name: string, height: number): AnyMessage {
  const body = { models: [], classes: [], fee: '0.00001000', height };
  return createMessage('verifier', NO_JOB_HEX, 0, body, privateKey(name));
}

/** Everything that might be said: contradictions, repeats, and answers of sellers whose job it is not. */
const messages: AnyMessage[] = jobs.flatMap((job) => {
  const offers = sellers.flatMap((seller) => [
    offer(job, seller),
    offer(job, seller, '0.00009000', 1),
    offer(job, seller, '0.00008000'),
  ]);
  return [
    announce(job),
    ...offers,
    ...offers.slice(0, 8).map((chosen, i) => accept(job, chosen, i % 2)),
    ...sellers.flatMap((seller) => [
      commitment(job, seller, 3),
      commitment(job, seller, 4),
      said('withdraw', job, seller),
      said('counterproof', job, seller),
    ]),
    said('withdraw', job, 'client'),
    ...[0, 1, 2, 3, 4, 5].map((i) =>
      contest(job, `x${i}`, 200 * i, i % 2, [`v${i}`, `v${i + 1}`].map(publicKey)),
    ),
    ...[0, 1, 2, 3, 4, 5, 6].flatMap((i) => [
      verdict(job, `v${i}`, 'valid'),
      verdict(job, `v${i}`, 'invalid'),
    ]),
  ];
});
messages.push(
  ...['v0', 'v1', 'v2', 'v3'].flatMap((name) => [3, 5].map((h) => verifierAt(name, h))),
);

/** One side asks the other what it holds, and takes what it lacks: what `job-pool/1` does. */
function heal(from: JobPool, to: JobPool): void {
  for (const [jobId, digest] of from.digests()) {
    if (to.digest(jobId) === digest) continue;
    for (const id of from.sharedIds(jobId)) if (!to.has(jobId, id)) to.add(from.shared(id)!);
  }
}

function healAll(pools: readonly JobPool[]): void {
  for (let before = '', rounds = 0; rounds < 20; rounds++) {
    for (const from of pools) for (const to of pools) if (from !== to) heal(from, to);
    const now = pools.map((pool) => pool.fingerprint()).join('\n\n');
    if (now === before) return;
    before = now;
  }
}

const bounds = { jobs: 4, offers: 2, verifiers: 2 };

/** A pool on a chain that knows a bond of one of the verifiers. */
function poolWith(isFull: boolean): JobPool {
  const pool = new JobPool(isFull ? bounds : {});
  pool.setBonded(new Set([publicKey('v2')]));
  return pool;
}

describe('job pools of several nodes', () => {
  it(
    'come to the same state from the same messages, through losses, repeats, any order, and full pools',
    () => {
      const one = fc.constantFrom(...messages);
      const schedules = fc.array(fc.array(one, { maxLength: 120 }), { minLength: 3, maxLength: 5 });
      fc.assert(
        fc.property(schedules, fc.boolean(), (given, isFull) => {
          const pools = given.map((schedule) => {
            const pool = poolWith(isFull);
            for (const message of schedule) pool.add(message);
            return pool;
          });
          healAll(pools);
          const all = poolWith(isFull);
          for (const message of new Set(given.flat())) all.add(message);
          for (const pool of pools) expect(pool.fingerprint()).toBe(all.fingerprint());
          for (const pool of pools) expect(pool.digests()).toEqual(all.digests());
        }),
        { numRuns: cases(60, 20_000) },
      );
    },
    timeLimit(240_000),
  );

  it(
    'come to the same state as one that heard everything, when each hears everything in its own order',
    () => {
      const order = fc.shuffledSubarray(messages, { minLength: messages.length });
      fc.assert(
        fc.property(order, order, fc.boolean(), (first, second, isFull) => {
          const [a, b] = [first, second].map((schedule) => {
            const pool = poolWith(isFull);
            for (const message of schedule) pool.add(message);
            return pool;
          });
          expect(a!.fingerprint()).toBe(b!.fingerprint());
        }),
        { numRuns: cases(8, 2000) },
      );
    },
    timeLimit(240_000),
  );

  it(
    'stay within their bounds whatever they are told, and count right what they hold',
    () => {
      const tight = { ...bounds, bytes: 24_000, waiting: 6, waitingBytes: 5000 };
      const told = fc.array(fc.constantFrom(...messages), { maxLength: 200 });
      fc.assert(
        fc.property(told, (schedule) => {
          const pool = new JobPool(tight);
          for (const message of schedule) {
            pool.add(message);
            expect(pool.bytes).toBeLessThanOrEqual(tight.bytes);
          }
          expect(pool.jobIds().length).toBeLessThanOrEqual(tight.jobs);
          expect(pool.verifiers().length).toBeLessThanOrEqual(tight.verifiers);
          pool.forgetWaiting(pool.cursor);
          const held = pool.list({}).messages.map((message) => JSON.stringify(message).length);
          expect(pool.bytes).toBe(held.reduce((sum, bytes) => sum + bytes, 0));
          for (const id of pool.jobIds()) pool.remove(id);
          expect(pool.bytes).toBeLessThan(2000);
        }),
        { numRuns: cases(60, 10_000) },
      );
    },
    timeLimit(240_000),
  );

  it('never take the answer of a seller whose job it is not, in whatever order', () => {
    const job = jobs[0]!;
    const chosen = offer(job, 's0');
    const list = [announce(job), chosen, accept(job, chosen), commitment(job, 's1')];
    const order = fc.shuffledSubarray(list, { minLength: list.length });
    fc.assert(
      fc.property(order, (schedule) => {
        const pool = new JobPool();
        for (const message of schedule) pool.add(message);
        expect(pool.job(jobIdHex(job))!.commitments).toEqual([]);
        expect(pool.sharedIds(jobIdHex(job))).toHaveLength(3);
      }),
      { numRuns: 24 },
    );
  });
});
