import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How `litecoin-cli` ended: its exit code is the number of the node's error without its sign, modulo 256. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const USER = 'alice';
export const PASSWORD = 'it takes = all : kinds';

/** Runs `litecoin-cli` to its end. */
export function litecoinCli(args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      'litecoin-cli',
      ['-regtest', `-datadir=${tmpdir()}`, '-rpcclienttimeout=60', ...args],
      { maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const code = error ? Number(error.code) : 0;
        resolve({ code, stdout: stdout.replace(/\n$/, ''), stderr: stderr.trim() });
      },
    );
    child.stdin!.on('error', () => undefined).end(stdin);
  });
}

/** Options that name a node and its password. */
export function at(port: number | string): string[] {
  return [`-rpcport=${port}`, `-rpcuser=${USER}`, `-rpcpassword=${PASSWORD}`];
}

/** The number in an error that `litecoin-cli` shows. */
export function errorNumber({ stderr }: Ended): number | undefined {
  const match = /^error code: (-\d+)$/m.exec(stderr);
  return match ? Number(match[1]) : undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A node of Litecoin's own program on regtest, without peers or wallet: the oracle. */
export async function startLitecoind(): Promise<{ port: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'litecoind-'));
  const port = await freePort();
  const settings = ['-listen=0', '-dnsseed=0', '-connect=0', '-disablewallet=1', '-txindex=1'];
  const child = spawn(
    'litecoind',
    ['-regtest', `-datadir=${folder}`, '-printtoconsole=0', ...settings, ...at(port)],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 200; tries++) {
    const { code } = await litecoinCli([...at(port), 'getblockcount']);
    if (code === 0) return { port, stop };
    await delay(100);
  }
  await stop();
  throw new Error('litecoind does not answer');
}
