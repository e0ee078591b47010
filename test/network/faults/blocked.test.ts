import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LONG_TESTS } from '../../long.js';
import { MachineNode, PORT, until } from './MachineNode.js';
import { type Machine, Namespaces, whyNoNamespaces } from './Namespaces.js';

const missing = whyNoNamespaces();
if (missing !== undefined) process.stderr.write(`skipped: blocked machines: ${missing}\n`);

interface Status {
  readonly id: string;
  readonly reachable: string;
  readonly relays: readonly string[];
  readonly addresses: readonly string[];
}

interface Peer {
  readonly peer: string;
  readonly relayed: boolean;
  readonly servicesnames: readonly string[];
}

describe.skipIf(missing !== undefined)(
  'a node on the internet whose inbound connections are blocked',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'bitmodel-blocked-'));
    let net: Namespaces;
    let nodes: MachineNode[] = [];
    let blocked: MachineNode;
    let status: Status;
    const machine = (index: number): Machine => net.machines[index]!;
    const statusOf = (node: MachineNode): Promise<Status> => node.rpc<Status>('getnodestatus');
    const canDial = (from: Machine, to: Machine): boolean => {
      const script = `const s = require('net').connect(${PORT}, '${to.address}', () => process.exit(0)); s.on('error', () => process.exit(1)); setTimeout(() => process.exit(2), 1500)`;
      const command = ['netns', 'exec', from.namespace, process.execPath, '-e', script];
      return spawnSync('ip', command).status === 0;
    };

    beforeAll(async () => {
      // each of an address group of its own
      net = new Namespaces(4, (index) => `45.${91 + index}.0.1`);
      for (const index of [2, 3]) net.block(machine(index), PORT);
      nodes = net.machines.map((each, index) => new MachineNode(each, join(folder, `${index}`)));
      blocked = nodes[2]!;
      await nodes[0]!.start(machine(0));
      await Promise.all([nodes[1]!.start(machine(0)), blocked.start(machine(0))]);
    });
    afterAll(async () => {
      for (const node of nodes) await node.end();
      net.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    it('finds that out, and tells addresses through two relays in place of its own', async () => {
      expect(canDial(machine(0), machine(2))).toBe(false);
      expect(canDial(machine(2), machine(0))).toBe(true);
      await until(
        'it knows that nobody can dial it',
        async () => {
          status = await statusOf(blocked);
          return status.reachable === 'no' && status.relays.length === 2;
        },
        60,
      );
      const through = status.addresses.filter((each) => each.includes('/p2p-circuit/'));
      expect(through.length).toBeGreaterThan(0);
      expect(status.addresses.filter((each) => each.includes(machine(2).address))).toEqual([]);
    });

    it('is known to another one, who reaches it through a relay', async () => {
      const other = nodes[3]!;
      await other.start(machine(0));
      const isKnown = async (): Promise<boolean> => {
        const known = await other.rpc<{ peer: string }[]>('getnodeaddresses', '0');
        return known.some(({ peer }) => peer === status.id);
      };
      await until('the other has heard of it', isKnown, 90);
      const isReached = async (): Promise<boolean> => {
        // while it is dialled where it was before it knew, it is dialled nowhere else
        await other.rpc('addnode', status.addresses[0]!, 'onetry');
        const peers = await other.rpc<Peer[]>('getpeerinfo');
        const found = peers.find(({ peer }) => peer === status.id);
        return found?.relayed === true && found.servicesnames.includes('deliver/1');
      };
      await until('the other is connected to it', isReached, 60);
      expect(canDial(machine(3), machine(2))).toBe(false);
    }, 160_000);

    it('is not alone in finding out: those that can be dialled know it, and tell their addresses', async () => {
      await until(
        'the relays know that they are reached',
        async () => (await statusOf(nodes[1]!)).reachable === 'yes',
        60,
      );
      const { relays, addresses } = await statusOf(nodes[1]!);
      expect(relays).toEqual([]);
      expect(addresses.some((each) => each.startsWith(`/ip4/${machine(1).address}/`))).toBe(true);
    });

    it.runIf(LONG_TESTS)(
      'gives its places back when it is no longer blocked',
      async () => {
        net.unblock(machine(2));
        await until(
          'it is reachable',
          async () => {
            const { reachable, relays } = await statusOf(blocked);
            return reachable === 'yes' && relays.length === 0;
          },
          900,
        );
      },
      1_000_000,
    );
  },
);
