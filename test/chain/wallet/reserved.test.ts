import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  type ChainNode,
  createKey,
  encodePin,
  heldNft,
  idToHash,
  type KeyPair,
  planNftSend,
  RpcClient,
  RpcServer,
  registerChainMethods,
  sendNft,
  type TransactionOutput,
  Wallet,
} from '#src/chain/index.js';
import { MINER, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, REGTEST } from '../node/setup.js';

const MONEY = 1_000_000_000n;
const pin: TransactionOutput = {
  value: 0n,
  lockingScript: encodePin({
    operation: 'create',
    path: '/x',
    contentType: 'text/plain',
    payload: utf8('hi'),
  }),
};

describe('money on which a stranger has put something', () => {
  let node: ChainNode;
  let server: RpcServer;
  let rpc: RpcClient;
  let client: ChainClient;
  let end: () => Promise<void>;
  let key: KeyPair;
  const auth = { user: 'u', password: 'p' };
  const wallet = (): Wallet => new Wallet({ client, keys: [key], params: REGTEST });
  const stranger = (): Wallet => new Wallet({ client, keys: [MINER], params: REGTEST });
  const own = (): Uint8Array => addressScript(key.address, REGTEST);
  const pinned = async (): Promise<{ hash: Uint8Array; index: number }> => {
    const outputs = [{ value: MONEY, lockingScript: own() }, pin];
    const { txid } = await stranger().send(outputs);
    await node.mine(1, MINER_SCRIPT);
    return { hash: idToHash(txid), index: 0 };
  };

  beforeAll(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(108, MINER_SCRIPT);
    server = new RpcServer({ auth });
    registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
    rpc = new RpcClient({ url: await server.listen(0), auth });
    client = new ChainClient(rpc);
  });
  beforeEach(() => {
    key = createKey(REGTEST);
  });
  afterAll(async () => {
    await rpc.close();
    await server.close();
    await end();
  });

  it('waits while it is not named, is told of, and is spent when pins are allowed', async () => {
    const coin = await pinned();
    const payer = wallet();
    expect(await payer.balance()).toMatchObject({ confirmed: 0n, reserved: MONEY });
    expect((await payer.pinned()).map(({ outpoint }) => outpoint)).toEqual([coin]);
    const outputs = [{ value: MONEY / 2n, lockingScript: OTHER_SCRIPT }];
    await expect(payer.send(outputs)).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
    const named = { coins: [coin] };
    await expect(payer.send(outputs, named)).rejects.toMatchObject({ code: 'PIN_RESERVED' });
    const sent = await payer.send(outputs, { ...named, allowPins: true });
    expect(sent.transaction.inputs.map(({ outpoint }) => outpoint)).toEqual([coin]);
  });

  it('is swept with the rest when pins are allowed, and left behind when not', async () => {
    await pinned();
    const plain = [{ value: MONEY, lockingScript: own() }];
    await stranger().send(plain);
    await node.mine(1, MINER_SCRIPT);
    const [swept] = await wallet().sweep(own());
    expect(swept!.transaction.inputs).toHaveLength(1);
    await node.mine(1, MINER_SCRIPT);
    const [all] = await wallet().sweep(OTHER_SCRIPT, { allowPins: true });
    expect(all!.transaction.inputs).toHaveLength(2);
    await node.mine(1, MINER_SCRIPT);
    expect((await client.utxos([key.address])).length).toBe(0);
  });

  it('stays with who gives the NFT on it away, but for what an NFT needs', async () => {
    const birth = (await stranger().utxos()).find(({ outpoint }) => outpoint.index === 0)!;
    const category = birth.outpoint.hash;
    const nft = { capability: 'none', commitment: Uint8Array.of(1) } as const;
    const output = { value: MONEY, lockingScript: own(), token: { category, amount: 0n, nft } };
    await stranger().send([output], { coins: [birth.outpoint] });
    await node.mine(1, MINER_SCRIPT);
    const holder = wallet();
    const coin = await heldNft(holder, { category });
    const plan = await planNftSend(client, holder, coin, OTHER_SCRIPT);
    const { transaction, fee } = await sendNft(holder, plan);
    const [given, change] = transaction.outputs;
    expect(given).toMatchObject({ lockingScript: OTHER_SCRIPT, token: { nft } });
    expect(given!.value).toBeLessThan(1_000n);
    expect(change).toEqual({ value: MONEY - given!.value - fee, lockingScript: own() });
  });
});
