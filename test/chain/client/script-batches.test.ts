import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { Regtest } from '../../regtest.js';

/** Locking scripts that anybody could spend, each another one. */
const scripts = Array.from({ length: 1_201 }, (_, index) =>
  Uint8Array.of(0x02, index >> 8, index & 255, 0x75, 0x51),
);
/** The first, one of the middle and the last: no two are asked for in one call. */
const paid = [0, 600, 1_200].map((index) => scripts[index]!);

let regtest: Regtest;
const txids: string[] = [];

beforeAll(async () => {
  regtest = await Regtest.open();
  // the last one first, so that no list comes back in the order of the calls
  for (const lockingScript of paid.toReversed()) {
    const { txid } = await regtest.pay([{ value: 10_000n, lockingScript }]);
    txids.unshift(txid);
  }
});
afterAll(() => regtest.close());

describe('more scripts than the node takes in one call', () => {
  it('have all their coins', async () => {
    const coins = await regtest.chain.scriptUtxos([...scripts, ...paid]);
    expect(coins.map(({ output }) => toHex(output.lockingScript))).toEqual(paid.map(toHex));
    expect(await regtest.chain.scriptUtxos([])).toEqual([]);
  });

  it('have one history, from either end', async () => {
    const history = async (count: number, order?: 'newest') =>
      (await regtest.chain.scriptHistory(scripts, count, order)).map(({ txid }) => txid);
    expect(await history(10)).toEqual(txids.toReversed());
    expect(await history(10, 'newest')).toEqual(txids);
    expect(await history(2)).toEqual(txids.toReversed().slice(0, 2));
    expect(await history(1, 'newest')).toEqual(txids.slice(0, 1));
    const wallet = regtest.wallet;
    const waiting = await wallet.send([{ value: 10_000n, lockingScript: paid[1]! }]);
    expect((await history(10)).at(-1)).toBe(waiting.txid);
    expect((await history(1, 'newest'))[0]).toBe(waiting.txid);
    expect(await regtest.chain.scriptHistory([], 10)).toEqual([]);
  });
});
