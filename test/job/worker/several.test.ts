import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientRecord, JobModel } from '#src/job/index.js';
import type { LanguageModel } from '#src/model/index.js';
import { COIN, Market, request } from '../market.js';

const JOBS = 3;
let market: Market;

beforeAll(async () => {
  market = await Market.open();
  await market.pay(market.clientKey, Array<bigint>(4 * JOBS).fill(COIN / 10n));
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** The market's model, whose outputs are drawn only once so many are to be drawn at the same time. */
class Gate {
  readonly model: JobModel;
  most = 0;
  #drawing = 0;
  #open: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  constructor(atOnce: number) {
    const real = market.model.model;
    const generate: LanguageModel['generate'] = async (asked, options) => {
      // the seller measures its own machine first
      if (options?.onLogits) return real.generate(asked, options);
      this.#drawing++;
      this.most = Math.max(this.most, this.#drawing);
      try {
        if (this.most >= atOnce) this.#open();
        await Promise.race([this.#opened, aborted(options?.signal)]);
        return await real.generate(asked, options);
      } finally {
        this.#drawing--;
      }
    };
    const model = new Proxy(real, {
      get(target, name) {
        // the bundled graph itself can't be batched
        if (name === 'info') return { ...target.info, batch: 8 };
        const value = name === 'generate' ? generate : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    this.model = { ...market.model, model };
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
}

/** Announces jobs, each with a seed of its own, and follows them to their end. */
async function buy(count: number) {
  const client = market.newClient();
  const asked = { ...request(market), lifetime: 100 };
  const announced: ClientRecord[] = [];
  for (let i = 0; i < count; i++) announced.push(await client.submit(await client.quote(asked)));
  const ends = announced.map(({ id }) => client.pursue(id, market.stop.signal));
  return { ids: announced.map(({ id }) => id), ended: () => Promise.all(ends) };
}

const settled = { outcome: 'settled', verdict: { result: 'valid' } };

describe('one seller that was chosen for several jobs', () => {
  it('computes them at the same time, and each answer is valid', async () => {
    const gate = new Gate(JOBS);
    await market.worker({ models: [gate.model] });
    const { ids, ended } = await buy(JOBS);
    expect(await ended()).toMatchObject(ids.map(() => settled));
    expect(market.problems()).toEqual([]);
  });

  it('computes one after another when it was told to', async () => {
    const gate = new Gate(1);
    await market.worker({ models: [gate.model], batch: 1 });
    const { ids, ended } = await buy(JOBS);
    expect(await ended()).toMatchObject(ids.map(() => settled));
    expect(gate.most).toBe(1);
  });

  it('finishes each of them when it is stopped in the midst of all and started again', async () => {
    // one more than there are: nothing is drawn before it is stopped
    const gate = new Gate(JOBS + 1);
    const { key, end } = await market.worker({ models: [gate.model] });
    const { ids, ended } = await buy(JOBS);
    await market.happens(() => gate.most === JOBS);
    await end();
    for (const id of ids) expect(market.steps('worker', id)).not.toContain('committed');
    market.hire(key);
    expect(await ended()).toMatchObject(ids.map(() => settled));
  });
});
