import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '#src/job/index.js';
import { attackNamed } from '#src/rastic/index.js';
import { Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** What made a step of a job, in order. */
function sent(role: JobEvent['role'], step: JobEvent['step'], jobId: string): JobEvent[] {
  const isIt = (event: JobEvent) =>
    event.role === role && event.jobId === jobId && event.step === step;
  return market.events.filter(isIt);
}

/** Mines blocks without the mempool's transactions as long as `isHeld` says so. */
function holdBack(isHeld: () => boolean): void {
  const mine = market.mine.bind(market);
  market.mine = async (count) => {
    if (!isHeld()) return mine(count);
    for (let i = 0; i < count; i++) {
      await market.chain.rpc.call('generateblock', market.miner.address, []);
    }
  };
}

describe('a job on a chain whose blocks have no room for it', () => {
  it('has its claim, its contest and its judgement made again with higher fees, until all are in', async () => {
    const steps = [
      ['worker', 'claimed'],
      ['client', 'contested'],
      ['client', 'slashed'],
    ] as const;
    let id = '';
    // no block takes anything of the job that was not made anew
    holdBack(() => id !== '' && steps.some(([role, step]) => sent(role, step, id).length === 1));
    await market.worker({ dishonesty: attackNamed('withhold') });
    const quote = await market.client.quote({ ...request(market), lifetime: 40 });
    id = quote.record.id;
    await market.client.submit(quote);
    const record = await market.client.follow(id, market.stop.signal);
    expect(record.outcome).toBe('slashed');
    for (const [role, step] of steps) {
      const fees = sent(role, step, id).flatMap(({ fee }) => (fee === undefined ? [] : [fee]));
      expect(fees.length, step).toBeGreaterThan(1);
      expect(fees, step).toEqual([...fees].sort((a, b) => Number(a - b)));
      expect(new Set(fees).size, step).toBe(fees.length);
    }
    expect(market.problems()).toEqual([]);
  });

  it('has its verifiers shown the evidence they need, however often its contest is made again', async () => {
    let id = '';
    const contests = () => (id === '' ? 0 : sent('client', 'contested', id).length);
    holdBack(() => contests() > 0 && contests() < 4);
    const seller = await market.worker({ dishonesty: attackNamed('tamper:2') });
    // it would show what it did itself, if it were there
    const onClaim = (event: JobEvent): void => {
      if (event.step === 'checked' && event.jobId === id) void seller.end();
    };
    market.client.on('event', onClaim);
    const quote = await market.client.quote({ ...request(market), lifetime: 40 });
    id = quote.record.id;
    await market.client.submit(quote);
    const record = await market.client.follow(id, market.stop.signal);
    market.client.off('event', onClaim);
    expect(contests()).toBeGreaterThan(3);
    expect(record.outcome).toBe('slashed');
    const said = await market.chain.rpc.call('sendjobmessage', record.contestMessage);
    expect(said).toMatchObject({ status: 'known' });
    expect(market.problems()).toEqual([]);
  });
});
