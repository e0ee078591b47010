import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseOutpoint, type RpcClient } from '#src/chain/index.js';
import type { JobClient } from '#src/job/index.js';
import { Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

const fileOf = (id: string, name: string): string => join(market.dir, 'client', id, name);

/** A way to the node on which each answer takes a while. */
function slow(rpc: RpcClient): void {
  const call = rpc.call.bind(rpc);
  rpc.call = (async (...args: Parameters<RpcClient['call']>) => {
    await new Promise((done) => setTimeout(done, 120));
    return call(...args);
  }) as RpcClient['call'];
}

async function announce(client: JobClient, options: object = {}): Promise<string> {
  const quote = await client.quote({ ...request(market), lifetime: 40, ...options });
  return (await client.submit(quote)).id;
}

const held = {
  code: 'JOB_IN_HAND',
  exitCode: 4,
  message: expect.stringContaining(`${process.pid}`),
};

describe('a job that somebody follows', () => {
  it('is followed and contested by nobody else meanwhile, and can be taken up afterwards', async () => {
    const [first, second] = [market.newClient(), market.newClient()];
    const id = await announce(first);
    const stop = new AbortController();
    const following = first.pursue(id, stop.signal);
    await expect(second.pursue(id, market.stop.signal)).rejects.toMatchObject(held);
    await expect(second.follow(id, market.stop.signal)).rejects.toMatchObject(held);
    expect(() => second.accuse(id)).toThrow(expect.objectContaining(held));
    stop.abort(new Error('stopped'));
    await expect(following).rejects.toThrow('stopped');
    await market.worker();
    expect(await second.pursue(id, market.stop.signal)).toMatchObject({ outcome: 'settled' });
    expect(existsSync(fileOf(id, 'lock'))).toBe(false);
  });

  it('stays in one hand with all that are announced in its place', async () => {
    const [first, second] = [market.newClient(), market.newClient()];
    const id = await announce(first, { lifetime: 12, retries: 1 });
    const stop = new AbortController();
    const following = first.pursue(id, stop.signal);
    await market.mineTo(first.show(id).job.expires);
    await market.happens(() => first.attempts(id).length === 2);
    const [, next] = first.attempts(id);
    await expect(second.pursue(next!.id, market.stop.signal)).rejects.toMatchObject(held);
    await expect(second.pursue(id, market.stop.signal)).rejects.toMatchObject(held);
    stop.abort(new Error('stopped'));
    await expect(following).rejects.toThrow('stopped');
    await second.cancel(id);
  });
});

describe('a job that two follow all the same, the lock being lost', () => {
  it('is not closed over the escrow of the other: whoever comes later goes on with that one', async () => {
    const [first, second] = [market.newClient(), market.newClient(slow)];
    const id = await announce(first);
    const death = new AbortController();
    first.on('event', ({ step }) => {
      if (step === 'escrowed') death.abort(new Error('killed'));
    });
    const dead = expect(first.pursue(id, death.signal)).rejects.toThrow('killed');
    rmSync(fileOf(id, 'lock'));
    const following = second.pursue(id, market.stop.signal);
    await market.worker();
    await dead;
    const ended = await following;
    expect(ended.outcome).toBe('settled');
    const spender = await market.chain.spender(parseOutpoint(ended.job.coin));
    expect(spender!.txid).toBe(ended.escrow!.txid);
  });
});

describe('a job that is given up while another process follows it', () => {
  it('is given up by that one, though offers are there', async () => {
    const [first, second] = [market.newClient(), market.newClient()];
    const id = await announce(first, { retries: 2 });
    let cancelled: Promise<unknown> | undefined;
    first.on('event', ({ step }) => {
      if (step === 'offered') cancelled ??= second.cancel(id);
    });
    const following = first.pursue(id, market.stop.signal);
    await market.worker();
    const wanted = { id, outcome: 'closed', givenUp: true, why: 'the buyer cancelled it' };
    expect(await following).toMatchObject(wanted);
    expect(await cancelled).toMatchObject(wanted);
    expect(second.show(id)).toMatchObject(wanted);
    expect(await market.chain.spender(parseOutpoint(second.show(id).job.coin))).toBeUndefined();
    expect(existsSync(fileOf(id, 'cancel'))).toBe(false);
  });

  it('locks nothing either when its seller is chosen already', async () => {
    const [first, second] = [market.newClient(), market.newClient()];
    const id = await announce(first);
    let cancelled: Promise<unknown> | undefined;
    first.on('event', ({ step }) => {
      if (step === 'chosen') cancelled ??= second.cancel(id);
    });
    const following = first.pursue(id, market.stop.signal);
    await market.worker();
    expect(await following).toMatchObject({ outcome: 'closed', givenUp: true });
    expect(await cancelled).toMatchObject({ outcome: 'closed' });
    expect(await market.chain.spender(parseOutpoint(second.show(id).job.coin))).toBeUndefined();
  });

  it('goes on when its money is locked, which is told', async () => {
    const [first, second] = [market.newClient(), market.newClient()];
    const id = await announce(first);
    let refused: Promise<unknown> | undefined;
    first.on('event', ({ step }) => {
      if (step !== 'escrowed') return;
      refused ??= expect(second.cancel(id)).rejects.toMatchObject({ code: 'JOB_LOCKED' });
    });
    const following = first.pursue(id, market.stop.signal);
    await market.worker();
    expect(await following).toMatchObject({ outcome: 'settled' });
    await refused;
    expect(existsSync(fileOf(id, 'cancel'))).toBe(false);
  });

  it('is not announced anew when it has ended and waited for its next try', async () => {
    const client = market.newClient();
    const id = await announce(client, { lifetime: 12, retries: 1 });
    const following = client.follow(id, market.stop.signal);
    await market.mineTo(client.show(id).job.expires);
    expect(await following).toMatchObject({ outcome: 'closed' });
    expect(await client.cancel(id)).toMatchObject({ id, givenUp: true });
    expect(await client.pursue(id, market.stop.signal)).toMatchObject({ id });
    await expect(client.cancel(id)).rejects.toMatchObject({ code: 'JOB_ENDED' });
  });
});
