import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex, utf8 } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  nodeEvents,
  p2pkhScript,
  RpcClient,
  type RunningNode,
  readEvents,
  runNode,
  Wallet,
} from '#src/chain/index.js';
import {
  declareSource,
  publishSource,
  settleSplits,
  type WatchEvent,
  watchSettlements,
} from '#src/reward/index.js';
import { SpareCoins } from '#src/reward/settle/feeCoins.js';
import { REGTEST } from '../../regtest.js';

const id = (name: string): string => toHex(sha256(utf8(name)));
const owner = (name: string): Uint8Array => p2pkhScript(sha256(utf8(name)).slice(0, 20));
const key = createKey(REGTEST);
const other = createKey(REGTEST);

let datadir: string;
let node: RunningNode;
let chain: ChainClient;
let wallet: Wallet;
let split: Uint8Array;

const start = (): Promise<RunningNode> =>
  runNode({ datadir, network: 'regtest', version: 'test', rpcPort: 0 });
const mine = (count = 1): Promise<string[]> => chain.generate(count, key.address);
const lies = async (script: Uint8Array): Promise<bigint> =>
  (await chain.scriptUtxos([script]))
    .filter(({ pins }) => pins === undefined)
    .reduce((sum, { output }) => sum + output.value, 0n);

beforeAll(async () => {
  datadir = mkdtempSync(join(tmpdir(), 'bitmodel-watch-'));
  node = await start();
  chain = new ChainClient(RpcClient.forNode({ datadir, network: 'regtest', rpc: undefined }));
  wallet = new Wallet({ client: chain, keys: [key], params: REGTEST });
  await mine(103);
  const base = { kind: 'dataset', parents: [] } as const;
  await publishSource(
    wallet,
    await declareSource(chain, { ...base, id: id('a'), name: 'a', owner: owner('a') }),
  );
  await mine();
  const parents = [{ id: id('a'), ppm: 250_000 }];
  const model = await declareSource(chain, {
    ...base,
    id: id('b'),
    name: 'b',
    owner: owner('b'),
    parents,
  });
  await publishSource(wallet, model);
  await mine();
  split = model.split;
});
afterAll(async () => {
  await node.stop();
  chain.rpc.close();
  rmSync(datadir, { recursive: true, force: true });
});

/** Runs a watch while something happens, and gives what it told. */
async function watching(
  body: (until: (isIt: (event: WatchEvent) => boolean) => Promise<void>) => Promise<void>,
  payer = wallet,
  more: { readonly spareOnly?: boolean; readonly ids?: readonly string[] } = {},
): Promise<WatchEvent[]> {
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  const waiting: { isIt: (event: WatchEvent) => boolean; done: () => void }[] = [];
  const until = (isIt: (event: WatchEvent) => boolean): Promise<void> =>
    new Promise((done) => waiting.push({ isIt, done }));
  const watch = watchSettlements(chain, payer, {
    ids: [id('b'), id('nobody')],
    skipUnknown: true,
    ...more,
    signal: stop.signal,
    onEvent: (event) => {
      events.push(event);
      for (const each of waiting) if (each.isIt(event)) each.done();
    },
  });
  await until(({ event }) => event === 'block');
  try {
    await body(until);
  } finally {
    stop.abort();
    await watch;
  }
  return events;
}

const isSettled = ({ event }: WatchEvent): boolean => event === 'settled';
const pay = (value: bigint) =>
  wallet.send([{ value, lockingScript: split }], { allowHighFee: true });

describe('watching contracts', () => {
  it('settles what a block brought, not what waits for one, and says once what is carried', async () => {
    const events = await watching(async (until) => {
      await pay(1_000n);
      const carried = until(({ event }) => event === 'left');
      await mine();
      await carried;
      const quiet = until(({ event }) => event === 'block');
      await mine();
      await quiet;
      await pay(COIN);
      const settled = until(isSettled);
      await mine();
      await settled;
    });
    const told = events.filter(({ event }) => event !== 'block');
    expect(told).toMatchObject([
      { event: 'left', left: { reason: 'dust', amount: 1_000n } },
      { event: 'settled', settlement: { amount: COIN + 1_000n, coins: 2 } },
    ]);
    expect(await lies(split)).toBe(0n);
    await mine();
  });

  it('goes on when the node has started anew, at another port', async () => {
    const events = await watching(async (until) => {
      const away = until(({ event }) => event === 'away');
      await node.stop();
      await away;
      const back = until(({ event }) => event === 'back');
      node = await start();
      await back;
      const settled = until(isSettled);
      await pay(COIN);
      await mine();
      await settled;
    });
    expect(events.filter(({ event }) => event === 'away').length).toBe(1);
    await mine();
  });

  it('settles again what a reorganisation gave back', async () => {
    const before = await lies(owner('a'));
    await watching(async (until) => {
      await pay(COIN);
      const first = until(isSettled);
      const [block] = await mine();
      await first;
      const [second] = await mine();
      await chain.rpc.call('invalidateblock', second);
      await chain.rpc.call('invalidateblock', block);
      const looked = until(({ event }) => event === 'block');
      await chain.generate(3, other.address);
      await looked;
    });
    await mine();
    expect((await lies(owner('a'))) - before).toBe(COIN / 4n);
    expect(await lies(split)).toBe(0n);
  });

  it('leaves to another watch what that settled first', async () => {
    await wallet.send([
      { value: COIN, lockingScript: p2pkhScript(sha256(utf8('x')).slice(0, 20)) },
    ]);
    const rival = new Wallet({ client: chain, keys: [other], params: REGTEST });
    await mine(101);
    const told: WatchEvent[] = [];
    const mineNow = await watching(async (until) => {
      told.push(
        ...(await watching(async (untilOther) => {
          await pay(COIN);
          const either = Promise.race([until(isSettled), untilOther(isSettled)]);
          const both = Promise.all(
            [until, untilOther].map((each) => each(({ event }) => event === 'block')),
          );
          await mine();
          await either;
          await both;
        }, rival)),
      );
    });
    const all = [...mineNow, ...told];
    expect(all.filter(isSettled).length).toBe(1);
    expect(all.some(({ event }) => event === 'problem')).toBe(false);
    await mine();
  });

  it('tells of an empty wallet, and goes on', async () => {
    const poor = new Wallet({ client: chain, keys: [createKey(REGTEST)], params: REGTEST });
    const events = await watching(async (until) => {
      await pay(COIN);
      const problem = until(({ event }) => event === 'problem');
      await mine();
      await problem;
    }, poor);
    expect(events.at(-1)).toMatchObject({
      event: 'problem',
      detail: expect.stringMatching(/coins/),
    });
  });
});

describe('watching beside other payments of the same wallet', () => {
  it('spends no coin that is most of what there is, says so once, and one that can be spared at once', async () => {
    await settleSplits(chain, wallet, { ids: [id('b')] });
    const sellerKey = createKey(REGTEST);
    const seller = new Wallet({ client: chain, keys: [sellerKey], params: REGTEST });
    const lockingScript = seller.changeScript;
    await wallet.send([3n, 2n].map((coins) => ({ value: coins * COIN, lockingScript })));
    await mine();
    const events = await watching(
      async (until) => {
        await pay(COIN);
        const looked = until(({ event }) => event === 'problem');
        await mine();
        await looked;
        // its stakes come first: both coins are still there
        expect((await seller.utxos()).map(({ output }) => output.value / COIN).sort()).toEqual([
          2n,
          3n,
        ]);
        await wallet.send([{ value: 100_000n, lockingScript }]);
        const settled = until(isSettled);
        await mine();
        await settled;
      },
      seller,
      { spareOnly: true },
    );
    expect(events.filter(({ event }) => event === 'problem').length).toBe(1);
    expect(await lies(split)).toBe(0n);
    const values = (await seller.utxos()).map(({ output }) => output.value);
    expect(values).toContain(3n * COIN);
    expect(values).toContain(2n * COIN);
    await mine();
  });

  it('ties up a quarter of what was in blocks, however many contracts there are, and goes on after each block', async () => {
    const parents = [{ id: id('a'), ppm: 250_000 }];
    const names = ['c', 'd', 'e', 'f', 'g'];
    const contracts: Uint8Array[] = [];
    for (const name of names) {
      const model = { kind: 'dataset', id: id(name), name, owner: owner(name), parents } as const;
      const declared = await declareSource(chain, model);
      await publishSource(wallet, declared);
      contracts.push(declared.split);
    }
    const seller = new Wallet({ client: chain, keys: [createKey(REGTEST)], params: REGTEST });
    const lockingScript = seller.changeScript;
    await wallet.send(Array.from({ length: 8 }, () => ({ value: COIN, lockingScript })));
    await wallet.send(contracts.map((script) => ({ value: COIN, lockingScript: script })));
    await mine();
    const inBlocks = async (): Promise<number> =>
      (await seller.utxos()).filter(({ height }) => height > 0).length;
    const ids = names.map(id);
    const beside = { ids, spareOnly: true, spare: new SpareCoins() };
    const { settled, left } = await settleSplits(chain, seller, beside);
    expect(settled.length).toBe(2);
    expect(left.map(({ reason, amount }) => [reason, amount])).toEqual(
      Array.from({ length: 3 }, () => ['funds', COIN]),
    );
    // looked at again in the same block, it gives no more of what there was
    await expect(settleSplits(chain, seller, beside)).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    const atHand = [await inBlocks()];
    await mine();
    const events = await watching(
      async (until) => {
        atHand.push(await inBlocks());
        const looked = until(({ event }) => event === 'block');
        await mine();
        await looked;
        atHand.push(await inBlocks());
      },
      seller,
      { spareOnly: true, ids },
    );
    expect(atHand).toEqual([6, 6, 7]);
    expect(events.filter(({ event }) => event !== 'block')).toMatchObject([
      { event: 'settled' },
      { event: 'settled' },
      { event: 'left', left: { reason: 'funds', amount: COIN } },
      { event: 'settled' },
    ]);
    for (const script of contracts) expect(await lies(script)).toBe(0n);
    await mine();
  });
});

describe("a node's events", () => {
  it('begin with the tip, and end with the signal', async () => {
    const stop = new AbortController();
    const events = nodeEvents(chain.rpc, stop.signal);
    const { value } = await events.next();
    expect(value).toMatchObject({ event: 'block', data: { height: await chain.height() } });
    const next = events.next();
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });

  const read = async (...chunks: string[]) => {
    async function* stream() {
      for (const chunk of chunks) yield utf8(chunk);
    }
    const found = [];
    for await (const event of readEvents(stream())) found.push(event);
    return found;
  };

  it('are read whatever way they are cut, comments left out', async () => {
    const text =
      'event: block\ndata: {"height":1,"name":"é"}\n\n: \n\nevent: transaction\ndata: {"txid":"00"}\n\n';
    const whole = [
      { event: 'block', data: { height: 1, name: 'é' } },
      { event: 'transaction', data: { txid: '00' } },
    ];
    expect(await read(text)).toEqual(whole);
    expect(await read(...text.split(/(?=.)/su))).toEqual(whole);
  });

  it('are refused where they hold no JSON or have no end', async () => {
    const bad = { code: 'BAD_RPC_ANSWER' };
    await expect(read('data: {\n\n')).rejects.toMatchObject(bad);
    await expect(read('x'.repeat(100_001))).rejects.toMatchObject(bad);
  });
});
