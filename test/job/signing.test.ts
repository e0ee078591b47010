import { describe, expect, it } from 'vitest';
import { FeeClock } from '#src/job/signing.js';

describe('the fee of a transaction that waits for a block', () => {
  it('is raised two blocks after it was first seen waiting, and every two blocks from then on', () => {
    const clock = new FeeClock();
    const due = [10, 10, 11, 12, 12, 13, 14].map((tip) => clock.isDue('a', tip));
    expect(due).toEqual([false, false, false, true, false, false, true]);
  });

  it('is counted for each transaction alone', () => {
    const clock = new FeeClock();
    clock.isDue('a', 10);
    expect(clock.isDue('b', 12)).toBe(false);
    expect(clock.isDue('a', 12)).toBe(true);
  });
});
