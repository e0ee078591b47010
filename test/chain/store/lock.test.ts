import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode } from '#src/chain/index.js';
import { temporaryFolder } from '../node/setup.js';

const CHILD = fileURLToPath(new URL('./lock-child.mjs', import.meta.url));
const ROUNDS = 20;

let folder: ReturnType<typeof temporaryFolder>;
let lock: string;
const starters: Starter[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  lock = join(folder.path, 'regtest', 'lock');
});
afterEach(() => {
  for (const starter of starters.splice(0)) starter.process.kill('SIGKILL');
  folder.remove();
});

/** A process that opens the folder when it is told to. */
class Starter {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(datadir: string) {
    this.process = spawn(process.execPath, [CHILD, datadir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    starters.push(this);
  }

  async next(): Promise<string> {
    return (await this.#lines.next()).value as string;
  }

  /** What comes of opening: `open`, or an error. */
  open(): Promise<string> {
    this.process.stdin!.write('open\n');
    return this.next();
  }

  close(): void {
    this.process.stdin!.write('close\n');
  }

  async kill(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }
}

async function start(datadir = folder.path): Promise<Starter> {
  const starter = new Starter(datadir);
  expect(await starter.next()).toBe('ready');
  return starter;
}

const openHere = () => ChainNode.open({ datadir: folder.path, network: 'regtest', threads: 1 });

describe('the lock of a data folder', () => {
  it('goes to exactly one of several nodes that start at once, also over the lock of a dead one', async () => {
    const all = await Promise.all([start(), start(), start()]);
    await (await openHere()).close();
    for (let round = 0; round < ROUNDS; round++) {
      // the process number of one that has died, or nothing legible at all, as after a kill in the middle
      if (round % 2 === 0) writeFileSync(lock, round % 4 === 0 ? '4194303 1\n' : '');
      const results = await Promise.all(all.map((starter) => starter.open()));
      expect(results.filter((result) => result === 'open')).toHaveLength(1);
      const winner = all[results.indexOf('open')]!;
      for (const result of results.filter((each) => each !== 'open')) {
        expect(result).toMatch(`DATADIR_LOCKED: A node (process ${winner.process.pid}) runs on`);
      }
      winner.close();
      // it has let go when it answers again
      while ((await winner.open()) !== 'open');
      winner.close();
      await expect.poll(() => existsSync(lock)).toBe(false);
    }
  });

  it('is taken over from a node that was killed, at once', async () => {
    const starter = await start();
    expect(await starter.open()).toBe('open');
    await expect(openHere()).rejects.toMatchObject({ code: 'DATADIR_LOCKED', exitCode: 4 });
    await starter.kill();
    expect(existsSync(lock)).toBe(true);
    const node = await openHere();
    expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    await node.close();
    expect(existsSync(lock)).toBe(false);
  });

  it('is taken over from a process whose number was given to another since', async () => {
    await (await openHere()).close();
    const starter = await start();
    writeFileSync(lock, `${starter.process.pid} 1\n`);
    await (await openHere()).close();
  });

  it.each([
    ['whose number is our own, in another container', (): number => process.pid],
    ['whose number is nobody here, in another container', (): number => 4_194_303],
  ])('is not taken over from a process that is alive %s', async (_, number) => {
    const starter = await start();
    expect(await starter.open()).toBe('open');
    const [, ...rest] = readFileSync(lock, 'utf8').split(' ');
    writeFileSync(lock, [number(), ...rest].join(' '));
    await expect(openHere()).rejects.toMatchObject({
      code: 'DATADIR_LOCKED',
      message: expect.stringContaining(`process ${number()} of another container`),
    });
    await starter.kill();
    const node = await openHere();
    // the socket that the dead one left is ours now
    writeFileSync(lock, [number(), ...rest].join(' '));
    const other = await start();
    expect(await other.open()).toContain('DATADIR_LOCKED');
    await node.close();
    expect(await other.open()).toBe('open');
  });

  it('holds in a folder whose name is longer than a socket may have', async () => {
    const long = join(folder.path, 'x'.repeat(120), 'y'.repeat(120));
    lock = join(long, 'regtest', 'lock');
    const starter = await start(long);
    expect(await starter.open()).toBe('open');
    writeFileSync(lock, `${process.pid} 1\n`);
    const openLong = () => ChainNode.open({ datadir: long, network: 'regtest', threads: 1 });
    await expect(openLong()).rejects.toMatchObject({ code: 'DATADIR_LOCKED' });
    await starter.kill();
    const node = await openLong();
    expect(readdirSync(join(long, 'regtest'))).toContain('lock.sock');
    await node.close();
    expect(readdirSync(join(long, 'regtest'))).not.toContain('lock.sock');
  });

  it('goes to one of two starters in the same process', async () => {
    await (await openHere()).close();
    writeFileSync(lock, '4194303 1\n');
    const results = await Promise.allSettled([openHere(), openHere(), openHere()]);
    const open = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(open).toHaveLength(1);
    await open[0]!.close();
    await (await openHere()).close();
  });

  it('is given back when the start fails', async () => {
    await (await openHere()).close();
    const node = await openHere();
    node.store.transaction(() => node.store.tables.undo.removeSync(node.store.tip().hash));
    await node.close();
    for (let again = 0; again < 2; again++) {
      await expect(openHere()).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    }
    expect(existsSync(lock)).toBe(false);
  });
});
