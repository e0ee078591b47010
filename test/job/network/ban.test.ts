import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainNode, encodeTransaction, LocalChain } from '#src/chain/index.js';
import { JobGossip, JobPoolService } from '#src/job/index.js';
import { JOB_TOPIC } from '#src/job/network/JobGossip.js';
import { encodeJobMessage } from '#src/job/network/wire.js';
import { TRANSACTION_TOPIC } from '#src/network/gossip/TransactionGossip.js';
import { type Host, Peers, TransactionGossip } from '#src/network/index.js';
import { ANYONE, spend } from '../../chain/mempool/anyone.js';
import { temporaryFolder } from '../../chain/node/setup.js';
import { addressOf, Hosts } from '../../network/host/hosts.js';
import { until } from '../../until.js';
import { makeJob, offer } from '../make.js';

const folder = temporaryFolder();
const hosts = new Hosts();
let node: ChainNode;
let peers: Peers;
let close: () => Promise<void>;

async function join(): Promise<void> {
  peers = await Peers.start({
    folder: folder.path,
    network: 'regtest',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    onWarning: () => {},
  });
  const { host, penalties } = peers;
  const transactions = new TransactionGossip({ host, penalties, node });
  const pool = new JobPoolService(new LocalChain(node));
  const jobs = new JobGossip({ host, penalties, pool });
  close = async () => {
    transactions.close();
    jobs.close();
    await peers.close();
  };
}

/** A host that passes on what it likes, next to the node. */
async function attacker(name: string, topic: string): Promise<Host> {
  const host = await hosts.start(name);
  host.join({ name: topic, maxBytes: 2 << 20, validate: () => 'accept' });
  await host.dial(addressOf(peers.host));
  return host;
}

/** Publishes until the node has had enough. */
async function attack(
  host: Host,
  topic: string,
  bytes: (i: number) => Uint8Array,
): Promise<number> {
  for (let i = 0; i < 200; i++) {
    await host.publish(topic, bytes(i));
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (peers.bans.hasPeer(host.id)) return i + 1;
  }
  throw new Error('it was never banned');
}

beforeAll(async () => {
  node = await ChainNode.open({ datadir: folder.path, network: 'regtest', threads: 1 });
  await node.mine(102, ANYONE);
  await join();
});

afterAll(async () => {
  await close();
  await hosts.close();
  await node.close();
  folder.remove();
});

describe('a node with real peers', () => {
  it('bans who passes on invalid transactions or job messages, and still does after a restart', async () => {
    const forger = await attacker('forger', JOB_TOPIC);
    const printer = await attacker('printer', TRANSACTION_TOPIC);
    const { outpoint, coin } = node.unspentOf(ANYONE).find((each) => each.coin.height === 1)!;
    const value = 2n * coin.output.value;
    const invalid = (i: number) => encodeTransaction(spend([{ outpoint, value }], 1, 1000 + i));
    const forged = (i: number) => {
      const message = offer(makeJob(), `s${i}`);
      return encodeJobMessage({ ...message, body: { ...message.body, speedMilli: 1 } });
    };
    await attack(forger, JOB_TOPIC, forged);
    await attack(printer, TRANSACTION_TOPIC, invalid);
    for (const { id } of [forger, printer]) {
      await until(() => !peers.host.isConnected(id));
    }
    expect(node.mempool.size).toBe(0);
    await close();
    await join();
    for (const host of [forger, printer]) {
      expect(peers.bans.hasPeer(host.id)).toBe(true);
      // whoever is refused may learn it only when it says something
      await host.dial(addressOf(peers.host)).catch(() => {});
      await until(() => !host.isConnected(peers.host.id));
    }
    expect(peers.host.connections()).toEqual([]);
  });
});
