import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addressScript,
  ChainClient,
  type ChainNode,
  createKey,
  formatOutpoint,
  type KnownTransaction,
  RpcClient,
  RpcServer,
  registerChainMethods,
  Wallet,
} from '#src/chain/index.js';
import { MINER, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, REGTEST } from '../node/setup.js';

/** A node that says a coin holds more than it does. */
class BoastfulClient extends ChainClient {
  override async *eachUtxo(...asked: Parameters<ChainClient['eachUtxo']>) {
    for await (const coin of super.eachUtxo(...asked)) {
      yield { ...coin, output: { ...coin.output, value: coin.output.value + 1n } };
    }
  }
}

/** A node that gives another transaction than the one asked for. */
class ForgingClient extends BoastfulClient {
  override async transaction(txid: string): Promise<KnownTransaction | undefined> {
    const known = await super.transaction(txid);
    if (!known) return known;
    const outputs = known.transaction.outputs.map((output) => ({
      ...output,
      value: output.value + 1n,
    }));
    return { ...known, transaction: { ...known.transaction, outputs } };
  }
}

describe('a wallet on a node', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let end: () => Promise<void>;
  const auth = { user: 'u', password: 'p' };
  const pay = (value: bigint) => [{ value, lockingScript: OTHER_SCRIPT }];
  const wallet = (client: ChainClient = new ChainClient(rpc)): Wallet =>
    new Wallet({ client, keys: [MINER], params: REGTEST });

  beforeAll(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(103, MINER_SCRIPT);
    server = new RpcServer({ auth });
    registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
    const url = await server.listen(0);
    rpc = new RpcClient({ url, auth });
  });
  afterAll(async () => {
    await rpc.close();
    await server.close();
    await end();
  });

  it('tells what can be spent from what is not yet deep enough', async () => {
    const balance = await wallet().balance();
    expect(balance.confirmed).toBe(4n * 5_000_000_000n);
    expect(balance.immature).toBe(99n * 5_000_000_000n);
    expect(await wallet().utxos()).toHaveLength(4);
  });

  it('never gives two payments made at the same time the same coin', async () => {
    const payer = wallet();
    const funded = await Promise.all(
      [1, 2, 3, 4].map((coins) => payer.fund({ outputs: pay(BigInt(coins) * 100_000_000n) })),
    );
    const spent = funded.flatMap(({ transaction }) =>
      transaction.inputs.map(({ outpoint }) => formatOutpoint(outpoint)),
    );
    expect(new Set(spent).size).toBe(spent.length);
    await expect(payer.fund({ outputs: pay(1_000n) })).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    payer.release(funded[0]!.transaction);
    expect(await payer.utxos()).toHaveLength(1);
  });

  it('leaves a locked coin alone until it is unlocked', async () => {
    const payer = wallet();
    const [first, ...rest] = await payer.utxos();
    for (const { outpoint } of rest) payer.lock(outpoint);
    const { transaction } = await payer.fund({ outputs: pay(1_000_000n) });
    expect(transaction.inputs[0]!.outpoint).toEqual(first!.outpoint);
    payer.unlock(rest[0]!.outpoint);
    expect((await payer.utxos())[0]!.outpoint).toEqual(rest[0]!.outpoint);
  });

  it('does not believe a node about an amount', async () => {
    for (const client of [new BoastfulClient(rpc), new ForgingClient(rpc)]) {
      const payer = wallet(client);
      await expect(payer.fund({ outputs: pay(1_000_000n) })).rejects.toMatchObject({
        code: 'BAD_NODE_ANSWER',
      });
      expect(await payer.utxos()).toHaveLength(4);
    }
  });

  it('keeps its coins when a payment is refused', async () => {
    const payer = wallet();
    await expect(payer.send(pay(600n))).rejects.toMatchObject({ code: 'HIGH_FEE' });
    await expect(payer.send(pay(100n))).rejects.toMatchObject({ code: 'DUST_OUTPUT' });
    expect(await payer.utxos()).toHaveLength(4);
  });

  it('pays, and spends its own change before it is mined', async () => {
    const payer = wallet();
    const first = await payer.send(pay(19_000_000_000n));
    const second = await payer.send(pay(500_000_000n));
    expect(first.txid).not.toBe(second.txid);
    await node.mine(1, addressScript(createKey(REGTEST).address, REGTEST));
    const paid = await new ChainClient(rpc).transaction(second.txid);
    expect(paid?.height).toBe(104);
  });
});
