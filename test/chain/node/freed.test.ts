import { describe, expect, it } from 'vitest';
import { type Block, NO_JOB, type Transaction } from '#src/chain/index.js';
import { FreedTransactions } from '#src/chain/node/FreedTransactions.js';
import { REGTEST } from './setup.js';

/** A transaction told by its lock time, of so many of the smallest outputs. */
const transaction = (lockTime: number, outputs = 1): Transaction => ({
  version: 1,
  inputs: [
    {
      outpoint: { hash: new Uint8Array(32).fill(lockTime), index: 0 },
      unlockingScript: new Uint8Array(),
      sequence: 0,
    },
  ],
  outputs: Array(outputs).fill({ value: 0n, lockingScript: new Uint8Array() }),
  lockTime,
  jobId: NO_JOB,
});

const block = (...transactions: Transaction[]): Block => ({
  header: REGTEST.genesis.header,
  transactions: [transaction(0), ...transactions],
});

const told = (freed: FreedTransactions): number[] =>
  freed.inOrder().map(({ lockTime }) => lockTime);

describe('the transactions that a reorganisation sets free', () => {
  it('come in the order of the chain, without the coinbases', () => {
    const freed = new FreedTransactions();
    freed.add(block(transaction(4), transaction(5)));
    freed.add(block());
    freed.add(block(transaction(1), transaction(2), transaction(3)));
    expect(told(freed)).toEqual([1, 2, 3, 4, 5]);
  });

  it('are given up from the top of the chain down beyond the bound of their memory', () => {
    // 1,150 bytes each
    const freed = new FreedTransactions(4 * 1_150);
    freed.add(block(transaction(4), transaction(5)));
    freed.add(block(transaction(1), transaction(2), transaction(3)));
    expect(told(freed)).toEqual([1, 2, 3, 4]);
    freed.add(block(transaction(8, 8)));
    expect(told(freed)).toEqual([8, 1]);
  });

  it('are none where one alone is beyond the bound', () => {
    const freed = new FreedTransactions();
    freed.add(block(transaction(2)));
    freed.add(block(transaction(1, 100_000)));
    expect(told(freed)).toEqual([]);
  });
});
