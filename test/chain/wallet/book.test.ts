import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { type Outpoint, parseOutpoint, WalletBook } from '#src/chain/index.js';
import { decodeNotes, encodeNotes, type Notes } from '#src/chain/wallet/walletNotes.js';
import { cases, timeLimit } from '../../long.js';

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-book-'));
const CHILD = join(import.meta.dirname, 'book-child.mjs');
const coin = (n: number): string => `${'ab'.repeat(32)}:${n}`;
const outpoint = (n: number): Outpoint => parseOutpoint(coin(n));

describe('the notes of a wallet', () => {
  const path = join(folder, 'regtest', 'wallet.json');
  const children = new Set<ChildProcess>();
  const start = (...args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [CHILD, path, ...args]);
    children.add(child);
    return child;
  };
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    rmSync(join(folder, 'regtest'), { recursive: true, force: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('begin empty, and are kept in a file of the owner alone', () => {
    const book = new WalletBook(path);
    expect(book.locked()).toEqual([]);
    expect(book.indexes('tpub')).toEqual({ receive: 0, change: 0 });
    expect(book.lock(outpoint(1))).toBe(true);
    expect(book.lock(outpoint(1))).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new WalletBook(path).locked()).toEqual([coin(1)]);
    expect(book.unlock(outpoint(1))).toBe(true);
    expect(book.unlock(outpoint(1))).toBe(false);
  });

  it('never count fewer addresses than before', () => {
    const book = new WalletBook(path);
    book.advance('tpub', { receive: 5, change: 1 });
    book.advance('tpub', { receive: 3, change: 2 });
    expect(book.indexes('tpub')).toEqual({ receive: 5, change: 2 });
    expect(book.indexes('other')).toEqual({ receive: 0, change: 0 });
  });

  it('keep a coin from others while the process that chose it lives, and no longer', async () => {
    const child = start('1', coin(1), coin(2));
    const [said] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(said.toString()).toBe('true\n');
    const book = new WalletBook(path);
    expect([...book.held()].sort()).toEqual([coin(1), coin(2)]);
    expect(book.reserve([outpoint(2), outpoint(3)])).toBe(false);
    expect(book.reserve([outpoint(3)])).toBe(true);
    const second = start('1', coin(3));
    const [answer] = (await once(second.stdout!, 'data')) as [Buffer];
    expect(answer.toString()).toBe('false\n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(book.held().size).toBe(0);
    expect(book.reserve([outpoint(2)])).toBe(true);
    book.release([outpoint(2), outpoint(3)]);
  });

  it('lose nothing when two processes write at once', async () => {
    const mine = Array.from({ length: 40 }, (_, i) => coin(i));
    const theirs = Array.from({ length: 40 }, (_, i) => coin(1000 + i));
    const writers = [start('many', ...mine), start('many', ...theirs)];
    const codes = await Promise.all(writers.map(async (child) => (await once(child, 'exit'))[0]));
    expect(codes).toEqual([0, 0]);
    expect(new WalletBook(path).locked()).toHaveLength(80);
  });

  it('are taken over from a process that died with the lock in its hand', () => {
    const book = new WalletBook(path);
    book.lock(outpoint(1));
    // no process has this number: the kernel gives out none above 2^22
    writeFileSync(`${path}.lock`, '99999999');
    expect(book.lock(outpoint(2))).toBe(true);
    // or before it could write its number
    writeFileSync(`${path}.lock`, '');
    expect(book.lock(outpoint(3))).toBe(true);
  });

  it(
    'are taken over by one, however many find the lock of a dead process at once',
    async () => {
      const rounds = cases(4, 200);
      const heard = async (child: ChildProcess): Promise<string> =>
        ((await once(child.stdout!, 'data'))[0] as Buffer).toString().trim();
      for (let round = 0; round < rounds; round++) {
        mkdirSync(join(folder, 'regtest'), { recursive: true });
        writeFileSync(`${path}.lock`, '99999999');
        const rivals = Array.from({ length: 6 }, () => start('at', coin(7)));
        expect(new Set(await Promise.all(rivals.map(heard)))).toEqual(new Set(['ready']));
        const answers = Promise.all(rivals.map(heard));
        for (const rival of rivals) rival.stdin!.write(String(Date.now() + 50));
        expect((await answers).sort()).toEqual([...Array(5).fill('false'), 'true']);
        expect(readdirSync(join(folder, 'regtest'))).toEqual(['wallet.json']);
        const ends = rivals.map((rival) => once(rival, 'exit'));
        for (const rival of rivals) rival.stdin!.write('end');
        await Promise.all(ends);
        rmSync(path);
      }
    },
    timeLimit(240_000),
  );

  it('say that they can not be written, where a file stands in the way of their folder', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => new WalletBook(join(file, 'regtest', 'wallet.json')).lock(outpoint(1))).toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED' }),
    );
  });

  it('say what to do when they are damaged', () => {
    const book = new WalletBook(path);
    book.lock(outpoint(1));
    for (const text of [
      '',
      'null',
      '{"v":2}',
      '{"v":1,"accounts":{},"locked":["x"],"reserved":{}}',
    ]) {
      writeFileSync(path, text);
      const wanted = { code: 'CORRUPT_WALLET_NOTES', exitCode: 4 };
      expect(() => book.held()).toThrow(expect.objectContaining(wanted));
      expect(() => book.lock(outpoint(2))).toThrow(expect.objectContaining(wanted));
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });
});

describe('the form of the notes', () => {
  const notes: Notes = {
    v: 1,
    accounts: { tpub: { receive: 5, change: 1 } },
    locked: [coin(1)],
    reserved: { [coin(2)]: { pid: process.pid, until: Date.now() + 3_600_000 } },
  };

  it('is read as it was written', () => {
    expect(decodeNotes(encodeNotes(notes))).toEqual(notes);
  });

  it(
    'is held to, whatever the file has',
    () => {
      const good = encodeNotes(notes);
      const swapped = fc
        .tuple(fc.constantFrom(...Object.keys(notes)), fc.jsonValue({ maxDepth: 2 }))
        .map(([name, value]) => JSON.stringify({ ...notes, [name]: value }));
      const cut = fc.nat(good.length).map((length) => good.slice(0, length));
      const anything = fc.oneof(fc.string(), fc.json({ maxDepth: 2 }), swapped, cut);
      fc.assert(
        fc.property(anything, (text) => {
          let read: Notes;
          try {
            read = decodeNotes(text);
          } catch (thrown) {
            // WalletBook makes one sentence of each
            const known = [TypeError, SyntaxError, BitmodelError];
            expect(known.some((kind) => thrown instanceof kind)).toBe(true);
            return;
          }
          expect(decodeNotes(encodeNotes(read)).locked).toEqual(read.locked);
        }),
        { numRuns: cases(20_000, 10_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
