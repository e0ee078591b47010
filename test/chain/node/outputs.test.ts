import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { compareCoins } from '#src/chain/consensus/coins.js';
import { addressScript, ChainClient, RpcClient, RpcServer } from '#src/chain/index.js';
import { walkAtOnce } from '#src/chain/node/turns.js';
import { coinIn, type FoundCoin, listUnspent } from '#src/chain/node/unspent.js';
import type { ListBounds } from '#src/chain/rpc/methods/coinLists.js';
import { registerIndexMethods } from '#src/chain/rpc/methods/indexes.js';
import {
  keyOf,
  MINER,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  REGTEST,
} from './setup.js';

const COINS = 2_500;

const placeOf = ({ outpoint, coin }: FoundCoin) => ({ outpoint, value: coin.output.value });

let place: Awaited<ReturnType<typeof openTemporaryNode>>;

/** A node whose miner has thousands of coins. */
beforeAll(async () => {
  place = await openTemporaryNode();
  const { node } = place;
  await node.mine(110, MINER_SCRIPT);
  for (const coin of matureCoins(node).slice(0, 8)) {
    const outputs = Array(COINS).fill({ value: 1_000n, lockingScript: MINER_SCRIPT });
    await node.submitTransaction(payFromMiner(node, outputs, { utxos: [coin] }));
    await node.mine(1, MINER_SCRIPT);
  }
});
afterAll(() => place.end());

const auth = { user: 'alice', password: 'secret' };

/** A key of a test's own, at which nothing lies yet. */
function own(name: string): { address: string; script: Uint8Array } {
  const { address } = keyOf(name);
  return { address, script: addressScript(address, REGTEST) };
}

/** A server in front of the node, asked by a client as any. */
async function served(bounds?: ListBounds): Promise<{
  client: ChainClient;
  rpc: RpcClient;
  close(): Promise<void>;
}> {
  const server = new RpcServer({ auth });
  registerIndexMethods(server, place.node, bounds);
  const rpc = new RpcClient({ url: await server.listen(0), auth });
  return { client: new ChainClient(rpc), rpc, close: () => server.close() };
}

describe('the coins of scripts', () => {
  it('are those of one moment, though blocks and transactions come while they are gathered', async () => {
    const { node } = place;
    const spare = matureCoins(node).filter(({ output }) => output.value > 1_000_000n);
    let gathering = true;
    let turns = 0;
    const others = (async () => {
      for (; gathering; turns++) {
        await setImmediate();
        if (turns > 3) continue;
        const utxos = [spare[turns]!];
        const output = { value: 5_000n, lockingScript: OTHER_SCRIPT };
        await node.submitTransaction(payFromMiner(node, [output], { utxos }));
        if (turns % 2 === 1) await node.mine(1, MINER_SCRIPT);
      }
    })();
    const scripts = [MINER_SCRIPT, OTHER_SCRIPT];
    const before = scripts.flatMap((script) => node.unspentOf(script));
    const found: FoundCoin[] = [];
    await walkAtOnce(
      node,
      new AbortController().signal,
      (tables) => listUnspent(node, tables, scripts),
      (listed, tables) => {
        found.push({ outpoint: listed.outpoint, coin: coinIn(tables, listed) });
        return true;
      },
    );
    const inOrder = (coins: readonly FoundCoin[]): FoundCoin[] =>
      coins.toSorted((a, b) => compareCoins(placeOf(a), placeOf(b)));
    expect(found).toEqual(inOrder(before));
    expect(found.length).toBeGreaterThan(8 * COINS);
    gathering = false;
    await others;
    expect(turns).toBeGreaterThan(2);
  });

  it('are gathered no longer once the caller has hung up', async () => {
    const { node } = place;
    const gone = new AbortController();
    const gathering = walkAtOnce(
      node,
      gone.signal,
      (tables) => listUnspent(node, tables, [MINER_SCRIPT]),
      () => true,
    );
    gone.abort(new Error('the caller hung up'));
    await expect(gathering).rejects.toThrow('the caller hung up');
  });

  it('are told and summed once, however often a script is named', async () => {
    const { rpc, close } = await served();
    const once = { scripts: [toHex(MINER_SCRIPT)] };
    const often = { scripts: Array(200).fill(toHex(MINER_SCRIPT).toUpperCase()) };
    const coins = await rpc.call<unknown[]>('getaddressutxos', once);
    expect(coins).toHaveLength(place.node.unspentOf(MINER_SCRIPT).length);
    expect(await rpc.call('getaddressutxos', often)).toEqual(coins);
    expect(await rpc.call('getaddressbalance', often)).toEqual(
      await rpc.call('getaddressbalance', once),
    );
    await close();
  });

  it('are told of each script from the largest down where a limit is named, whatever dust lies there', async () => {
    const { node } = place;
    const { address, script } = own('fourth');
    const spare = matureCoins(node).filter(({ output }) => output.value > 1_000_000n);
    const outputs = [
      { value: 7_000n, lockingScript: script },
      ...Array(20).fill({ value: 600n, lockingScript: script }),
      { value: 9_000n, lockingScript: script },
    ];
    await node.submitTransaction(payFromMiner(node, outputs, { utxos: [spare[0]!] }));
    const { client, rpc, close } = await served();
    const two = await client.largestUtxos([script, MINER_SCRIPT], 2);
    const held = (of: Uint8Array): bigint[] =>
      two
        .filter(({ output }) => toHex(output.lockingScript) === toHex(of))
        .map(({ output }) => output.value);
    expect(held(script)).toEqual([9_000n, 7_000n]);
    expect(held(MINER_SCRIPT)).toHaveLength(2);
    expect(Math.min(...held(MINER_SCRIPT).map(Number))).toBeGreaterThan(1_000);
    expect(await client.scriptUtxos([script])).toHaveLength(22);
    const said = await rpc.call<{ value: string }[]>('getaddressutxos', address, 2);
    expect(said.map(({ value }) => value)).toEqual(['0.00009000', '0.00007000']);
    await close();
  });

  it('are read in pages from the largest down, which no block or payment in between disturbs', async () => {
    const { node } = place;
    const { address, script } = own('fifth');
    const spare = matureCoins(node).filter(({ output }) => output.value > 1_000_000n);
    const dust = Array(40).fill({ value: 600n, lockingScript: script });
    const first = payFromMiner(node, [{ value: 7_000n, lockingScript: script }, ...dust], {
      utxos: [spare[0]!],
    });
    await node.submitTransaction(first);
    const { rpc, close } = await served();
    type Json = { txid: string; vout: number; value: string };
    const page = (limit: number, after?: Json) =>
      rpc.call<Json[]>('getaddressutxos', address, null, limit, after ?? null);
    const whole = await rpc.call<Json[]>('getaddressutxos', address);
    expect(whole.map(({ value }) => value)).toEqual([
      '0.00007000',
      ...Array(40).fill('0.00000600'),
    ]);
    const found = await page(10);
    // what waited is mined, more comes that is worth more, and one that was told is spent
    await node.mine(1, MINER_SCRIPT);
    const more = { value: 8_000n, lockingScript: script };
    await node.submitTransaction(payFromMiner(node, [more], { utxos: [spare[1]!] }));
    for (let next = found; next.length > 0; ) {
      next = await page(10, found.at(-1)!);
      found.push(...next);
    }
    const names = (list: Json[]) => list.map(({ txid, vout }) => `${txid}:${vout}`);
    expect(names(found)).toEqual(names(whole));
    await expect(rpc.call('getaddressutxos', address, 5, 10)).rejects.toMatchObject({
      rpcCode: -8,
    });
    for (const after of [{}, { ...found[0], value: 'x' }, { ...found[0], vout: -1 }]) {
      await expect(rpc.call('getaddressutxos', address, null, 10, after)).rejects.toMatchObject({
        rpcCode: -8,
      });
    }
    await close();
  });

  it('are refused in one answer where they are too many for it, and told in pages all the same', async () => {
    const { node } = place;
    const { client, rpc, close } = await served({ entries: 1_000, scriptBytes: 1_000_000 });
    const all = node.unspentOf(MINER_SCRIPT);
    await expect(rpc.call('getaddressutxos', MINER.address)).rejects.toMatchObject({
      rpcCode: -8,
      message: expect.stringContaining('ask for pages'),
    });
    const values: bigint[] = [];
    for await (const { output } of client.eachUtxo({ addresses: [MINER.address] })) {
      values.push(output.value);
    }
    expect(values).toEqual(all.map(({ coin }) => coin.output.value));
    expect(values.length).toBeGreaterThan(8 * COINS);
    const { coins, reserved, ...sums } = await client.balance({ addresses: [MINER.address] });
    expect(coins).toBe(values.length);
    expect(reserved).toBe(0n);
    expect(sums.confirmed + sums.immature + sums.pending).toBe(
      values.reduce((sum, value) => sum + value, 0n),
    );
    await close();
  });
});
