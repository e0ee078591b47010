import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { listenAgain, type NodeProcess, Nodes } from './Nodes.js';

const nodes = new Nodes();
const up = new Map<string, NodeProcess>();

async function start(name: string, ...args: string[]): Promise<NodeProcess> {
  const node = await nodes.start(name, ...args);
  up.set(name, node);
  return node;
}

async function stop(node: NodeProcess, signal?: NodeJS.Signals): Promise<number | null> {
  up.delete(node.name);
  return node.stop(signal);
}

/** Waits until each of the nodes is connected to all the others. */
async function meet(...those: readonly NodeProcess[]): Promise<void> {
  for (const node of those) {
    const others = those.filter((each) => each !== node).map(({ id }) => id);
    await until(async () => {
      const peers = await node.peers();
      return others.every((id) => peers.includes(id));
    });
  }
}

const all = (): NodeProcess[] => [...up.values()];

afterAll(() => nodes.close());

describe('nodes that know one seed', () => {
  it('learn of each other, and connect', async () => {
    const seed = await start('seed');
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => start(name, '--seed-node', seed.address)));
    await meet(...all());
    const d = up.get('d')!;
    const others = all().filter((node) => node !== d);
    await until(async () => {
      const known = await d.rpc<{ peer: string }[]>('getnodeaddresses', 0);
      return others.every(({ id }) => known.some(({ peer }) => peer === id));
    });
  });

  it('show their peers and how they do', async () => {
    const { env } = up.get('a')!;
    const { peers } = await nodes.place.json<{ peers: object[] }>(['node', 'peers'], { env });
    expect(peers).toHaveLength(4);
    expect(peers[0]).toMatchObject({
      id: expect.any(Number),
      score: 0,
      inbound: expect.any(Boolean),
      bytessent: expect.any(Number),
      timeoffset: expect.any(Number),
    });
    const table = await nodes.place.ok(['node', 'peers'], { env });
    expect(table).toContain(up.get('seed')!.id.slice(0, 20));
    const status = await nodes.place.ok(['node', 'status'], { env });
    expect(status).toContain(up.get('a')!.id);
    expect(status).toMatch(/peers +│ \d dialled \(aims for 8\), \d came in/);
    const doctor = await nodes.place.ok(['doctor'], { env });
    expect(doctor).toMatch(/^ok {4}peers +4 \(\d dialled, \d came in\)$/m);
    expect(doctor).toMatch(/^(ok|warn) +reachable +\S/m);
    expect(doctor).toMatch(/^ok {4}clock +as the peers'$/m);
    for (const text of [table, status]) {
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it('go on when the seed is dead, and a newcomer joins through another', async () => {
    await stop(up.get('seed')!, 'SIGKILL');
    const newcomer = await start('e', '--seed-node', up.get('b')!.address);
    await meet(...all());
    expect(await newcomer.peers()).toHaveLength(4);
  });

  it('come back to the seed when it comes back, and to a node that was killed', async () => {
    const seedAddress = await up.get('a')!.rpc<{ addednode: string }[]>('getaddednodeinfo');
    const killed = up.get('c')!;
    await stop(killed, 'SIGKILL');
    await start('c', '--seed-node', up.get('a')!.address);
    await start('seed', ...listenAgain(`/ip4/${seedAddress[0]!.addednode.replace(':', '/tcp/')}`));
    await meet(...all());
    expect(up.get('c')!.id).toBe(killed.id);
  });

  it('keep out whom they ban, over a restart, until the ban is lifted', async () => {
    const a = up.get('a')!;
    const bad = up.get('d')!;
    await a.rpc('setban', bad.id, 'add', 3600);
    await until(async () => !(await a.peers()).includes(bad.id));
    expect(await nodes.place.ok(['node', 'peers', '--banned'], { env: a.env })).toContain(
      'manually added',
    );
    // a kill leaves no time to write anything
    await stop(a, 'SIGKILL');
    const again = await start('a', ...listenAgain(a.address), '--seed-node', up.get('b')!.address);
    await until(async () => (await again.peers()).includes(up.get('b')!.id));
    await expect(again.rpc('setban', bad.id, 'add')).rejects.toMatchObject({ rpcCode: -23 });
    await bad.rpc('addnode', again.address, 'add');
    await again.rpc('addnode', bad.address, 'onetry');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await again.peers()).not.toContain(bad.id);
    await again.rpc('setban', bad.id, 'remove');
    await meet(again, bad);
  });

  it('disconnect and switch the network off as they are told', async () => {
    const a = up.get('a')!;
    expect(await a.rpc('setnetworkactive', false)).toBe(false);
    await until(async () => (await a.rpc('getconnectioncount')) === 0);
    expect(await a.rpc('getnetworkinfo')).toMatchObject({ networkactive: false, id: a.id });
    await a.rpc('setnetworkactive', true);
    await meet(a, up.get('b')!);
    await expect(a.rpc('disconnectnode', '1.2.3.4:5')).rejects.toMatchObject({ rpcCode: -29 });
    await expect(a.rpc('addnode', 'not an address', 'add')).rejects.toMatchObject({ rpcCode: -5 });
    await expect(a.rpc('setban', 'nobody', 'add')).rejects.toMatchObject({ rpcCode: -30 });
    expect(await stop(a)).toBe(0);
  });
});

describe('the network options of a node', () => {
  it('say so when another program has the port', async () => {
    const seed = up.get('seed')!;
    const args = ['node', '--regtest', '--rpc-port', '0', ...listenAgain(seed.address)];
    const { code, stderr } = await nodes.place.run(args);
    expect(code).toBe(1);
    expect(stderr).toContain('another program listens there. [LISTEN_FAILED]');
    expect(stderr).toContain('next: Choose another port with --p2p-port');
  });

  it('with --connect connect to those nodes and no others, and let nobody in', async () => {
    const only = await start('only', '--connect', up.get('b')!.address);
    expect(only.address).toBe('');
    await meet(only, up.get('b')!);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await only.peers()).toEqual([up.get('b')!.id]);
  });

  it('say so when an address is none of this machine', async () => {
    for (const name of ['bogus', '192.0.2.1']) {
      const args = ['node', '--regtest', '--rpc-port', '0', '--p2p-port', '0', '--listen', name];
      const { code, stderr } = await nodes.place.run(args);
      expect(code).toBe(1);
      expect(stderr).toContain(`${name} is no address of this machine. [LISTEN_FAILED]`);
    }
    const both = ['node', '--regtest', '--listen', '127.0.0.1', '--no-listen'];
    expect((await nodes.place.run(both)).stderr).toContain('not both');
    const help = await nodes.place.ok(['node', 'status', '--help']);
    expect(help).toContain('--datadir');
    expect(help).not.toContain('--mine');
  });

  it('without any a regtest node has no network, and says so', async () => {
    const node = await nodes.place.start(['node', '--regtest', '--rpc-port', '0']);
    expect(await nodes.place.ok(['node', 'status'])).toContain('runs without a network');
    const none = await nodes.place.run(['rpc', 'addnode', '127.0.0.1:1', 'add']);
    expect(none.stderr).toContain('error code: -31');
    expect(none.stderr).toContain('Start the node with --seed-node');
    await node.stop();
  });
});
