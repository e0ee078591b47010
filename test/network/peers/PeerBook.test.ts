import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TABLES } from '#src/network/peers/BookTables.js';
import { type Heard, PeerBook } from '#src/network/peers/PeerBook.js';
import { idOf } from './ids.js';

const root = mkdtempSync(join(tmpdir(), 'bitmodel-book-'));
let folders = 0;
let time = 1_800_000_000_000;
const now = (): number => time;

function open(folder = join(root, String(++folders))) {
  const warnings: string[] = [];
  const book = new PeerBook({ folder, now, onWarning: (text) => warnings.push(text) });
  return { book, folder, warnings };
}

function heard(name: string | number, address: string, more: Partial<Heard> = {}): Heard {
  const [host, port] = address.split(':');
  return {
    peer: idOf(name),
    addresses: [`/ip4/${host}/tcp/${port}`],
    origin: 'exchange',
    source: '9.9',
    record: Uint8Array.of(1, 2, 3),
    sequence: time,
    ...more,
  };
}

/** An address of the number's own /16. */
const spread = (i: number): string =>
  `${11 + (i % 80)}.${(i >> 3) % 256}.${i % 251}.${1 + (i % 250)}:9732`;
const any = (): boolean => true;
const MOST_OF_A_SOURCE = TABLES.fresh.share * TABLES.fresh.size;

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a peer book', () => {
  it('keeps what it knows over restarts', () => {
    const { book, folder } = open();
    expect(book.hear(heard('a', '8.8.8.8:1'))).toBe(true);
    expect(book.hear(heard('b', '8.9.8.8:1'))).toBe(true);
    book.trying(idOf('a'));
    book.reached(idOf('a'), '/ip4/8.8.8.8/tcp/1');
    book.seen(idOf('a'), ['headers/1']);
    book.close([idOf('a')]);
    const again = open(folder);
    expect(again.warnings).toEqual([]);
    expect(again.book.entries()).toEqual(book.entries());
    expect(again.book.anchors).toEqual([idOf('a')]);
    expect(again.book.get(idOf('a'))).toMatchObject({ tried: true, services: ['headers/1'] });
  });

  it('writes itself out a while after a change, and at the end', () => {
    const { book, folder } = open();
    book.hear(heard('a', '8.8.8.8:1'));
    expect(existsSync(join(folder, 'peers.json'))).toBe(false);
    book.close([]);
    expect(readdirSync(folder)).toEqual(['peers.json']);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['empty', () => ''],
    ['of another kind', () => '[]'],
    ['with a wrong address', (text: string) => text.replace('/ip4/8.8.8.8/tcp/1', '/ip4/x/tcp/1')],
    ['too large', (text: string) => text + ' '.repeat(16_000_000)],
  ])('sets a file aside that is %s, with a warning', (_how, damage) => {
    const { book, folder } = open();
    book.hear(heard('a', '8.8.8.8:1'));
    book.close([]);
    const path = join(folder, 'peers.json');
    const damaged = damage(readFileSync(path, 'utf8'));
    writeFileSync(path, damaged);
    const again = open(folder);
    expect(again.book.size).toBe(0);
    expect(again.warnings).toHaveLength(1);
    expect(again.warnings[0]).toContain('peers.json.damaged');
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(damaged);
  });

  it('never takes an older record for a newer one, nor an address without a record', () => {
    const { book } = open();
    book.hear(heard('a', '8.8.8.8:1', { sequence: 5 }));
    expect(book.hear(heard('a', '8.8.8.8:2', { sequence: 5 }))).toBe(false);
    expect(book.hear(heard('a', '8.8.8.8:2', { sequence: 4 }))).toBe(false);
    const { record: _, ...bare } = heard('a', '8.8.8.8:2', { sequence: 9 });
    expect(book.hear(bare)).toBe(false);
    expect(book.get(idOf('a'))!.addresses).toEqual(['/ip4/8.8.8.8/tcp/1']);
    expect(book.hear(heard('a', '8.8.8.8:2', { sequence: 6 }))).toBe(true);
    expect(book.get(idOf('a'))!.addresses).toEqual(['/ip4/8.8.8.8/tcp/2']);
  });

  it('dials those that failed ever more rarely', () => {
    const { book } = open();
    book.hear(heard('a', '8.8.8.8:1'));
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      const began = time;
      while (!book.choose(any)) time += 1_000;
      waits.push(time - began);
      book.trying(idOf('a'));
      book.failed(idOf('a'));
    }
    expect(waits.slice(0, 4)).toEqual([0, 10_000, 20_000, 40_000]);
    expect(Math.max(...waits)).toBe(3_600_000);
  });

  it('tells of nobody who is given up', () => {
    const { book } = open();
    book.hear(heard('b', '8.9.8.8:1'));
    book.hear(heard('c', '8.10.8.8:1'));
    for (let i = 0; i < 3; i++) book.failed(idOf('c'));
    expect(book.sample(10, any).map(({ peer }) => peer)).toEqual([idOf('b')]);
  });
});

describe('a flood of addresses', () => {
  it('of one source fills no more than its share, whatever it says', () => {
    const { book } = open();
    for (let i = 0; i < 200; i++) book.hear(heard(`honest ${i}`, spread(i), { source: `${i}.1` }));
    const honest = book.size;
    for (let i = 0; i < 30_000; i++) book.hear(heard(i, spread(i), { source: '6.6' }));
    expect(book.size - honest).toBeLessThanOrEqual(MOST_OF_A_SOURCE);
    // those who were there before stay
    for (let i = 0; i < 200; i++) expect(book.get(idOf(`honest ${i}`))).toBeDefined();
  });

  it('of any number of sources leaves those that were reached, and what can be taken in is bounded', () => {
    const { book } = open();
    for (let i = 0; i < 50; i++) {
      book.hear(heard(`honest ${i}`, spread(i * 97), { source: `${i}.1` }));
      book.reached(idOf(`honest ${i}`), book.get(idOf(`honest ${i}`))!.addresses[0]!);
    }
    for (let i = 0; i < 40_000; i++) book.hear(heard(i, spread(i), { source: `7.${i % 250}` }));
    const most =
      TABLES.fresh.buckets * TABLES.fresh.size + TABLES.tried.buckets * TABLES.tried.size;
    expect(book.size).toBeLessThanOrEqual(most);
    const tried = book.entries().filter((entry) => entry.tried);
    expect(tried).toHaveLength(50);
    let chosen = 0;
    for (let i = 0; i < 200; i++) if (book.choose(any)!.tried) chosen++;
    // every other dial is of one that was reached before: 200 throws of a coin
    expect(chosen).toBeGreaterThan(50);
  });

  it('of one address under many ids leaves two of them, and eight of one machine', () => {
    const { book } = open();
    for (let i = 0; i < 1_000; i++) book.hear(heard(i, '8.8.8.8:1', { source: `${i % 200}.1` }));
    expect(book.size).toBe(2);
    for (let i = 0; i < 1_000; i++) {
      book.hear(heard(1_000 + i, `8.8.8.8:${2 + i}`, { source: `${i % 200}.1` }));
    }
    expect(book.size).toBe(8);
  });

  it('can not keep somebody out whose address others claim', () => {
    const { book } = open();
    for (const liar of ['x', 'y']) book.hear(heard(liar, '8.8.8.8:1'));
    expect(book.hear(heard('owner', '8.8.8.8:1'))).toBe(false);
    // nobody of that id was found there
    book.failed(idOf('x'));
    expect(book.hear(heard('owner', '8.8.8.8:1'))).toBe(true);
  });

  it('of one group that can be reached fills no more than its share of those reached', () => {
    const { book } = open();
    for (let i = 0; i < 2_000; i++) {
      const address = `66.6.${i % 250}.${1 + Math.floor(i / 250)}:1`;
      book.hear(heard(i, address, { source: `${i % 200}.1` }));
      book.reached(idOf(i), `/ip4/${address.replace(':', '/tcp/')}`);
    }
    const tried = book.entries().filter((entry) => entry.tried).length;
    expect(tried).toBeLessThanOrEqual(TABLES.tried.share * TABLES.tried.size);
  });
});

describe('whatever is done to a peer book', () => {
  const action = fc.tuple(
    fc.constantFrom('hear', 'reached', 'failed', 'seen', 'forget', 'trying', 'wait'),
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 0, max: 5 }),
  );

  it('it holds each peer once, within its bounds, and comes back from disk the same', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const { book, folder, warnings } = open();
        for (const [what, name, at, source] of actions) {
          const peer = idOf(name);
          const address = `8.${at}.8.8:${1 + (at % 3)}`;
          const sequence = time + name;
          if (what === 'hear') book.hear(heard(name, address, { source: `${source}.1`, sequence }));
          else if (what === 'reached') book.reached(peer, `/ip4/${address.replace(':', '/tcp/')}`);
          else if (what === 'seen') book.seen(peer, [`x/${at}`]);
          else if (what === 'wait') time += 60_000 * at;
          else book[what](peer);
        }
        const ids = book.entries().map(({ peer }) => peer);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBe(book.size);
        const ends = new Map<string, number>();
        for (const { addresses } of book.entries()) {
          ends.set(addresses[0]!, (ends.get(addresses[0]!) ?? 0) + 1);
        }
        expect(Math.max(0, ...ends.values())).toBeLessThanOrEqual(2);
        book.close([]);
        const again = open(folder);
        expect(warnings.concat(again.warnings)).toEqual([]);
        const byPeer = (a: { peer: string }, b: { peer: string }): number =>
          a.peer < b.peer ? -1 : 1;
        expect(again.book.entries().sort(byPeer)).toEqual(book.entries().sort(byPeer));
      }),
      { numRuns: 60 },
    );
  });
});
