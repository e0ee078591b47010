import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, equalBytes } from '#src/base/index.js';
import { NO_JOB, type Transaction } from '#src/chain/index.js';
import {
  decodeGiven,
  decodeMempoolPage,
  decodeMempoolQuestion,
  decodeWanted,
  encodeGiven,
  encodeMempoolPage,
  encodeMempoolQuestion,
  encodeWanted,
} from '#src/network/gossip/codec.js';
import { ORPHAN_BOUNDS, Orphans } from '#src/network/gossip/Orphans.js';
import { refusalOf } from '#src/network/gossip/reasons.js';
import { FairQueue, Pace } from '#src/network/index.js';
import { cases } from '../../long.js';
import { Record } from './nodes.js';

const id = fc.uint8Array({ minLength: 32, maxLength: 32 });
const ids = fc.array(id, { maxLength: 4 });

/** A decoder with its encoder and what it takes. */
const forms = [
  {
    name: 'a question about a mempool',
    encode: encodeMempoolQuestion,
    decode: decodeMempoolQuestion,
    value: fc.oneof(
      fc.record({ kind: fc.constant('list' as const), after: fc.option(id, { nil: undefined }) }),
      fc.record({ kind: fc.constant('have' as const), ids }),
    ),
  },
  {
    name: 'a page of a mempool',
    encode: encodeMempoolPage,
    decode: decodeMempoolPage,
    value: fc
      .record({ ids, isMore: fc.boolean() })
      .filter((page) => page.ids.length > 0 || !page.isMore),
  },
  { name: 'a question for transactions', encode: encodeWanted, decode: decodeWanted, value: ids },
  {
    name: 'an answer with transactions',
    encode: encodeGiven,
    decode: decodeGiven,
    value: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
  },
] as {
  name: string;
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  value: fc.Arbitrary<unknown>;
}[];

describe.each(forms)('the form of $name', ({ encode, decode, value }) => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(decode(encode(each))).toEqual(each);
      }),
    );
  });

  it('is read from its one encoding alone, and from nothing else', () => {
    const mutated = fc
      .tuple(value, fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([each, at, byte]) => {
        const bytes = encode(each);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated);
    fc.assert(
      fc.property(bytes, (given) => {
        try {
          expect(equalBytes(encode(decode(given)), given)).toBe(true);
        } catch (thrown) {
          if (!(thrown instanceof BitmodelError)) throw thrown;
          expect(thrown.code).toBe('BAD_ENCODING');
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});

describe('more than a message may hold', () => {
  it.each([
    [
      'ids in a notice',
      () => decodeMempoolQuestion(encodeMempoolQuestion({ kind: 'have', ids: many(1025) })),
    ],
    [
      'ids on a page',
      () => decodeMempoolPage(encodeMempoolPage({ ids: many(8193), isMore: false })),
    ],
    ['ids in a question', () => decodeWanted(encodeWanted(many(129)))],
    ['transactions', () => decodeGiven(encodeGiven(many(129)))],
  ])('is refused: %s', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'BAD_ENCODING' }));
  });

  function many(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => new Uint8Array(32));
  }
});

describe('a refused transaction', () => {
  it.each([
    ['txn-already-in-mempool', 'known'],
    ['txn-already-known', 'known'],
    ['bad-txns-inputs-missingorspent', 'missing'],
    ['bad-txns-premature-spend-of-coinbase', 'policy'],
    ['bad-txns-spends-conflicting-tx', 'policy'],
    ['insufficient fee', 'policy'],
    ['min relay fee not met', 'policy'],
    ['non-final', 'policy'],
    ['dust', 'policy'],
    ['version', 'policy'],
    ['mempool full', 'policy'],
    ['bad-txns-in-belowout', 'invalid'],
    ['bad-txns-token-in-belowout', 'invalid'],
    ['bad-txns-too-many-sigops', 'invalid'],
    ['coinbase', 'invalid'],
    ['mandatory-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)', 'invalid'],
  ])('for %s is %s', (reason, refusal) => {
    expect(refusalOf(reason)).toBe(refusal);
  });
});

describe('orphans', () => {
  const transaction: Transaction = {
    version: 2,
    inputs: [],
    outputs: [],
    lockTime: 0,
    jobId: NO_JOB,
  };
  const orphan = (i: number, from: string, size = 100) => {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, i);
    const missing = [new Uint8Array(32).fill(i % 7)];
    return { transaction, encoded: new Uint8Array(size), hash, from, missing };
  };

  it('stay within their bounds, of one peer and of all, in number and bytes', () => {
    const orphans = new Orphans();
    for (let i = 0; i < 500; i++) orphans.add(orphan(i, 'one peer'));
    expect(orphans.size).toBe(ORPHAN_BOUNDS.perPeer);
    for (let i = 500; i < 1500; i++) orphans.add(orphan(i, `peer ${i}`));
    expect(orphans.size).toBe(ORPHAN_BOUNDS.count);
    for (let i = 1500; i < 1600; i++) orphans.add(orphan(i, `peer ${i}`, 500_000));
    expect(orphans.bytes).toBeLessThanOrEqual(ORPHAN_BOUNDS.bytes);
    orphans.add(orphan(2000, 'x', ORPHAN_BOUNDS.bytes));
    expect(orphans.has(orphan(2000, 'x').hash)).toBe(false);
    orphans.takeAll();
    expect([orphans.size, orphans.bytes]).toEqual([0, 0]);
  });

  it('are found by a parent, forgotten with their peer, and after a while', () => {
    let now = 0;
    const orphans = new Orphans(() => now);
    for (let i = 0; i < 14; i++) orphans.add(orphan(i, i < 7 ? 'a' : 'b'));
    expect(orphans.takeChildren(new Uint8Array(32).fill(3))).toHaveLength(2);
    orphans.forget('a');
    expect(orphans.size).toBe(6);
    now = ORPHAN_BOUNDS.milliseconds + 1;
    orphans.expire();
    expect([orphans.size, orphans.bytes]).toEqual([0, 0]);
  });
});

describe('a fair queue', () => {
  const bounds = {
    tasks: 100,
    tasksPerPeer: 60,
    bytes: 10_000,
    perSecond: 1e6,
    burst: 1e6,
    bytesPerSecond: 1e9,
    bytesBurst: 1e9,
  };

  it('takes peers in turn, however much one of them asks for', async () => {
    const queue = new FairQueue(bounds);
    const order: string[] = [];
    const run = (peer: string) => queue.run(peer, 1, () => void order.push(peer))!;
    const all = [...Array.from({ length: 50 }, () => run('loud')), run('quiet'), run('other')];
    await Promise.all(all);
    expect(order.indexOf('quiet')).toBeLessThan(5);
    expect(order.indexOf('other')).toBeLessThan(5);
    expect(order).toHaveLength(52);
  });

  it('says at once when it is full, of one peer or of all, in tasks or bytes', async () => {
    const queue = new FairQueue(bounds);
    const tries = (peer: string, count: number, bytes = 1) =>
      Array.from({ length: count }, () => queue.run(peer, bytes, () => {})).filter(Boolean).length;
    // the first one is under way already
    expect(tries('a', 80)).toBe(61);
    expect(tries('b', 80)).toBe(40);
    await setTimeout(50);
    expect(queue.size).toBe(0);
    expect(tries('c', 20, 1000)).toBe(3);
    await setTimeout(50);
    expect(queue.bytes).toBe(0);
  });

  it('lets each peer do no more than its rate, and others meanwhile', async () => {
    const queue = new FairQueue({ ...bounds, perSecond: 100, burst: 5 });
    let done = 0;
    const slow = Array.from({ length: 15 }, () => queue.run('fast', 1, () => void done++)!);
    await queue.run('other', 1, () => {});
    expect(done).toBeLessThan(15);
    const began = performance.now();
    await Promise.all(slow);
    expect(performance.now() - began).toBeGreaterThan(50);
  });

  it('passes on what a task throws, and goes on', async () => {
    const queue = new FairQueue(bounds);
    const failing = queue.run('a', 1, () => {
      throw new Error('no');
    })!;
    await expect(failing).rejects.toThrow('no');
    await expect(queue.run('a', 1, () => 7)).resolves.toBe(7);
    queue.close();
    expect(queue.run('a', 1, () => 7)).toBeUndefined();
  });

  it('leaves nobody waiting when it is closed', async () => {
    const queue = new FairQueue({ ...bounds, perSecond: 1, burst: 1 });
    const first = queue.run('a', 1, () => 1);
    const second = queue.run('a', 1, () => 2);
    await expect(first).resolves.toBe(1);
    queue.close();
    await expect(second).resolves.toBeUndefined();
    expect(queue.size).toBe(0);
  });
});

describe('the pace of answers', () => {
  it('holds who asks a little too fast, and penalises who floods', async () => {
    const record = new Record();
    const pace = new Pace({ perSecond: 100, burst: 10 }, record, 'jobs');
    const began = performance.now();
    for (let i = 0; i < 20; i++) await pace.hold('a');
    expect(performance.now() - began).toBeGreaterThan(50);
    expect(record.held).toEqual([]);
    await expect(pace.hold('a', 2000)).rejects.toThrow(expect.objectContaining({ code: 'FLOOD' }));
    expect(record.offences('a')).toEqual(['flood']);
  });
});
