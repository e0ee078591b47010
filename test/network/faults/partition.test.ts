import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases, timeLimit } from '../../long.js';
import { MachineNode, until } from './MachineNode.js';
import { Namespaces, whyNoNamespaces } from './Namespaces.js';

const MACHINES = cases(3, 20);
/** Seconds for which the wire is cut: the long form outlasts what every connection waits for an answer. */
const PARTED = cases(3, 180);
const missing = whyNoNamespaces();
if (missing !== undefined) process.stderr.write(`skipped: nodes on a wire: ${missing}\n`);

describe.skipIf(missing !== undefined)('nodes on a wire that is cut', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-wire-'));
  let net: Namespaces;
  let nodes: MachineNode[] = [];
  let address = '';
  const agree = async (some: readonly MachineNode[]): Promise<boolean> => {
    const tips = await Promise.all(some.map((node) => node.tip()));
    return new Set(tips).size === 1;
  };
  const mine = (node: MachineNode, count: number) =>
    node.rpc<string[]>('generatetoaddress', `${count}`, address);

  beforeAll(async () => {
    net = new Namespaces(MACHINES);
    nodes = net.machines.map((each, index) => new MachineNode(each, join(folder, `${index}`)));
    // a wallet is not what this is about: any address will do
    address = 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8';
    for (const node of nodes) await node.start(net.machines[0]!);
  }, timeLimit(240_000));
  afterAll(async () => {
    for (const node of nodes) await node.end();
    net.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it(
    'agree again on the chain with more work, with those who were cut off and those who were not',
    async () => {
      await mine(nodes[0]!, 3);
      await until('all have the first blocks', () => agree(nodes), 60);
      const cutOff = Math.floor(MACHINES / 2);
      // whoever is cut off is alone: each of them sees nobody
      for (const machine of net.machines.slice(MACHINES - cutOff)) net.pull(machine);
      const [first, last] = [nodes[0]!, nodes.at(-1)!];
      await mine(first, 2);
      await mine(last, 4);
      await delay(PARTED * 1000);
      const stayed = nodes.slice(0, MACHINES - cutOff);
      await until('those who stayed agree', () => agree(stayed), 60);
      expect(await last.rpc<number>('getblockcount')).toBe(7);
      expect(await first.rpc<number>('getblockcount')).toBe(5);
      for (const machine of net.machines) net.plug(machine);
      await until('all agree', () => agree(nodes), cases(60, 400));
      expect(await first.rpc<number>('getblockcount')).toBe(7);
    },
    timeLimit(150_000),
  );
});
