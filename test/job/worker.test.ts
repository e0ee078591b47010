import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import { COIN, Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** The market's own node, with some of its methods seen through a seller's bad luck. */
function nodeWith(changed: Partial<ChainClient>): ChainClient {
  return new Proxy(market.chain, {
    get(chain, name) {
      const value = Reflect.get({ ...changed }, name) ?? Reflect.get(chain, name);
      return typeof value === 'function' ? value.bind(chain) : value;
    },
  });
}

async function order(lifetime: number): Promise<string> {
  const quote = await market.client.quote({ ...request(market), lifetime });
  await market.client.submit(quote);
  return quote.record.id;
}

async function waitUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A pool that takes no answers until it is told to. */
function closedPool() {
  const state = { isOpen: false, refusals: 0 };
  const chain = nodeWith({
    sendJobMessage: async <T>(message: unknown): Promise<T> => {
      const isAnswer = (message as { type: string }).type === 'commitment';
      if (!isAnswer || state.isOpen) return market.chain.sendJobMessage<T>(message);
      state.refusals++;
      return { status: 'refused', reason: 'the pool is full' } as T;
    },
  });
  return { chain, state };
}

describe('a seller whose answer the job pool refuses', () => {
  it('claims only once the pool has taken it', async () => {
    const { chain, state } = closedPool();
    await market.worker({ chain });
    const id = await order(30);
    const following = market.client.follow(id, market.stop.signal);
    await waitUntil(() => state.refusals > 4);
    expect(market.steps('worker', id)).not.toContain('claimed');
    state.isOpen = true;
    expect(await following).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
  });

  it('withdraws when it is too late to claim, and never claims', async () => {
    const { chain } = closedPool();
    const { key } = await market.worker({ chain });
    const id = await order(12);
    const record = await market.client.follow(id, market.stop.signal);
    expect(record.outcome).toBe('cancelled');
    expect(market.steps('worker', id)).not.toContain('claimed');
    expect(await market.balance(key)).toBe(10n * COIN);
  });
});

describe('a seller whose claim got lost', () => {
  it('signs no cancel any more, and sends the claim again even past the margin', async () => {
    const state = { lostUntil: Number.POSITIVE_INFINITY, losses: 0 };
    const chain = nodeWith({
      send: async (transaction) => {
        const isLost = (await market.chain.height()) < state.lostUntil;
        if (transaction.outputs.length < 3 || !isLost) return market.chain.send(transaction);
        state.losses++;
        return 'lost';
      },
    });
    await market.worker({ chain });
    const quote = await market.client.quote({ ...request(market), lifetime: 12 });
    const { id } = quote.record;
    // inside the margin of two blocks, but before the refund
    state.lostUntil = quote.record.job.expires - 1;
    await market.client.submit(quote);
    expect((await market.client.follow(id, market.stop.signal)).outcome).toBe('settled');
    expect(state.losses).toBeGreaterThan(1);
    expect(market.steps('worker', id)).not.toContain('withdrawn');
  });
});
