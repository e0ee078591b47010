import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { LanguageModel } from '#src/model/index.js';
import { GRAPH_VARIANTS, ownShift } from '#src/rastic/index.js';
import { Market, request } from './market.js';

let market: Market;
beforeAll(async () => {
  market = await Market.open();
});
afterAll(() => market?.close());

/** A model as a machine of another's numeric class would show it. */
function inClassOf({ info: { numericClass } }: LanguageModel, model: LanguageModel): LanguageModel {
  return new Proxy(model, {
    get(_, name) {
      if (name === 'info') return { ...model.info, numericClass };
      const value = Reflect.get(model, name);
      return typeof value === 'function' ? value.bind(model) : value;
    },
  });
}

describe('a seller whose machine differs from itself by more than a tenth of the tolerance', () => {
  it('makes no offer, and says why once: its honest answers could be found false', async () => {
    const { id, model: real, calibration } = market.model;
    const { dir, file } = real.info;
    // activations in 8 bits are rounded otherwise in a prefill than token by token
    const graph = GRAPH_VARIANTS['int8-activations'](readFileSync(join(dir, file)));
    const coarse = await LanguageModel.open(dir, { file, graph, threads: 1 });
    const model = inClassOf(real, coarse);
    try {
      expect(await ownShift(real)).toBeLessThan(0.0001);
      expect(await ownShift(model)).toBeGreaterThan(0.01);
      const { worker, end } = await market.worker({
        models: [{ id, model, calibration }],
        price: 1n,
      });
      const told = () => market.events.filter(({ detail }) => detail?.includes('from itself'));
      const { id: first } = await market.client.submit(await market.client.quote(request(market)));
      while (told().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(told()[0]!.detail).toContain('bitmodel model calibrate');
      const { key } = await market.worker();
      const record = await market.client.follow(first, market.stop.signal);
      expect(record.outcome).toBe('settled');
      expect(record.escrow!.offer.author).toBe(toHex(key.publicKey));
      expect(told()).toHaveLength(1);
      expect(worker.open()).toEqual([]);
      await end();
    } finally {
      await coarse.close();
    }
  });
});
