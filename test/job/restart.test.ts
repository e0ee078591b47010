import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobStep } from '#src/job/index.js';
import { Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

describe('a node that is started anew, with an empty job pool, in the middle of a job', () => {
  it.each<[JobStep, 'client' | 'worker']>([
    ['announced', 'client'],
    ['chosen', 'client'],
    ['accepted', 'client'],
    ['committed', 'worker'],
    ['claimed', 'worker'],
  ])('at "%s" of the %s costs nobody anything but time', async (step, role) => {
    await market.worker();
    const client = market.newClient();
    const quote = await client.quote({ ...request(market), lifetime: 60 });
    const { id } = quote.record;
    let restarted: Promise<void> | undefined;
    const restartAt = (told: { step: JobStep; role: string; jobId?: string }): void => {
      if (told.step !== step || told.role !== role || told.jobId !== id) return;
      restarted ??= market.restartNode();
    };
    for (const participant of [client, ...market.sellers]) participant.on('event', restartAt);
    await client.submit(quote);
    // what was lost is said again after the next block
    const record = await market.steadily(1000, () => client.follow(id, market.stop.signal));
    expect(restarted).toBeDefined();
    await restarted;
    expect(record).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
  });
});
