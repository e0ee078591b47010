import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { coalesced } from '#src/commands/shared/job-pool.js';

describe("what a node's job pool does with each block", () => {
  it('is done for one block at a time, and once more after blocks that came meanwhile', async () => {
    const ends: (() => void)[] = [];
    const failures: unknown[] = [];
    const advance = coalesced(
      () => new Promise((resolve) => ends.push(resolve)),
      (thrown) => void failures.push(thrown),
    );
    for (let block = 0; block < 100; block++) advance();
    expect(ends).toHaveLength(1);
    ends[0]!();
    await setImmediate();
    expect(ends).toHaveLength(2);
    ends[1]!();
    await setImmediate();
    expect(ends).toHaveLength(2);
    advance();
    expect(ends).toHaveLength(3);
    expect(failures).toEqual([]);
  });

  it('is tried again with the next block after it failed', async () => {
    const failures: unknown[] = [];
    let tries = 0;
    const advance = coalesced(
      async () => {
        tries++;
        throw new Error('no chain');
      },
      (thrown) => void failures.push(thrown),
    );
    advance();
    await setImmediate();
    advance();
    await setImmediate();
    expect(tries).toBe(2);
    expect(failures).toHaveLength(2);
  });
});
