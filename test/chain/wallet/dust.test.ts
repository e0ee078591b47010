import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addressScript,
  ChainClient,
  RpcClient,
  RpcServer,
  registerChainMethods,
  Wallet,
} from '#src/chain/index.js';
import {
  keyOf,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  REGTEST,
} from '../node/setup.js';

const COIN = 100_000_000n;
const VICTIM = keyOf('victim');
const SCRIPT = addressScript(VICTIM.address, REGTEST);
const DUST = 600n;
const DUST_COINS = 4 * 3_000;
const auth = { user: 'u', password: 'p' };

/** Counts what the node answers. */
class CountingClient extends RpcClient {
  coins = 0;
  longest = 0;

  override async call<T = unknown>(method: string, ...params: unknown[]): Promise<T> {
    const answer = await super.call<T>(method, ...params);
    if (method === 'getaddressutxos') this.coins += (answer as unknown[]).length;
    this.longest = Math.max(this.longest, JSON.stringify(answer).length);
    return answer;
  }
}

describe('a wallet at whose address a stranger left thousands of coins', () => {
  let place: Awaited<ReturnType<typeof openTemporaryNode>>;
  let server: RpcServer;
  let rpc: CountingClient;
  let wallet: Wallet;

  beforeAll(async () => {
    place = await openTemporaryNode();
    const { node } = place;
    await node.mine(110, MINER_SCRIPT);
    const [first, ...rest] = matureCoins(node);
    const money = [3n * COIN, 2n * COIN].map((value) => ({ value, lockingScript: SCRIPT }));
    await node.submitTransaction(payFromMiner(node, money, { utxos: [first!] }));
    for (const coin of rest.slice(0, 4)) {
      const dust = Array(DUST_COINS / 4).fill({ value: DUST, lockingScript: SCRIPT });
      await node.submitTransaction(payFromMiner(node, dust, { utxos: [coin] }));
    }
    await node.mine(1, MINER_SCRIPT);
    server = new RpcServer({ auth });
    // what one answer may hold is less than what lies there, as with a few coins' worth of dust on a usual node
    const bounds = { entries: 5_000, scriptBytes: 1_000_000 };
    registerChainMethods(server, node, { version: '0', stop: () => undefined, bounds });
    rpc = new CountingClient({ url: await server.listen(0), auth });
    wallet = new Wallet({ client: new ChainClient(rpc), keys: [VICTIM], params: REGTEST });
  });
  afterAll(async () => {
    await rpc.close();
    await server.close();
    await place.end();
  });

  it('can not be told of them in one answer', async () => {
    await expect(rpc.call('getaddressutxos', VICTIM.address)).rejects.toMatchObject({
      rpcCode: -8,
    });
  });

  it('has a balance, and its money first in every list', async () => {
    const confirmed = 5n * COIN + BigInt(DUST_COINS) * DUST;
    expect(await wallet.balance()).toEqual({ confirmed, pending: 0n, immature: 0n, reserved: 0n });
    const values = (await wallet.utxos(3)).map(({ output }) => output.value);
    expect(values).toEqual([3n * COIN, 2n * COIN, DUST]);
    expect(await wallet.utxos()).toHaveLength(10_000);
    expect(await wallet.tokens()).toEqual([]);
    expect(await wallet.pinned()).toEqual([]);
    const { entries, total } = await wallet.amounts(2);
    expect([entries.length, total]).toEqual([2, 5]);
    const changes = (await wallet.amounts(5)).entries.map(({ change }) => change);
    const dust = (BigInt(DUST_COINS) * DUST) / 4n;
    expect(changes.toSorted()).toEqual([dust, dust, dust, dust, 5n * COIN].toSorted());
  });

  it('pays out of its money, having looked at no more than a page', async () => {
    rpc.coins = 0;
    rpc.longest = 0;
    const { transaction } = await wallet.send([{ value: 4n * COIN, lockingScript: OTHER_SCRIPT }]);
    expect(transaction.inputs).toHaveLength(2);
    expect(rpc.coins).toBe(1_000);
    expect(rpc.longest).toBeLessThan(500_000);
    const { pending } = await wallet.balance();
    expect(pending).toBe(transaction.outputs[1]!.value);
  });

  it('says so where its money and the dust that one transaction can spend do not do', async () => {
    const outputs = [{ value: 6n * COIN, lockingScript: OTHER_SCRIPT }];
    await expect(wallet.send(outputs)).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  });
});
