import { afterAll, describe, expect, it } from 'vitest';
import { SellerBook } from '#src/job/index.js';
import { Place } from './harness.js';

const place = new Place();
afterAll(() => place.close());
const key = `02${'ab'.repeat(32)}`;

describe('bitmodel rastic sellers', () => {
  it('lists what was learnt, takes error rates, and forgets', async () => {
    expect(await place.ok(['rastic', 'sellers'])).toBe('No seller was seen yet.');
    const ratios = Array.from({ length: 20 }, () => 2);
    const book = SellerBook.of(place.folder, 'regtest');
    book.count({ seller: key, jobId: '11'.repeat(32), created: 1, ratios, flips: 20 });
    const [seller] = (await place.json<{ sellers: object[] }>(['rastic', 'sellers'])).sellers;
    expect(seller).toMatchObject({ seller: key, jobs: 1, tokens: 20, flips: 20, verdict: 'left' });
    expect(await place.ok(['rastic', 'sellers'])).toContain('another model; left');
    const set = ['rastic', 'sellers', '--false-leave', '0.0001', '--missed', '0.02'];
    expect(await place.json(set)).toMatchObject({ rates: { falseLeave: 0.0001, missed: 0.02 } });
    expect(await place.json(['rastic', 'sellers', '--forget', key])).toMatchObject({
      rates: { falseLeave: 0.0001, missed: 0.02 },
      sellers: [],
    });
  });

  it('refuses what makes no sense', async () => {
    const wrong: [string, string[]][] = [
      ['UNKNOWN_SELLER', ['--forget', key]],
      ['UNKNOWN_SELLER', ['--forget', 'nobody']],
      ['BAD_OPTION', ['--missed', '1']],
      ['BAD_ERROR_RATE', ['--missed', '0.9']],
    ];
    for (const [code, args] of wrong) {
      const { stderr } = await place.run(['rastic', 'sellers', ...args, '--json']);
      expect(JSON.parse(stderr).error.code).toBe(code);
    }
  });
});
