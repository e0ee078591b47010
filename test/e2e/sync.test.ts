import { afterAll, describe, expect, it } from 'vitest';
import { keyOf } from '../chain/node/setup.js';
import { cases } from '../long.js';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

const nodes = new Nodes();
afterAll(() => nodes.close());

const { address } = keyOf('anyone');
const height = (node: NodeProcess): Promise<number> => node.rpc('getblockcount');

async function agree(...all: readonly NodeProcess[]): Promise<boolean> {
  const tips = await Promise.all(all.map((node) => node.rpc('getbestblockhash')));
  return new Set(tips).size === 1;
}

describe('nodes in processes of their own', () => {
  let a: NodeProcess;
  let b: NodeProcess;

  it('follow the one that mines', async () => {
    a = await nodes.start('a', '--mine', '--block-time', '86400');
    b = await nodes.start('b', '--connect', a.address);
    await until(() => agree(a, b));
    await a.rpc('generatetoaddress', 1, address);
    await until(() => agree(a, b));
    expect(await height(b)).toBe(102);
  });

  it('that mined apart agree when they meet, and what only the shorter chain held waits again', async () => {
    await b.stop();
    // nobody is there, and who connects to certain nodes only lets nobody in
    b = await nodes.start('b', '--connect', '127.0.0.1:9');
    const txid = await a.rpc('faucet', address, 1);
    await a.rpc('generatetoaddress', 1, address);
    expect(await a.rpc('getrawmempool')).toEqual([]);
    await b.rpc('generatetoaddress', 3, address);
    await b.stop();
    b = await nodes.start('b', '--connect', a.address);
    await until(() => agree(a, b));
    expect(await height(a)).toBe(105);
    expect(await a.rpc('getrawmempool')).toEqual([txid]);
    await a.rpc('generatetoaddress', 2, address);
    await until(() => agree(a, b));
    expect(await a.rpc('getrawmempool')).toEqual([]);
  });

  it('go on with a sync in the midst of which they are killed', async () => {
    const count = cases(600, 10_000);
    await a.rpc('generatetoaddress', count, address);
    let c = await nodes.start('c', '--connect', a.address);
    await until(async () => (await height(c)) > 0);
    await c.stop('SIGKILL');
    c = await nodes.start('c', '--connect', a.address);
    await until(() => agree(a, c));
    const info = await c.rpc<object>('getblockchaininfo');
    expect(info).toMatchObject({ blocks: 107 + count, headers: 107 + count });
    expect(info).toMatchObject({ initialblockdownload: false, verificationprogress: 1 });
  });
});
