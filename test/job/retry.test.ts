import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import type { RpcClient } from '#src/chain/index.js';
import { costOfAll } from '#src/commands/shared/job-cost.js';
import type { ClientRecord, JobClient, JobStep } from '#src/job/index.js';
import { attackNamed } from '#src/rastic/index.js';
import { Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** A seller that goes away for good as soon as it has made an offer. */
async function mortalSeller() {
  const seller = await market.worker({ price: 1000n });
  seller.worker.on('event', ({ step }) => {
    if (step === 'offered') void seller.end();
  });
  return seller;
}

/** A way to the node on which prompts are lost. */
function silentOnPrompts(rpc: RpcClient): void {
  const call = rpc.call.bind(rpc);
  rpc.call = (async (method: string, ...params: unknown[]) => {
    const isPrompt = (params[0] as { type?: string } | undefined)?.type === 'prompt';
    if (!isPrompt) return call(method, ...params);
    throw new BitmodelError('NODE_UNREACHABLE', 'No answer comes.', { exitCode: 5 });
  }) as RpcClient['call'];
}

async function announce(client: JobClient, retries: number): Promise<ClientRecord> {
  const quote = await client.quote({ ...request(market), lifetime: 12, retries });
  return client.submit(quote);
}

describe('a submission that may be announced anew', () => {
  it('gets its answer from another seller when the first one dies after the escrow', async () => {
    const before = await market.balance(market.clientKey);
    const dead = await mortalSeller();
    const client = market.newClient();
    const { id } = await announce(client, 2);
    const pursuit = client.pursue(id, market.stop.signal);
    await market.until('client', 'accepted', id);
    const alive = await market.worker({ price: 1500n });
    await market.mineTo(client.show(id).job.expires);
    await market.until('client', 'refunded', id);
    // back at work it asks less than the other, and is passed over all the same
    const back = dead.restart();
    const last = await pursuit;
    expect(last).toMatchObject({
      outcome: 'settled',
      retry: { attempt: 2, left: 1, previous: id },
    });
    expect(last.escrow!.offer.author).not.toBe(client.show(id).escrow!.offer.author);
    expect(last.job.coin).not.toBe(client.show(id).job.coin);
    expect(client.attempts(last.id).map(({ outcome }) => outcome)).toEqual(['refunded', 'settled']);
    const paid = BigInt(last.answer!.outputIds.length) * 1500n;
    const spent = before - (await market.balance(market.clientKey));
    expect(spent).toBeGreaterThanOrEqual(paid);
    expect(spent - paid).toBeLessThan(20_000n);
    expect(costOfAll(client.attempts(last.id))).toBe(spent);
    await Promise.all([alive.end(), back.end()]);
  });

  it('is announced anew when the answer was false, and ends when no try is left', async () => {
    await market.worker({ dishonesty: attackNamed('tamper:2') });
    const client = market.newClient();
    const { id } = await announce(client, 1);
    const pursuit = client.pursue(id, market.stop.signal);
    await market.until('client', 'slashed', id);
    while (client.attempts(id).length < 2) await new Promise((done) => setTimeout(done, 20));
    // the only seller is the one that cheated
    await market.mineTo(client.attempts(id)[1]!.job.expires);
    const last = await pursuit;
    expect(last).toMatchObject({ outcome: 'closed', why: 'no seller offered in time' });
    expect(client.attempts(id).map(({ outcome }) => outcome)).toEqual(['slashed', 'closed']);
  });

  it('is not announced anew when its buyer gave it up', async () => {
    const client = market.newClient();
    const { id } = await announce(client, 3);
    await client.cancel(id);
    expect(await client.pursue(id, market.stop.signal)).toMatchObject({ outcome: 'closed', id });
  });

  it.each<JobStep>([
    'refunded',
    'retrying',
    'announced',
    'chosen',
    'escrowed',
    'accepted',
    'opened',
  ])(
    'survives the death of its buyer at the step "%s" of the second job, with one escrow at a time',
    async (step) => {
      await mortalSeller();
      const mortal = market.newClient();
      const { id } = await announce(mortal, 1);
      const death = new Error(`killed at ${step}`);
      mortal.on('event', (event) => {
        const isSecond = event.jobId !== id || step === 'refunded';
        if (event.step === step && isSecond) throw death;
      });
      const pursuit = mortal.pursue(id, market.stop.signal);
      const dead = expect(pursuit).rejects.toBe(death);
      await market.until('client', 'accepted', id);
      await market.worker({ price: 1500n });
      await market.mineTo(mortal.show(id).job.expires);
      await dead;
      const next = market.newClient();
      const last = await next.pursue(id, market.stop.signal);
      expect(last).toMatchObject({ outcome: 'settled', retry: { attempt: 2, previous: id } });
      const attempts = next.attempts(id);
      expect(attempts.map(({ outcome }) => outcome)).toEqual(['refunded', 'settled']);
    },
  );
});

describe('a prompt that never comes', () => {
  it('is given back by its seller with a reason, and the buyer has its money', async () => {
    const seller = await market.worker();
    const before = await market.balance(market.clientKey);
    const client = market.newClient(silentOnPrompts);
    const quote = await client.quote(request(market));
    const { id } = quote.record;
    await client.submit(quote);
    const following = client.follow(id, market.stop.signal);
    while (!seller.worker.open()[0]?.accept) await new Promise((done) => setTimeout(done, 20));
    await market.mine(40);
    const withdrawal = { step: 'withdrawn', jobId: id, detail: 'the prompt did not come' };
    await market.until('worker', 'withdrawn', id);
    expect(market.events).toContainEqual(
      expect.objectContaining({ role: 'worker', ...withdrawal }),
    );
    const record = await following;
    expect(record.outcome).toBe('cancelled');
    expect(market.steps('client', id)).toContain('problem');
    expect(market.steps('client', id)).not.toContain('accepted');
    expect(before - (await market.balance(market.clientKey))).toBeLessThan(5_000n);
  });
});
