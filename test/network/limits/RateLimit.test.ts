import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimit } from '#src/network/limits/RateLimit.js';

function clock() {
  let time = 0;
  return { now: () => time, pass: (milliseconds: number) => (time += milliseconds) };
}

describe('a rate limit', () => {
  it('lets a burst through, then the sustained rate', () => {
    const { now, pass } = clock();
    const limit = new RateLimit({ perSecond: 2, burst: 3, now });
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([true, true, true, false]);
    expect(limit.wait('a')).toBe(500);
    pass(500);
    expect(limit.take('a')).toBe(true);
    expect(limit.take('a')).toBe(false);
  });

  it('keeps the keys apart', () => {
    const { now } = clock();
    const limit = new RateLimit({ perSecond: 1, burst: 1, now });
    expect(limit.take('a')).toBe(true);
    expect(limit.take('b')).toBe(true);
    expect(limit.take('a')).toBe(false);
  });

  it('lets an amount through whole or not at all, and never more than its burst', () => {
    const { now, pass } = clock();
    const limit = new RateLimit({ perSecond: 1, burst: 10, now });
    expect(limit.take('a', 11)).toBe(false);
    expect(limit.wait('a', 11)).toBe(Number.POSITIVE_INFINITY);
    expect(limit.take('a', 7)).toBe(true);
    expect(limit.take('a', 7)).toBe(false);
    expect(limit.take('a', 3)).toBe(true);
    pass(1_000_000);
    expect(limit.take('a', 11)).toBe(false);
    expect(limit.take('a', 10)).toBe(true);
  });

  it('remembers no more keys than it was told, whatever comes', () => {
    const { now } = clock();
    const limit = new RateLimit({ perSecond: 1, burst: 2, keys: 100, now });
    for (let i = 0; i < 10_000; i++) limit.take(`key ${i}`);
    expect(limit.size).toBe(100);
  });

  it('forgets keys whose buckets are full again', () => {
    const { now, pass } = clock();
    const limit = new RateLimit({ perSecond: 1, burst: 2, now });
    for (let i = 0; i < 1000; i++) limit.take(`key ${i}`);
    pass(10_000);
    for (let i = 0; i < 1000; i++) limit.take('other');
    expect(limit.size).toBe(1);
  });

  it('never lets through more than its burst and what time has brought', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 5 })), { maxLength: 100 }),
        (calls) => {
          const { now, pass } = clock();
          const limit = new RateLimit({ perSecond: 4, burst: 5, now });
          let through = 0;
          for (const [time, amount] of calls) {
            pass(time);
            if (limit.take('a', amount)) through += amount;
            expect(through).toBeLessThanOrEqual(5 + (now() * 4) / 1000 + 1e-6);
          }
        },
      ),
    );
  });
});
