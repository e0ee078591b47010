import { describe, expect, it } from 'vitest';
import { MAX_MONEY, networkParameters, subsidyAt } from '#src/chain/index.js';

const COIN = 100_000_000n;

describe('the subsidy', () => {
  it('adds up to the last unit: 50 coins for 999,999 blocks, then half as much every 1,000,000', () => {
    const main = networkParameters('main');
    const { halvingInterval } = main;
    let total = 0n;
    for (let era = 0; era < 40; era++) {
      const first = era * halvingInterval;
      const each = subsidyAt(first + 1, main);
      // the same for a whole era, from its first block to its last
      expect(subsidyAt(first + halvingInterval - 1, main)).toBe(each);
      if (era > 0) expect(subsidyAt(first, main)).toBe(each);
      expect(each).toBe((50n * COIN) >> BigInt(era));
      // the genesis block makes none
      total += each * BigInt(era === 0 ? halvingInterval - 1 : halvingInterval);
    }
    // 2 * 50 coins per block of the interval, less what halving rounds off and what the genesis block does not make
    expect(total).toBe(9_999_999_989_000_000n - 50n * COIN);
    expect(total).toBeLessThan(MAX_MONEY);
  });

  it('adds up on regtest block by block', () => {
    const regtest = networkParameters('regtest');
    let total = 0n;
    for (let height = 0; height < 150 * 40; height++) total += subsidyAt(height, regtest);
    const eras = Array.from({ length: 33 }, (_, era) => (50n * COIN) >> BigInt(era));
    const sum = eras.reduce((all, each) => all + each * 150n, 0n);
    expect(total).toBe(sum - 50n * COIN);
    expect(subsidyAt(150 * 33, regtest)).toBe(0n);
  });
});
