import { describe, expect, it } from 'vitest';
import { genesisBlock } from '#src/chain/consensus/genesis.js';
import { checkProofOfWork } from '#src/chain/consensus/headers.js';
import { blockHash, hashToId, networkParameters, subsidyAt } from '#src/chain/index.js';

const IDS = {
  main: '000008ebb05771f329b8fb57f72066539253da0639a5b395e1a31745392ee6b2',
  test: '000000052212d8f1051d066f93e9f6d1955fbd5d8386f3e687058d23fb36b77f',
  regtest: '08b681803f22ee7c6be8015cf6f72d37605498ff8cba5a332c922874fd433f83',
} as const;

describe('the networks', () => {
  it.each(['main', 'test', 'regtest'] as const)(
    '%s begins with its mined genesis block',
    (name) => {
      const parameters = networkParameters(name);
      const { header, transactions } = parameters.genesis;
      const hash = blockHash(header);
      expect(hashToId(hash)).toBe(IDS[name]);
      expect(header.bits).toBe(parameters.limitBits);
      expect(() => checkProofOfWork(header, hash, parameters)).not.toThrow();
      expect(transactions[0]!.outputs.every(({ value }) => value === 0n)).toBe(true);
    },
  );

  it('refuse a block without work', () => {
    const { header } = genesisBlock({ message: 'no work', time: 1, bits: 0x1e0fffff, nonce: 0 });
    const parameters = networkParameters('main');
    expect(() => checkProofOfWork(header, blockHash(header), parameters)).toThrow('high-hash');
  });
});

describe('subsidy', () => {
  it('halves at each interval until nothing is left', () => {
    const main = networkParameters('main');
    expect(subsidyAt(0, main)).toBe(0n);
    expect(subsidyAt(1, main)).toBe(5_000_000_000n);
    expect(subsidyAt(999_999, main)).toBe(5_000_000_000n);
    expect(subsidyAt(1_000_000, main)).toBe(2_500_000_000n);
    expect(subsidyAt(32_999_999, main)).toBe(1n);
    expect(subsidyAt(33_000_000, main)).toBe(0n);
    expect(subsidyAt(100_000_000, main)).toBe(0n);
    expect(subsidyAt(150, networkParameters('regtest'))).toBe(2_500_000_000n);
  });
});
