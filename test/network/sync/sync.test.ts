import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Block,
  blockHash,
  ChainNode,
  encodeBlock,
  encodeHeader,
  networkParameters,
} from '#src/chain/index.js';
import { BLOCK_TOPIC } from '#src/network/index.js';
import { BlockRecordReader } from '#src/network/sync/blockRecords.js';
import { encodeWanted } from '#src/network/sync/messages.js';
import { BLOCKS, HEADERS, STATUS } from '#src/network/sync/protocols.js';
import { ANYONE, outputOf, spend } from '../../chain/mempool/anyone.js';
import { nextBlock, withCoinbase } from '../../chain/node/setup.js';
import { cases, timeLimit } from '../../long.js';
import { until } from '../../until.js';
import { Hosts } from '../host/hosts.js';
import { connect, emptyBlocks, give, lie, type Member, Members } from './chains.js';

const LENGTH = cases(2_000, 20_000);
/** Seconds that a whole sync may take. */

const hosts = new Hosts();
let members: Members;
let fixture: string;
let short: string;
/** The node whose chain the liars tell lies about. */
let truth: ChainNode;
let chain: Block[];

async function folderOf(name: string, blocks: readonly Block[]): Promise<string> {
  const datadir = members.folder(name);
  const node = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
  await give(node, blocks);
  await node.close();
  return datadir;
}

beforeAll(async () => {
  members = new Members(hosts);
  const { genesis } = networkParameters('regtest');
  chain = await emptyBlocks(genesis, 0, LENGTH);
  fixture = await folderOf('fixture', chain);
  short = await folderOf('short', chain.slice(0, 110));
  truth = await ChainNode.open({ datadir: fixture, network: 'regtest', threads: 1 });
}, timeLimit(240_000));
afterAll(async () => {
  await truth.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});
beforeEach(() => {
  members = new Members(hosts);
});
afterEach(() => members.close());

const offencesOf = (member: Member, peer: string): string[] =>
  member.offences.filter((each) => each.peer === peer).map(({ offence }) => offence);

describe('a new node', () => {
  it('follows a long chain from three peers, of which one stalls and one lies', {
    timeout: timeLimit(240_000),
  }, async () => {
    const honest = await members.start({ from: fixture });
    const staller = await hosts.start('staller');
    lie(staller, truth, { block: () => undefined });
    const liar = await hosts.start('liar');
    lie(liar, truth, { block: (bytes) => Uint8Array.from([...bytes!.subarray(0, -1), 1]) });
    const fresh = await members.start({ banAt: 3 });
    for (const peer of [staller, liar, honest]) await connect(fresh, peer);
    await until(() => fresh.node.tip.height === LENGTH);
    expect(fresh.node.tip).toEqual(truth.tip);
    expect(offencesOf(fresh, staller.id)).toContain('stall');
    expect(offencesOf(fresh, liar.id)).toContain('invalid-block');
    expect(offencesOf(fresh, honest.host.id)).toEqual([]);
    expect(fresh.warnings).toEqual([]);
    expect(fresh.sync.progress).toMatchObject({ height: LENGTH, headers: LENGTH });
  });

  it('goes on where it was when it is stopped in the middle', {
    timeout: timeLimit(240_000),
  }, async () => {
    const honest = await members.start({ from: fixture });
    const first = await members.start({ name: 'stopped' });
    await connect(first, honest);
    await until(() => first.node.tip.height > 200);
    await first.close();
    const again = await members.start({ name: 'stopped' });
    const { height } = again.node.tip;
    expect(height).toBeLessThan(LENGTH);
    expect(again.node.headers.best.height).toBe(LENGTH);
    await connect(again, honest);
    await until(() => again.node.tip.height === LENGTH);
    expect(again.offences).toEqual([]);
    expect(honest.offences).toEqual([]);
  });

  it('is not slowed down to the pace of a peer that sends a block now and then', {
    timeout: timeLimit(240_000),
  }, async () => {
    const honest = await members.start({ from: fixture });
    const dripper = await hosts.start('dripper');
    lie(dripper, truth, { drip: { after: 200, every: 1_000 } });
    const fresh = await members.start();
    await connect(fresh, dripper);
    await until(() => fresh.node.tip.height >= 100);
    await connect(fresh, honest);
    // hundreds of blocks are asked of the dripper by then, a second each
    await until(() => fresh.node.tip.height === LENGTH);
    expect(fresh.offences).toEqual([]);
  });

  it('takes from a pruned node what that keeps, and the rest from others', async () => {
    const pruned = await members.start({ from: short, pruneBytes: 1 });
    const honest = await members.start({ from: short });
    const fresh = await members.start();
    await connect(fresh, pruned);
    await connect(fresh, honest);
    await until(() => fresh.node.tip.height === 110);
    expect(fresh.sync.aboutPeer(pruned.host.id)?.keeps).toEqual(['recent-blocks']);
    expect(fresh.sync.aboutPeer(honest.host.id)).toMatchObject({
      height: 110,
      headers: 110,
      keeps: ['blocks'],
      version: 'bitmodel/test',
    });
  });
});

describe('a peer that lies', () => {
  let node: Member;

  beforeEach(async () => {
    node = await members.start({ from: short });
  });

  it('about its height is found out by its headers', async () => {
    const tall = await hosts.start('tall');
    lie(tall, truth, {
      status: (status) => ({ ...status, height: status.height + 500 }),
    });
    const heavy = await hosts.start('heavy');
    lie(heavy, truth, {
      status: (status) => ({ ...status, work: status.work * 9n, tip: new Uint8Array(32).fill(7) }),
      headers: () => [],
    });
    await connect(node, tall);
    await connect(node, heavy);
    await until(() => node.offences.length >= 2);
    expect(offencesOf(node, tall.id)).toEqual(['false-height']);
    expect(offencesOf(node, heavy.id)).toEqual(['false-height']);
    expect(node.sync.progress.headers).toBeLessThanOrEqual(LENGTH);
  });

  it('with headers without work, or that do not hang together, is blamed for them', async () => {
    const weak = await hosts.start('weak');
    lie(weak, truth, {
      headers: ([first, ...rest]) => {
        let nonce = 0;
        while ((blockHash({ ...first!, nonce }).at(-1)! & 0x80) === 0) nonce++;
        return [{ ...first!, nonce }, ...rest];
      },
    });
    const loose = await hosts.start('loose');
    lie(loose, truth, { headers: ([first, , ...rest]) => [first!, ...rest] });
    await connect(node, weak);
    await connect(node, loose);
    await until(() => node.offences.length >= 2);
    expect(offencesOf(node, weak.id)).toEqual(['invalid-header']);
    expect(offencesOf(node, loose.id)).toEqual(['invalid-header']);
    expect(node.node.headers.best.height).toBe(110);
  });

  it('with a block that breaks a rule under enough work gets nobody onto its branch', async () => {
    const bad = await nextBlock(node.node, (block) =>
      withCoinbase(block, (coinbase) => ({
        ...coinbase,
        outputs: [{ ...coinbase.outputs[0]!, value: coinbase.outputs[0]!.value + 1n }],
      })),
    );
    const above = await emptyBlocks(bad, 111, 30);
    const dishonest = await members.start({ from: short });
    // believes what it was told to
    dishonest.node.headers.take([bad, ...above].map(({ header }) => header));
    const { store } = dishonest.node;
    const served = new Map([bad, ...above].map((each) => [blockHash(each.header).join(), each]));
    const liar = await hosts.start('bad-block');
    lie(liar, truth, {
      status: (status) => {
        const top = store.header(blockHash(above.at(-1)!.header))!;
        return { ...status, height: top.height, work: top.work, tip: top.hash };
      },
      headers: () => [bad, ...above].map(({ header }) => header),
      block: (_, hash) => encodeBlock(served.get(hash.join())!),
    });
    await connect(node, liar);
    await until(() => node.offences.length > 0);
    expect(offencesOf(node, liar.id)).toContain('invalid-block');
    expect(node.node.tip.height).toBe(110);
    expect(node.node.store.header(blockHash(bad.header))?.status).toBe('invalid');
    // less work, but no rule broken
    const honest = await members.start({ from: short });
    await give(honest.node, chain.slice(110, 112));
    await connect(node, honest);
    await until(() => node.node.tip.height === 112);
    expect(node.node.headers.best.height).toBe(112);
  });

  it.each([
    ['says that it lacks them', false],
    ['says nothing', true],
  ])('by headers whose blocks it keeps back hides no other branch, if it %s', async (_, isMute) => {
    const kept = await members.start({ from: short });
    await kept.node.mine(3, ANYONE);
    const miser = await hosts.start(`miser-${isMute}`);
    // one byte that says that the block is not kept
    lie(miser, kept.node, { block: () => (isMute ? undefined : 'missing') });
    await connect(node, miser);
    await until(() => node.node.headers.best.height === 113);
    const honest = await members.start({ from: short });
    await honest.node.mine(2, ANYONE);
    await connect(node, honest);
    await until(() => node.node.tip.hash === honest.node.tip.hash);
    expect(offencesOf(node, honest.host.id)).toEqual([]);
    if (!isMute) expect(offencesOf(node, miser.id)).toEqual([]);
  });

  it('with another block than was asked for, once, holds nobody up while it stays', async () => {
    const honest = await members.start();
    await give(honest.node, chain.slice(0, 300));
    const liar = await hosts.start('swaps-blocks');
    const other = encodeBlock(chain[299]!);
    let lies = 0;
    lie(liar, honest.node, { block: (bytes) => (lies++ === 0 ? other : bytes) });
    await connect(node, liar);
    await until(() => node.offences.length > 0);
    await connect(node, honest);
    await until(() => node.node.tip.height === 300);
    expect(node.host.isConnected(liar.id)).toBe(true);
    expect(offencesOf(node, liar.id)).toEqual(['unasked']);
  });

  it('of another chain is left', async () => {
    const stranger = await hosts.start('stranger');
    lie(stranger, truth, { status: (status) => ({ ...status, genesis: new Uint8Array(32) }) });
    await connect(node, stranger);
    await until(() => !node.host.isConnected(stranger.id));
    expect(node.sync.statusOf(stranger.id)).toBeUndefined();
  });

  it('with garbage is blamed for each kind of it, and the node goes on', async () => {
    const noisy = await hosts.start('noisy');
    await noisy.dial(node.host.addresses()[0]!);
    for (const { asking } of [STATUS, HEADERS]) {
      await expect(noisy.request(node.host.id, asking, randomBytes(99))).rejects.toThrow();
    }
    const stream = await noisy.open(node.host.id, BLOCKS.asking);
    await stream.send(Uint8Array.of(200, 1, 2));
    await expect(stream.receive()).rejects.toThrow();
    await noisy.publish(BLOCK_TOPIC, randomBytes(80)).catch(() => undefined);
    await until(() => offencesOf(node, noisy.id).filter((each) => each === 'garbage').length >= 3);
    const other = await members.start();
    await connect(other, node);
    await until(() => other.node.tip.height === 110);
  });

  it('that asks for blocks and does not read them is cut off', async () => {
    const server = await members.start({ from: fixture, frameTime: 300 });
    const sloth = await hosts.start('sloth');
    await sloth.dial(server.host.addresses()[0]!);
    const stream = await sloth.open(server.host.id, BLOCKS.asking);
    const hashes = chain.slice(0, 128).map(({ header }) => blockHash(header));
    // far more than any buffer on the way holds
    for (let round = 0; round < 400; round++)
      await stream.send(encodeWanted(hashes)).catch(() => {});
    await until(() => offencesOf(server, sloth.id).includes('slow'));
    expect(server.node.tip.height).toBe(LENGTH);
  });
});

describe('a block of a branch', () => {
  it('is given to nobody before it was connected once: it may break a rule', async () => {
    const server = await members.start({ from: short });
    const ours = await emptyBlocks(chain[109]!, 110, 2, 1);
    const branch = await emptyBlocks(chain[109]!, 110, 3, 2);
    for (const block of [...ours, ...branch.slice(0, 2)]) await server.node.submitBlock(block);
    const client = await hosts.start('client');
    await client.dial(server.host.addresses()[0]!);
    const stream = await client.open(server.host.id, BLOCKS.asking);
    const reader = new BlockRecordReader(() => stream.receive());
    const ask = (...blocks: Block[]): Promise<void> =>
      stream.send(encodeWanted(blocks.map(({ header }) => blockHash(header))));
    await ask(branch[1]!, ours[1]!);
    expect(await reader.next()).toBeUndefined();
    expect(await reader.next()).toEqual(encodeBlock(ours[1]!));
    await ask(branch[1]!, branch[2]!);
    await server.node.submitBlock(branch[2]!);
    for (const block of branch.slice(1)) expect(await reader.next()).toEqual(encodeBlock(block));
    // what was left was connected once
    await ask(ours[1]!);
    expect(await reader.next()).toEqual(encodeBlock(ours[1]!));
    stream.abort();
  });
});

describe('two halves that mined apart', () => {
  it.each(['the shorter dials', 'the longer dials'])(
    'join on the one with more work, and what the other had is back in the mempool: %s',
    async (who) => {
      const [a, b] = [await members.start({ from: short }), await members.start({ from: short })];
      const paid = spend([outputOf(chain[0]!.transactions[0]!)], 1, 10_000);
      await a!.node.submitTransaction(paid);
      await a!.node.mine(2, ANYONE);
      await b!.node.mine(3, ANYONE);
      const [from, to] = who === 'the shorter dials' ? [a!, b!] : [b!, a!];
      await connect(from, to);
      await until(() => a!.node.tip.hash === b!.node.tip.hash);
      expect(a!.node.tip.height).toBe(113);
      expect(a!.node.mempool.size).toBe(1);
      expect(b!.node.mempool.size).toBe(0);
      await a!.node.mine(1, ANYONE);
      await until(() => b!.node.tip.height === 114);
      expect(a!.node.mempool.size).toBe(0);
      expect([...a!.offences, ...b!.offences]).toEqual([]);
    },
  );
});

describe('a new block', () => {
  it('reaches nodes that are not connected to its miner, each with its transactions', async () => {
    const line: Member[] = [];
    for (let index = 0; index < 5; index++) line.push(await members.start({ from: short }));
    for (let index = 1; index < 5; index++) await connect(line[index]!, line[index - 1]!);
    await until(() =>
      line.every(({ host, sync }) => host.connections().every(({ peer }) => sync.statusOf(peer))),
    );
    for (let count = 0; count < 3; count++) {
      const miner = line[count * 2]!;
      await miner.node.mine(1, ANYONE);
      await until(() => line.every(({ node }) => node.tip.hash === miner.node.tip.hash));
    }
    expect(line.flatMap(({ offences }) => offences)).toEqual([]);
  });

  it('that came while the gossip with a new peer did not stand yet is not missed', async () => {
    const server = await members.start({ from: short });
    const quiet = await hosts.start('quiet');
    lie(quiet, server.node, {});
    const fresh = await members.start();
    await connect(fresh, quiet);
    await until(() => fresh.node.tip.height === 110);
    await give(server.node, chain.slice(110, 120));
    // less than the time to the next look at all peers
    await until(() => fresh.node.tip.height === 120, { seconds: 25 });
  });

  it('with a header that was not worked for is passed on to nobody, and blamed', async () => {
    const a = await members.start({ from: short });
    const b = await members.start({ from: short });
    await connect(a, b);
    const forger = await hosts.start('forger');
    forger.join({ name: BLOCK_TOPIC, maxBytes: 80, validate: () => 'accept' });
    await forger.dial(a.host.addresses()[0]!);
    const { header } = chain[110]!;
    await until(() => a.host.connections().length === 2);
    // what is said before anybody listens is not said again
    for (let nonce = 0; a.offences.length === 0; nonce++) {
      if ((blockHash({ ...header, nonce }).at(-1)! & 0x80) === 0) continue;
      await forger.publish(BLOCK_TOPIC, encodeHeader({ ...header, nonce })).catch(() => {});
      await delay(50);
    }
    await until(() => offencesOf(a, forger.id).includes('invalid-gossip'));
    expect(b.offences).toEqual([]);
  });
});
