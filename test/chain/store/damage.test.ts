import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BitmodelError, toHex } from '#src/base/index.js';
import { encodeOutpoint } from '#src/chain/codec/transaction.js';
import { ChainNode, idToHash, transactionHash } from '#src/chain/index.js';
import { verifyChain } from '#src/chain/node/verifyChain.js';
import type { ChainStore } from '#src/chain/store/ChainStore.js';
import { utxoKey } from '#src/chain/store/keys.js';
import { decodeUndo, encodeUndo } from '#src/chain/store/records.js';
import { utxoSetInfo } from '#src/chain/store/utxoSet.js';
import { MINER_SCRIPT, openTemporaryNode, temporaryFolder } from '../node/setup.js';
import { hashesOf, payments, type StoreHashes } from './rivals.js';

const HEIGHT = 115;

let folder: ReturnType<typeof temporaryFolder>;
let whole: Buffer;
let before: StoreHashes;
let paidIn: string[];
let datadir: string;
let file: string;

/** A chain whose last blocks touch every table; its file is the same at the beginning of each test. */
beforeAll(async () => {
  folder = temporaryFolder();
  datadir = folder.path;
  file = join(datadir, 'regtest', 'chain.lmdb');
  const node = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
  await node.mine(HEIGHT - 3, MINER_SCRIPT);
  paidIn = [];
  for (let salt = 1; salt <= 3; salt++) {
    for (const each of payments(node, salt)) await node.submitTransaction(each);
    paidIn.push(...(await node.mine(1, MINER_SCRIPT)));
  }
  before = await hashesOf(node.store);
  await node.close();
  whole = readFileSync(file);
});
beforeEach(() => writeFileSync(file, whole));
afterAll(() => folder.remove());

const open = (options: { level?: number; blocks?: number; reindex?: boolean } = {}) =>
  ChainNode.open({
    datadir,
    network: 'regtest',
    threads: 1,
    check: { level: options.level ?? 3, blocks: options.blocks ?? 6 },
    reindex: options.reindex,
  });

/** Changes the store of a node that is closed afterwards. */
async function change(how: (store: ChainStore) => void): Promise<void> {
  const node = await open({ level: 0 });
  node.store.transaction(() => how(node.store));
  await node.close();
}

function flip(store: ChainStore, table: 'blocks' | 'undo' | 'utxos', key: Uint8Array, at: number) {
  const bytes = Uint8Array.from(store.tables[table].getBinary(key)!);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = bytes[index]! ^ 1;
  store.tables[table].putSync(key, bytes);
}

/** First entry of a table. */
function first(store: ChainStore, table: keyof ChainStore['tables']): Uint8Array {
  return Uint8Array.from([...store.tables[table].getKeys({ limit: 1 })][0]!);
}

const paid = (): Uint8Array => idToHash(paidIn[1]!);

/** What is damaged, and the lowest level that finds it. */
const DAMAGES: [what: string, level: number, how: (store: ChainStore) => void][] = [
  ['a block that is not there', 0, (store) => store.tables.blocks.removeSync(paid())],
  [
    'a block that ends too early',
    0,
    (store) => store.tables.blocks.putSync(paid(), Buffer.alloc(90)),
  ],
  ['a byte of a block', 1, (store) => flip(store, 'blocks', paid(), -40)],
  ['a byte of undo data', 2, (store) => flip(store, 'undo', paid(), 9)],
  ['undo data that are not there', 2, (store) => store.tables.undo.removeSync(paid())],
  [
    'an unspent output that is not there',
    3,
    (store) => {
      const coinbase = store.block(paid())!.transactions[0]!;
      store.tables.utxos.removeSync(utxoKey({ hash: transactionHash(coinbase), index: 0 }));
    },
  ],
  [
    'an output that no transaction made',
    3,
    (store) => {
      const spent = store.block(paid())!.transactions[1]!.inputs[0]!.outpoint;
      store.tables.utxos.putSync(
        utxoKey(spent),
        store.tables.utxos.getBinary(first(store, 'utxos'))!,
      );
    },
  ],
  [
    'an entry of an address that is not there',
    3,
    (store) => {
      for (const key of [...store.tables.addressUtxos.getKeys()])
        store.tables.addressUtxos.removeSync(key);
    },
  ],
  [
    'a spender that is not there',
    3,
    (store) => store.tables.spenders.removeSync(first(store, 'spenders')),
  ],
  [
    'a pin that is another',
    3,
    (store) => store.tables.pins.putSync(first(store, 'pins'), Buffer.alloc(40)),
  ],
  [
    'an entry of a job that is not there',
    3,
    (store) => store.tables.jobs.removeSync(first(store, 'jobs')),
  ],
  [
    'undo data with another amount and the right checksum',
    4,
    (store) => {
      const [coinbase, [coin, ...coins] = [], ...rest] = decodeUndo(
        store.tables.undo.getBinary(paid())!,
      );
      const changed = { ...coin!, output: { ...coin!.output, value: coin!.output.value + 1n } };
      store.tables.undo.putSync(paid(), encodeUndo([coinbase!, [changed, ...coins], ...rest]));
    },
  ],
];

describe('the verification of a chain on disk', () => {
  it('finds nothing in a chain that is whole, at any level, and changes nothing', async () => {
    for (let level = 0; level <= 4; level++) {
      const node = await open({ level, blocks: 0 });
      expect(await hashesOf(node.store)).toEqual(before);
      await node.close();
    }
  });

  it.each(DAMAGES)('finds %s from level %i on, and --reindex mends it', async (_, level, how) => {
    await change(how);
    if (level > 0) {
      const node = await open({ level: level - 1 });
      await node.close();
    }
    for (let each = level; each <= 4; each++) {
      await expect(open({ level: each })).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
        next: expect.stringContaining('--reindex'),
      });
    }
    const mended = await open({ reindex: true, level: 4, blocks: 0 });
    // a block whose bytes are gone can't come back from nowhere: the chain ends below it
    if (level > 1) expect(await hashesOf(mended.store)).toEqual(before);
    else expect(mended.tip.height).toBe(HEIGHT - 2);
    await mended.close();
  });

  it('looks at no more blocks than it is asked to', async () => {
    await change((store) => flip(store, 'undo', store.hashAt(HEIGHT - 10)!, 0));
    await (await open({ blocks: 10 })).close();
    await expect(open({ blocks: 11 })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    await expect(open({ blocks: 0 })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  });
});

describe('the rehearsal of blocks at level 3 and 4', () => {
  it('ends within a block that changes more than it may remember, and changes nothing', async () => {
    const node = await open();
    const { store, parameters, scripts } = node;
    const depth = (memory: number, level = 3): number | undefined =>
      verifyChain({ store, parameters, scripts }, { level, blocks: 6 }, memory).endedAfter;
    // the three blocks at the top hold payments, those below a coinbase only
    const found = [100, 2_000, 40_000, 2 ** 20].map((memory) => depth(memory));
    expect(found[0]).toBe(0);
    expect(found[1]).toBe(0);
    expect(found[2]).toBeGreaterThan(0);
    expect(found[2]).toBeLessThan(6);
    expect(found[3]).toBeUndefined();
    expect(depth(40_000, 4)).toBe(found[2]);
    expect(await hashesOf(store)).toEqual(before);
    await node.mine(1, MINER_SCRIPT);
    await node.close();
  });

  it('finds damage in the blocks above the one that it ends in', async () => {
    await change((store) => {
      const { outpoint } = store.block(store.tip().hash)!.transactions[1]!.inputs[0]!;
      store.tables.spenders.removeSync(encodeOutpoint(outpoint));
    });
    const node = await open({ level: 2 });
    const { store, parameters, scripts } = node;
    const verify = (memory: number) =>
      verifyChain({ store, parameters, scripts }, { level: 3, blocks: 6 }, memory);
    expect(verify(100).endedAfter).toBe(0);
    expect(() => verify(40_000)).toThrow('spenders');
    await node.close();
  });
});

describe('a file that is damaged', () => {
  /** Flips a bit in every copy of some bytes that the file holds. */
  function flipInFile(bytes: Uint8Array): void {
    const content = readFileSync(file);
    let copies = 0;
    for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1)) {
      content[at + bytes.length - 6]! ^= 4;
      copies++;
    }
    expect(copies).toBeGreaterThan(0);
    writeFileSync(file, content);
  }

  it('by a bit in an unspent output ends the node that meets it, and --reindex mends it', async () => {
    const node = await open();
    const coinbase = node.store.block(node.store.hashAt(50)!)!.transactions[0]!;
    const outpoint = { hash: transactionHash(coinbase), index: 0 };
    const record = node.store.tables.utxos.getBinary(utxoKey(outpoint))!;
    await node.close();
    flipInFile(Buffer.concat([utxoKey(outpoint), record]));
    // it is too deep for the start to look at
    const damaged = await open();
    const failure = new Promise<BitmodelError>((resolve) => damaged.once('failure', resolve));
    expect(() => damaged.unspent(outpoint)).toThrow('checksum');
    expect(await failure).toMatchObject({ code: 'STORE_DAMAGED' });
    await expect(utxoSetInfo(damaged.store)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    await damaged.close();
    const mended = await open({ reindex: true });
    expect(await hashesOf(mended.store)).toEqual(before);
    await mended.close();
  });

  it('by a bit in a block marks nothing invalid, and once the block is back all above it is, too', async () => {
    const node = await open();
    const hash = node.store.hashAt(HEIGHT - 2)!;
    const block = node.store.block(hash)!;
    const bytes = node.store.blockBytes(hash)!;
    await node.close();
    flipInFile(bytes.subarray(0, 200));
    await expect(open()).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    const notes: string[] = [];
    const below = await ChainNode.open({
      datadir,
      network: 'regtest',
      reindex: true,
      onNote: (text) => notes.push(text),
    });
    expect(below.tip.height).toBe(HEIGHT - 3);
    expect(await below.submitBlock(block)).toBe(true);
    await below.close();
    const mended = await open({ reindex: true });
    expect(await hashesOf(mended.store)).toEqual(before);
    await mended.close();
  });

  it.each<[string, (content: Buffer) => Buffer]>([
    ['overwritten at its beginning', (content) => content.fill(0xff, 0, 8_192)],
    ['zeroed at its beginning', (content) => content.fill(0, 0, 100)],
    ['without its second page', (content) => content.fill(0, 4_096, 4_200)],
    ['of something else', () => Buffer.from('no such thing'.repeat(1_000))],
    ['of a few bytes', (content) => content.subarray(0, 100)],
    ['cut off', (content) => content.subarray(0, 2 * 4_096)],
  ])('a file %s ends the start with one error, and stays as it is', async (_, break_) => {
    const broken = Buffer.from(break_(Buffer.from(whole)));
    writeFileSync(file, broken);
    for (const reindex of [false, true]) {
      await expect(open({ reindex })).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
        next: expect.stringContaining('Move it away'),
      });
    }
    expect(readFileSync(file).equals(broken)).toBe(true);
  });
});

describe('a file that can not be opened', () => {
  it('ends the start with one error', async () => {
    const other = temporaryFolder();
    mkdirSync(join(other.path, 'regtest', 'chain.lmdb'), { recursive: true });
    const opened = ChainNode.open({ datadir: other.path, network: 'regtest' });
    await expect(opened).rejects.toMatchObject({
      code: 'STORE_FAILED',
      next: expect.stringContaining('permissions'),
    });
    other.remove();
  });
});

describe('a store of another form', () => {
  it('is refused, and rebuilt from its blocks when asked', async () => {
    await change((store) => store.tables.meta.putSync(Buffer.from('format'), Buffer.alloc(4)));
    await expect(open()).rejects.toMatchObject({ code: 'STORE_FORMAT' });
    const rebuilt = await open({ reindex: true });
    expect(await hashesOf(rebuilt.store)).toEqual(before);
    await rebuilt.close();
  });

  it('is refused when it holds another chain, whatever is asked', async () => {
    const other = await openTemporaryNode();
    await other.node.close();
    const main = ChainNode.open({ datadir: other.datadir, network: 'main' });
    await (await main).close();
    writeFileSync(join(other.datadir, 'main', 'chain.lmdb'), whole);
    for (const reindex of [false, true]) {
      const opened = ChainNode.open({ datadir: other.datadir, network: 'main', reindex });
      await expect(opened).rejects.toMatchObject({ code: 'WRONG_CHAIN' });
    }
    expect(toHex(whole.subarray(0, 4))).toBe(toHex(readFileSync(file).subarray(0, 4)));
    await other.end();
  });
});
