import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Peers, type PeersOptions } from '#src/network/index.js';
import { until } from '../host/hosts.js';

const root = mkdtempSync(join(tmpdir(), 'bitmodel-peers-'));
const running = new Set<Peers>();
const warnings: string[] = [];

async function start(name: string, options: Partial<PeersOptions> = {}): Promise<Peers> {
  const peers = await Peers.start({
    folder: join(root, name),
    network: 'regtest',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  running.add(peers);
  return peers;
}

async function stop(peers: Peers): Promise<void> {
  running.delete(peers);
  await peers.close();
}

const address = (peers: Peers): string => peers.host.addresses()[0]!;
const knows = (peers: Peers, others: readonly Peers[]): boolean =>
  others.every(({ host }) => peers.host.isConnected(host.id));

afterAll(async () => {
  await Promise.all([...running].map((peers) => peers.close()));
  rmSync(root, { recursive: true, force: true });
});

describe('peers', () => {
  it('find each other through one seed, and go on without it', async () => {
    const seed = await start('seed');
    const seeds = [address(seed)];
    const others = await Promise.all(['a', 'b', 'c'].map((name) => start(name, { seeds })));
    for (const peers of others) {
      const rest = others.filter((each) => each !== peers);
      await until(() => knows(peers, rest), 15);
    }
    await stop(seed);
    const newcomer = await start('d', { seeds: [address(others[1]!)] });
    await until(() => knows(newcomer, others), 15);
    const again = await start('seed', {
      listen: seeds.map((text) => text.replace(/\/p2p\/.*/, '')),
    });
    await until(() => knows(again, others), 20);
    expect(warnings).toEqual([]);
  });
});
