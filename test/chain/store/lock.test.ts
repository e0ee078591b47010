import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

  constructor() {
    this.process = spawn(process.execPath, [CHILD, folder.path], {
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

async function start(): Promise<Starter> {
  const starter = new Starter();
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
      await expect.poll(() => existsSync(lock), { timeout: 30_000 }).toBe(false);
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
