import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BINARY } from '../../e2e/harness.js';
import { cases, timeLimit } from '../../long.js';
import { type Machine, Namespaces, whyNoNamespaces } from './Namespaces.js';

const PORT = 9_732;
const MACHINES = cases(3, 20);
/** Seconds for which the wire is cut: the long form outlasts what every connection waits for an answer. */
const PARTED = cases(3, 180);
const missing = whyNoNamespaces();
if (missing !== undefined) process.stderr.write(`skipped: nodes on a wire: ${missing}\n`);

/** A real node on a machine of its own. */
class MachineNode {
  readonly #machine: Machine;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(machine: Machine, folder: string) {
    this.#machine = machine;
    this.#folder = folder;
  }

  /** Starts it with the first machine as its seed, and waits until it answers. */
  async start(seed: Machine): Promise<void> {
    const { namespace, address } = this.#machine;
    const seeds = seed === this.#machine ? [] : ['--seed-node', `${seed.address}:${PORT}`];
    const args = ['node', '--regtest', '--listen', `${address}:${PORT}`, '--rpc-port', '0'];
    const command = ['netns', 'exec', namespace, process.execPath, BINARY, ...args, ...seeds];
    const child = spawn('ip', command, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    await new Promise<void>((done, fail) => {
      child.stdout!.once('data', () => done());
      child.once('exit', (code) => fail(new Error(`the node ended with ${code}: ${stderr}`)));
    });
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, BITMODEL_DATADIR: this.#folder, BITMODEL_NETWORK: 'regtest' };
  }

  async rpc<T>(method: string, ...args: readonly string[]): Promise<T> {
    const command = [process.execPath, BINARY, 'rpc', method, ...args, '--json'];
    const within = ['netns', 'exec', this.#machine.namespace, ...command];
    const { stdout } = await promisify(execFile)('ip', within, { env: this.#env });
    return JSON.parse(stdout) as T;
  }

  tip(): Promise<string> {
    return this.rpc<string>('getbestblockhash');
  }

  async end(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }
}

/** Waits until something is so. */
async function until(what: string, isSo: () => Promise<boolean>, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`after ${seconds} s it was not so that ${what}`);
    await delay(200);
  }
}

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
  }, timeLimit(60_000));
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
