import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BINARY } from '../../e2e/harness.js';
import type { Machine } from './Namespaces.js';

/** Port at which each node listens. */
export const PORT = 9_732;

/** A real node on a machine of its own. */
export class MachineNode {
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
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  seconds: number,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`after ${seconds} s it was not so that ${what}`);
    await delay(200);
  }
}
