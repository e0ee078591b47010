import { describe, expect, it } from 'vitest';
import type { HeaderEntry } from '#src/chain/consensus/headers.js';
import { estimateHashRate } from '#src/chain/rpc/methods/hashRate.js';
import { REGTEST } from '../node/setup.js';

/** A chain of so many blocks, each of two hashes' work and ten seconds after the one below. */
function chain(length: number, timeOf = (height: number) => 10 * height) {
  const entry = (height: number): HeaderEntry => ({
    hash: new Uint8Array(32),
    header: { ...REGTEST.genesis.header, time: timeOf(height) },
    height,
    work: 2n * BigInt(height + 1),
  });
  return {
    last: entry(length),
    source: { parent: ({ height }: HeaderEntry) => entry(height - 1) },
  };
}

describe('the estimate of the hash rate', () => {
  it('is work over time, of as long a span as one likes', async () => {
    const { last, source } = chain(300_000);
    expect(await estimateHashRate(last, 120, source)).toBe(0.2);
    expect(await estimateHashRate(last, 200_000, source)).toBe(0.2);
    expect(await estimateHashRate(last, 0x7fff_ffff, source)).toBe(0.2);
  });

  it('counts from the earliest to the latest time, in whatever order they stand', async () => {
    const { last, source } = chain(10, (height) => (height === 5 ? 1_000 : height));
    expect(await estimateHashRate(last, 10, source)).toBe(20 / 1_000);
  });

  it('is 0 where no time has passed', async () => {
    const { last, source } = chain(10, () => 7);
    expect(await estimateHashRate(last, 10, source)).toBe(0);
    expect(await estimateHashRate(chain(0).last, 10, source)).toBe(0);
  });
});
