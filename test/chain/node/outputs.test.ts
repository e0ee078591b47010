import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { ChainClient, RpcClient, RpcServer, registerChainMethods } from '#src/chain/index.js';
import { collectUnspentOf } from '#src/chain/node/outputs.js';
import {
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
} from './setup.js';

const COINS = 2_500;

let place: Awaited<ReturnType<typeof openTemporaryNode>>;

/** A node whose miner has thousands of coins. */
beforeEach(async () => {
  place = await openTemporaryNode();
  const { node } = place;
  await node.mine(110, MINER_SCRIPT);
  for (const coin of matureCoins(node).slice(0, 8)) {
    const outputs = Array(COINS).fill({ value: 1_000n, lockingScript: MINER_SCRIPT });
    await node.submitTransaction(payFromMiner(node, outputs, { utxos: [coin] }));
    await node.mine(1, MINER_SCRIPT);
  }
});
afterEach(() => place.end());

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
    const found = await collectUnspentOf(node, scripts, new AbortController().signal);
    expect(found).toEqual(scripts.flatMap((script) => node.unspentOf(script)));
    expect(found.length).toBeGreaterThan(8 * COINS);
    gathering = false;
    await others;
    expect(turns).toBeGreaterThan(2);
  });

  it('are gathered no longer once the caller has hung up', async () => {
    const gone = new AbortController();
    const gathering = collectUnspentOf(place.node, [MINER_SCRIPT], gone.signal);
    gone.abort(new Error('the caller hung up'));
    await expect(gathering).rejects.toThrow('the caller hung up');
  });

  it('are told and summed once, however often a script is named', async () => {
    const server = new RpcServer({ auth: { user: 'alice', password: 'secret' } });
    registerChainMethods(server, place.node, { version: '1.2.3', stop: () => undefined });
    const url = await server.listen(0);
    const client = new RpcClient({ url, auth: { user: 'alice', password: 'secret' } });
    const once = { scripts: [toHex(MINER_SCRIPT)] };
    const often = { scripts: Array(200).fill(toHex(MINER_SCRIPT).toUpperCase()) };
    const coins = await client.call<unknown[]>('getaddressutxos', once);
    expect(coins).toHaveLength(place.node.unspentOf(MINER_SCRIPT).length);
    expect(await client.call('getaddressutxos', often)).toEqual(coins);
    expect(await client.call('getaddressbalance', often)).toEqual(
      await client.call('getaddressbalance', once),
    );
    await server.close();
  });

  it('are told of each script from the largest down where a limit is named, whatever dust lies there', async () => {
    const { node } = place;
    const spare = matureCoins(node).filter(({ output }) => output.value > 1_000_000n);
    const outputs = [
      { value: 7_000n, lockingScript: OTHER_SCRIPT },
      ...Array(20).fill({ value: 600n, lockingScript: OTHER_SCRIPT }),
      { value: 9_000n, lockingScript: OTHER_SCRIPT },
    ];
    await node.submitTransaction(payFromMiner(node, outputs, { utxos: [spare[0]!] }));
    const server = new RpcServer({ auth: { user: 'alice', password: 'secret' } });
    registerChainMethods(server, node, { version: '1.2.3', stop: () => undefined });
    const url = await server.listen(0);
    const client = new ChainClient(
      new RpcClient({ url, auth: { user: 'alice', password: 'secret' } }),
    );
    const two = await client.largestUtxos([OTHER_SCRIPT, MINER_SCRIPT], 2);
    const held = (script: Uint8Array): bigint[] =>
      two
        .filter(({ output }) => toHex(output.lockingScript) === toHex(script))
        .map(({ output }) => output.value);
    expect(held(OTHER_SCRIPT)).toEqual([7_000n, 9_000n]);
    expect(held(MINER_SCRIPT)).toHaveLength(2);
    expect(Math.min(...held(MINER_SCRIPT).map(Number))).toBeGreaterThan(1_000);
    expect(await client.scriptUtxos([OTHER_SCRIPT])).toHaveLength(22);
    await server.close();
  });
});
