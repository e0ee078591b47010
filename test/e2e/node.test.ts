import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../chain/node/setup.js';

const BINARY = fileURLToPath(new URL('../../bin/bitmodel.js', import.meta.url));
const ADDRESS = 'mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc';

let folder: ReturnType<typeof temporaryFolder>;
const started: ChildProcess[] = [];

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  folder.remove();
});

function bitmodel(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const argv = [BINARY, '--datadir', folder.path, '--network', 'regtest', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

/** Starts a node and waits for the line that says where it listens. */
async function startNode(
  ...args: string[]
): Promise<{ line: string; stop(): Promise<number | null> }> {
  const argv = [BINARY, '--datadir', folder.path, 'node', '--regtest', '--rpc-port', '0', ...args];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (data) => resolve(String(data)));
    child.stderr!.once('data', (data) => reject(new Error(String(data))));
  });
  child.stderr!.resume();
  return {
    line,
    stop: () => {
      child.kill('SIGINT');
      return exited;
    },
  };
}

describe('bitmodel node', () => {
  it('mines, is found by the other commands, stops on Ctrl-C, and keeps its tip over a restart', async () => {
    const first = await startNode('--mine', '--block-time', '3600');
    expect(first.line).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+ .*height 101/);
    const tip = (await bitmodel('rpc', 'getbestblockhash')).stdout.trim();
    const info = await bitmodel('--json', 'chain', 'info');
    expect(JSON.parse(info.stdout)).toMatchObject({ network: 'regtest', height: 101, tip });

    const txid = (await bitmodel('rpc', 'faucet', ADDRESS, '1.5')).stdout.trim();
    const shown = await bitmodel('--json', 'chain', 'tx', txid);
    expect(JSON.parse(shown.stdout).outputs[0]).toMatchObject({
      index: 0,
      address: ADDRESS,
      value: '1.50000000',
    });
    const address = await bitmodel('--json', 'chain', 'address', ADDRESS);
    expect(JSON.parse(address.stdout)).toMatchObject({
      pending: '1.50000000',
      confirmed: '0.00000000',
    });
    expect((await bitmodel('chain', 'block', '101')).stdout).toContain(tip);
    expect(await first.stop()).toBe(0);

    const second = await startNode();
    expect((await bitmodel('rpc', 'getbestblockhash')).stdout.trim()).toBe(tip);
    // what waited for a block still does
    expect((await bitmodel('rpc', 'getrawmempool')).stdout).toContain(txid);
    expect((await bitmodel('rpc', 'stop')).stdout.trim()).toBe('bitmodel stopping');
    expect(await second.stop()).toBe(0);
  });

  it('refuses a second node on the same data folder with one sentence', async () => {
    await startNode();
    const { code, stderr } = await bitmodel('node', '--rpc-port', '0');
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^error: A node \(process \d+\) runs on .* already\. \[DATADIR_LOCKED\]\n {2}next: /,
    );
  });

  it('takes a user and a password instead of the cookie', async () => {
    const { line } = await startNode('--rpc-user', 'alice', '--rpc-password', 'secret');
    const { host } = new URL(/http:\S+/.exec(line)![0]);
    const right = await bitmodel('--rpc', `http://alice:secret@${host}`, 'rpc', 'getblockcount');
    expect(right.stdout).toBe('0\n');
    const wrong = await bitmodel('--rpc', `http://alice:wrong@${host}`, 'rpc', 'getblockcount');
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).not.toContain('wrong@');
    const none = await bitmodel('rpc', 'getblockcount');
    expect(none.code).toBe(4);
    expect(none.stderr).toBe(
      `error: The node at http://${host} asks for a name and a password. [RPC_UNAUTHORIZED]\n` +
        `  next: Pass --rpc http://NAME:PASSWORD@${host}\n`,
    );
  });

  it('mines on threads at the target of a live network, and ends them on Ctrl-C', async () => {
    const MAIN = '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2';
    const child = spawn(process.execPath, [
      ...[BINARY, '--datadir', folder.path, 'node', '--network', 'main', '--rpc-port', '0'],
      ...['--mine', '--mine-to', MAIN, '--threads', '2', '--no-network'],
    ]);
    started.push(child);
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const argv = [BINARY, '--datadir', folder.path, '--network', 'main', '--json', 'rpc'];
    const rpc = async (...args: string[]) =>
      JSON.parse((await promisify(execFile)(process.execPath, [...argv, ...args])).stdout);
    const { height } = await rpc('waitforblockheight', '2', '30000');
    expect(height).toBeGreaterThanOrEqual(2);
    const info = await rpc('getmininginfo');
    expect(info.chain).toBe('main');
    expect(info.localhashps).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect(await exited).toBe(0);
  });

  it('says what is wrong with its options', async () => {
    for (const args of [
      ['--mine', '--threads', '2'],
      ['--max-mempool', '0'],
      ['--mempool-expiry', 'x'],
      ['--mine', '--block-time', 'x'],
      ['--rpc-user', 'a'],
      ['--rpc-bind', '0.0.0.0'],
      ['--rpc-bind', '127.0.0.1', '--rpc-allow-ip', '1.2.3.4/33'],
      ['--rpc-allow-ip', '1.2.3.4'],
      ['--mine-to', ADDRESS],
      ['--block-time', '5'],
      ['--network', 'test', '--mine', '--mine-to', ADDRESS, '--block-time', '5'],
      ['--rpc-user', 'a:b', '--rpc-password', 'c'],
    ]) {
      const { code, stderr } = await bitmodel('node', ...args);
      expect(code).toBe(2);
      expect(stderr).toContain('next: ');
    }
  });
});

describe('without a node', () => {
  it('every question ends with exit code 5 and says how to start one', async () => {
    for (const args of [
      ['chain', 'info'],
      ['rpc', 'getblockcount'],
    ]) {
      const { code, stderr } = await bitmodel(...args);
      expect(code).toBe(5);
      expect(stderr).toContain('bitmodel node --regtest --mine');
    }
  });

  it('with --json the error is an object', async () => {
    const { stderr } = await bitmodel('--json', 'chain', 'info');
    expect(JSON.parse(stderr).error.code).toBe('NODE_UNREACHABLE');
  });
});
