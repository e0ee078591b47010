import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode } from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';
import { Hosts, until } from '../host/hosts.js';
import { blockAt, connect, emptyBlocks, give, Members } from './chains.js';

const BLOCKS = cases(2_000, 20_000);

const hosts = new Hosts();
let members: Members;
let fixture: string;

beforeAll(async () => {
  members = new Members(hosts);
  fixture = members.folder('fixture');
  const node = await ChainNode.open({ datadir: fixture, network: 'regtest', threads: 1 });
  await give(node, await emptyBlocks(blockAt(node, 0), 0, BLOCKS));
  expect(node.tip.height).toBe(BLOCKS);
  await node.close();
}, timeLimit(60_000));
afterAll(() => hosts.close());
beforeEach(() => {
  members = new Members(hosts);
});
afterEach(() => members.close());

describe('a new node', () => {
  it('follows a long chain from three peers', async () => {
    const peers = await Promise.all([1, 2, 3].map(() => members.start({ from: fixture })));
    const fresh = await members.start();
    for (const peer of peers) await connect(fresh, peer);
    await until(() => fresh.node.tip.height === BLOCKS, 60);
    expect(fresh.node.tip).toEqual(peers[0]!.node.tip);
    expect(fresh.offences).toEqual([]);
    expect(fresh.warnings).toEqual([]);
  });
});
