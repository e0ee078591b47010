import { describe, expect, it } from 'vitest';
import type { Coin } from '#src/chain/consensus/coins.js';
import { rememberedByHeight } from '#src/chain/consensus/headers.js';
import { isFinal, sequenceLocksMet } from '#src/chain/consensus/locks.js';
import { NO_JOB, type Transaction } from '#src/chain/index.js';

function transaction(lockTime: number, sequence: number, version = 10): Transaction {
  const outpoint = { hash: new Uint8Array(32).fill(1), index: 0 };
  const inputs = [{ outpoint, unlockingScript: new Uint8Array(0), sequence }];
  return { version, inputs, outputs: [], lockTime, jobId: NO_JOB };
}

const FINAL = 0xffffffff;
const SEQUENCE_IS_TIME = 0x40_0000;

describe('lock times (BIP65, BIP113)', () => {
  const cases: [lockTime: number, sequence: number, expected: boolean][] = [
    [0, 0, true],
    [99, 0, true],
    [100, 0, false],
    [100, FINAL, true],
    [499_999_999, 0, false],
    [1_599_999_999, 0, true],
    [1_600_000_000, 0, false],
    [1_600_000_000, FINAL, true],
  ];
  it.each(cases)(
    '%i with sequence %i in block 100 at median time 1600000000: %s',
    (lockTime, sequence, expected) => {
      expect(isFinal(transaction(lockTime, sequence), 100, 1_600_000_000)).toBe(expected);
    },
  );
});

describe('relative locks (BIP68)', () => {
  const coin = (height: number): Coin => ({
    output: { value: 1n, lockingScript: new Uint8Array(0) },
    height,
    coinbase: false,
  });
  // block h has median time 10,000 + 100 h
  const medianTimeAt = (height: number) => 10_000 + 100 * height;
  const met = (sequence: number, coinHeight: number, height: number, version = 10) =>
    sequenceLocksMet(transaction(0, sequence, version), [coin(coinHeight)], height, medianTimeAt);

  it('count blocks from the one that holds the coin', () => {
    expect(met(5, 10, 14)).toBe(false);
    expect(met(5, 10, 15)).toBe(true);
    expect(met(0, 10, 10)).toBe(true);
    expect(met(1, 10, 10)).toBe(false);
  });

  it('count units of 512 seconds from the median time before the coin', () => {
    const units = 0x400000 | 2;
    // 1,024 seconds after 10,900 is 11,924; the parent of block 21 has 12,000, that of block 20 has 11,900
    expect(met(units, 10, 20)).toBe(false);
    expect(met(units, 10, 21)).toBe(true);
  });

  it('are off with the top bit, and below version 2; negative versions have them', () => {
    expect(met(0x80000005, 10, 11)).toBe(true);
    expect(met(5, 10, 11, 1)).toBe(true);
    expect(met(5, 10, 11, 2)).toBe(false);
    expect(met(5, 10, 11, -1)).toBe(false);
  });
});

describe('median times of a block with many locks', () => {
  it('are worked out once for each height', () => {
    const asked: number[] = [];
    const medianTimeAt = rememberedByHeight((height) => {
      asked.push(height);
      return 600 * height;
    });
    const coins: Coin[] = Array.from({ length: 1_000 }, (_, index) => ({
      output: { value: 1n, lockingScript: new Uint8Array(0) },
      height: 1 + (index % 3),
      coinbase: false,
    }));
    const [input] = transaction(0, SEQUENCE_IS_TIME + 1).inputs;
    const many = { ...transaction(0, 0), inputs: coins.map(() => input!) };
    expect(sequenceLocksMet(many, coins, 50, medianTimeAt)).toBe(true);
    expect(asked.sort((x, y) => x - y)).toEqual([0, 1, 2, 49]);
    expect(medianTimeAt(2)).toBe(1_200);
  });
});
