import { describe, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import { type AnyMessage, JobPool, jobIdHex, messageId } from '#src/job/index.js';
import { PoolMirror } from '#src/job/pool/PoolMirror.js';
import { accept, announce, commitment, hash, makeJob, offer } from './make.js';

/** A node that is its job pool and nothing more. */
class PoolNode {
  pool = new JobPool();

  readonly rpc = {
    call: async (method: string, given: unknown) =>
      method === 'sendjobmessage'
        ? this.pool.add(given as AnyMessage)
        : this.pool.list({ ...(given as { jobId?: string; after?: number }), maxBytes: 40_000 }),
  };

  mirror(bounds = {}): PoolMirror {
    return new PoolMirror(this as unknown as ChainClient, bounds);
  }
}

/** A job with a coin of its own, created at a height. */
const jobAt = (created: number, name: string | number) =>
  makeJob({ coin: `${hash(`coin ${name}`)}:0`, created, expires: created + 100 });

describe("a participant's mirror of its node's job pool", () => {
  it('still hears after 5,000 jobs that came and went', async () => {
    let page: AnyMessage[] = [];
    let next = 0;
    // a node that forgets at once what it has listed
    const call = async (_: string, { after }: { after: number }) => ({
      messages: after < next ? page : [],
      next,
    });
    const mirror = new PoolMirror({ rpc: { call } } as unknown as ChainClient);
    for (let height = 100; height < 200; height++) {
      page = Array.from({ length: 50 }, (_, i) => announce(jobAt(height, `${height} ${i}`)));
      next++;
      await mirror.refresh(height);
    }
    expect(mirror.job(page.at(-1)!.jobId)).toBeDefined();
    expect(mirror.jobIds().length).toBeLessThan(2000);
  });

  it('hears again at the next block when it was full', async () => {
    const node = new PoolNode();
    const mirror = node.mirror({ jobs: 8 });
    for (let i = 0; i < 8; i++) node.pool.add(announce(jobAt(100, i)));
    await mirror.refresh(100);
    for (const id of node.pool.jobIds()) node.pool.remove(id);
    // of jobs that promise alike, those with the smaller coins stay
    const message = announce(makeJob({ coin: `${'f'.repeat(64)}:0` }));
    node.pool.add(message);
    await mirror.refresh(100);
    expect(mirror.job(message.jobId)).toBeUndefined();
    await mirror.refresh(101);
    expect(mirror.jobIds()).toEqual([message.jobId]);
  });

  it('forgets jobs that were never taken, and those past their end', async () => {
    const node = new PoolNode();
    const mirror = node.mirror();
    const untaken = makeJob({ coin: `${hash('a')}:0`, expires: 10_000 });
    const taken = makeJob({ coin: `${hash('b')}:0`, expires: 1000 });
    const chosen = offer(taken, 's0');
    for (const message of [announce(untaken), announce(taken), chosen, accept(taken, chosen)]) {
      node.pool.add(message);
    }
    await mirror.refresh(100);
    await mirror.refresh(820);
    expect(mirror.jobIds()).toHaveLength(2);
    await mirror.refresh(821);
    expect(mirror.jobIds()).toEqual([jobIdHex(taken)]);
    await mirror.refresh(1144);
    expect(mirror.jobIds()).toEqual([]);
  });

  it('forgets what its node has forgotten', async () => {
    const node = new PoolNode();
    const mirror = node.mirror();
    node.pool.add(announce(jobAt(100, 'a')));
    await mirror.refresh(100);
    node.pool = new JobPool();
    await mirror.refresh(136);
    expect(mirror.jobIds()).toEqual([]);
  });

  it('keeps the acceptance that its node knows to be paid against later ones', async () => {
    const node = new PoolNode();
    const mirror = node.mirror();
    const job = jobAt(100, 'disputed');
    const id = jobIdHex(job);
    const accepted = accept(job, offer(job, 's0'));
    for (const message of [announce(job), accepted, commitment(job, 's0')]) node.pool.add(message);
    node.pool.pin(id, messageId(accepted));
    await mirror.refresh(100);
    for (let i = 0; i < 12; i++) {
      node.pool.add(accept(job, offer(job, `sybil ${i}`)));
      await mirror.refresh(100);
    }
    expect(mirror.job(id)?.accepts).toContainEqual(accepted);
    expect(mirror.job(id)?.commitments).toHaveLength(1);
  });

  it('keeps a job that it has spoken in, with what others said, until it is over', async () => {
    const node = new PoolNode();
    const mirror = node.mirror({ jobs: 8 });
    const job = jobAt(100, 'own');
    const id = jobIdHex(job);
    const chosen = offer(job, 's0');
    node.pool.add(announce(job));
    await mirror.refresh(100);
    await mirror.say(chosen);
    node.pool.add(accept(job, chosen));
    await mirror.refresh(101);
    node.pool = new JobPool();
    for (let i = 0; i < 20; i++) node.pool.add(announce(jobAt(100, i)));
    await mirror.refresh(200);
    expect(mirror.job(id)?.accepts).toHaveLength(1);
    await mirror.refresh(344);
    expect(mirror.job(id)).toBeUndefined();
  });
});
