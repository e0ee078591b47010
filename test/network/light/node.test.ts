import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, utf8 } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  createPin,
  DUST,
  type KeyPair,
  modifyPin,
  RpcClient,
  type RunningNode,
  runNode,
  transferPin,
  Wallet,
} from '#src/chain/index.js';
import {
  type FullNetwork,
  type RunningLightNode,
  registerNetworkMethods,
  runLightNode,
  startNetwork,
} from '#src/network/index.js';
import { PROOFS } from '#src/network/light/protocols.js';
import { until } from '../../until.js';
import { addressOf as addressOfHost, Hosts } from '../host/hosts.js';
import { REGTEST, scriptOf } from './rig.js';

/** A full node on the network. */
interface Full {
  readonly running: RunningNode;
  readonly network: FullNetwork;
  readonly client: ChainClient;
}

describe('a light node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-light-node-'));
  const fulls: Full[] = [];
  let light: RunningLightNode;
  let near: ChainClient;
  let miner: KeyPair;
  let buyer: KeyPair;
  let wallet: Wallet;

  const onWarning = (): void => {};
  const clientOf = (datadir: string): ChainClient =>
    new ChainClient(RpcClient.forNode({ datadir, network: 'regtest', rpc: undefined }));
  const addressOf = ({ network }: Full): string => network.host.addresses()[0]!;

  async function full(name: string): Promise<Full> {
    const datadir = join(folder, name);
    let network!: FullNetwork;
    const running = await runNode({
      datadir,
      network: 'regtest',
      version: 'test',
      rpcPort: 0,
      threads: 1,
      extend: async (server, node) => {
        const listen = ['/ip4/127.0.0.1/tcp/0'];
        const seeds = fulls.slice(0, 1).map(addressOf);
        network = await startNetwork({ node, listen, seeds, onWarning });
        registerNetworkMethods(server, network, 'test');
        return () => network.close();
      },
    });
    const made = { running, network, client: clientOf(datadir) };
    fulls.push(made);
    return made;
  }

  function startLight(): Promise<RunningLightNode> {
    return runLightNode({
      datadir: join(folder, 'light'),
      network: 'regtest',
      version: 'test',
      rpcPort: 0,
      listen: [],
      connect: fulls.map(addressOf),
      onWarning,
    });
  }

  /** Mines on the first node, and waits until everybody has followed. */
  async function mine(blocks = 1): Promise<void> {
    const { running } = fulls[0]!;
    await running.node.mine(blocks, scriptOf(miner));
    const { hash } = running.node.tip;
    await until(() => fulls.every(({ running: { node } }) => node.tip.hash === hash));
    await until(() => light.node.tip.hash === hash);
  }

  const proves = (): boolean => {
    const { host } = light.node.network;
    return fulls.every(({ network }) => host.protocolsOf(network.host.id).includes('proofs/1'));
  };

  beforeAll(async () => {
    [miner, buyer] = [createKey(REGTEST), createKey(REGTEST)];
    await full('first');
    await full('second');
    light = await startLight();
    near = clientOf(join(folder, 'light'));
    wallet = new Wallet({ client: near, keys: [buyer], params: REGTEST });
    await until(proves);
    await mine(102);
  });

  afterAll(async () => {
    await light.stop();
    for (const { running } of fulls) await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows the tip and the headers of the chain', async () => {
    const client = fulls[0]!.client;
    expect(await near.height()).toBe(102);
    expect(await near.genesisId()).toBe(await client.genesisId());
    expect(await near.blockId(50)).toBe(await client.blockId(50));
    const id = await near.blockId(50);
    const { nTx: _, ...known } = await client.rpc.call<Record<string, unknown>>(
      'getblockheader',
      id,
    );
    expect(await near.rpc.call('getblockheader', id)).toEqual(known);
  });

  it('lets a wallet receive, see what waits, and pay', async () => {
    const bank = new Wallet({ client: fulls[1]!.client, keys: [miner], params: REGTEST });
    const coin = 100_000_000n;
    await bank.send([{ value: coin, lockingScript: scriptOf(buyer) }]);
    await until(async () => (await wallet.balance()).pending === coin);
    await until(() => fulls[0]!.running.node.mempool.size === 1);
    await mine();
    expect(await wallet.balance()).toMatchObject({ confirmed: coin, pending: 0n });
    const shop = createKey(REGTEST);
    const { txid, fee } = await wallet.send([
      { value: 30_000_000n, lockingScript: scriptOf(shop) },
    ]);
    for (const { running } of fulls) {
      await until(() => running.node.mempool.size === 1);
    }
    expect(await wallet.balance()).toMatchObject({
      confirmed: 0n,
      pending: coin - 30_000_000n - fee,
    });
    expect((await near.transaction(txid))!.height).toBe(0);
    await mine();
    expect(await wallet.balance()).toMatchObject({
      confirmed: coin - 30_000_000n - fee,
      pending: 0n,
    });
    expect((await near.transaction(txid))!.height).toBe(104);
    expect((await wallet.history()).map(({ height }) => height)).toEqual([103, 104]);
    expect(light.node.chain.outbox.size).toBe(0);
  });

  it('refuses a payment that cannot be, in the words of a full node', async () => {
    const { transaction, spentOutputs } = await wallet.fund({
      outputs: [{ value: 1_000n, lockingScript: scriptOf(miner) }],
    });
    await expect(near.send(transaction)).rejects.toMatchObject({
      code: 'TX_REJECTED',
      message: expect.stringContaining('mandatory-script-verify-flag-failed'),
    });
    const signed = wallet.sign(transaction, spentOutputs);
    const hash = new Uint8Array(32).fill(9);
    const inputs = signed.inputs.map((input) => ({ ...input, outpoint: { hash, index: 0 } }));
    await expect(near.send({ ...signed, inputs })).rejects.toThrow(
      'bad-txns-inputs-missingorspent',
    );
    wallet.release(transaction);
  });

  it('finds pins at a path, and follows them through changes and hands', async () => {
    const client = fulls[0]!.client;
    const path = '/protocols/bitmodel-test';
    const says = (text: string) => ({ contentType: 'text/plain', payload: utf8(text) });
    const { pin } = await createPin(wallet, path, says('first'), scriptOf(buyer));
    await mine();
    const [made] = await near.pins(path);
    expect([made]).toEqual(await client.pins(path));
    expect(made!.id).toBe(pin);
    // the wallet sees which of its coins holds it, and spends it for nothing else
    expect((await wallet.balance()).reserved).toBe(DUST);
    await modifyPin(near, wallet, made!, says('second'));
    await mine();
    const [changed] = await near.pins({ id: pin });
    expect(changed!.versions.map(({ payload }) => new TextDecoder().decode(payload))).toEqual([
      'first',
      'second',
    ]);
    await transferPin(near, wallet, changed!, scriptOf(miner));
    await mine();
    expect(await near.pins(path)).toEqual(await client.pins(path));
    expect((await near.pins(path))[0]!.owner).toBe(miner.address);
    const history = ['getpinhistory', pin] as const;
    expect(await near.rpc.call(...history)).toEqual(await client.rpc.call(...history));
    await expect(near.pins({ owner: miner.address })).rejects.toMatchObject({ code: 'LIGHT_NODE' });
  });

  it('answers each method of a full node, or says that headers are all it has', async () => {
    const names = async (client: ChainClient): Promise<string[]> =>
      (await client.rpc.call<string>('help'))
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('=='))
        .map((line) => line.split(' ')[0]!);
    const own = new Set(await names(near));
    const missing = (await names(fulls[0]!.client)).filter((name) => !own.has(name));
    expect(missing).toEqual([]);
    await expect(near.rpc.call('getblocktemplate')).rejects.toMatchObject({ code: 'LIGHT_NODE' });
  });

  it('pays what several nodes think right', async () => {
    const asked = await near.rpc.call<{ errors?: string[] }>('estimatesmartfee', 6);
    const client = fulls[0]!.client;
    expect(asked).toEqual(await client.rpc.call('estimatesmartfee', 6));
    const { mempoolminfee } = await near.rpc.call<{ mempoolminfee: number }>('getmempoolinfo');
    const full = await client.rpc.call<{ mempoolminfee: number }>('getmempoolinfo');
    expect(mempoolminfee).toBe(full.mempoolminfee);
  });

  it('keeps a payment that nobody has mined over a restart, and hands it over again', async () => {
    const { txid } = await wallet.send([{ value: 1_000_000n, lockingScript: scriptOf(miner) }]);
    await light.stop();
    for (const { running } of fulls) {
      const waiting = [...running.node.mempool.entries()];
      for (const entry of waiting) running.node.mempool.remove(entry);
    }
    light = await startLight();
    near = clientOf(join(folder, 'light'));
    wallet = new Wallet({ client: near, keys: [buyer], params: REGTEST });
    await until(proves);
    expect(light.node.chain.outbox.size).toBe(1);
    await mine();
    await until(() => fulls[0]!.running.node.mempool.size === 1);
    await mine();
    await until(() => light.node.chain.outbox.size === 0);
    expect((await near.transaction(txid))!.height).toBe(light.node.tip.height);
  });

  it('bans a peer that forges, for good, and shows what it knows', async () => {
    const hosts = new Hosts();
    const forger = await hosts.start('forger');
    forger.answer(PROOFS.answering, () => new Uint8Array(100).fill(7));
    const { host, peers } = light.node.network;
    await peers.dialler.once(addressOfHost(forger));
    await until(() => host.protocolsOf(forger.id).includes('proofs/1'));
    await wallet.balance();
    await until(() => !host.isConnected(forger.id));
    expect(peers.bans.hasPeer(forger.id)).toBe(true);
    await expect(host.dial(addressOfHost(forger))).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    const status = await near.rpc.call<{ light: object }>('getnodestatus');
    expect(status.light).toMatchObject({ asked: 2, sending: 0 });
    await hosts.close();
  });

  it('says so when nobody is there to ask, and shows what it has', async () => {
    const datadir = join(folder, 'lonely');
    const lonely = await runLightNode({
      datadir,
      network: 'regtest',
      version: 'test',
      rpcPort: 0,
      listen: [],
      connect: ['/ip4/127.0.0.1/tcp/1'],
      onWarning,
    });
    const client = clientOf(datadir);
    expect(await client.height()).toBe(0);
    await expect(client.utxos([buyer.address])).rejects.toMatchObject({
      code: 'NO_PEERS',
      exitCode: EXIT.unreachable,
    });
    client.rpc.close();
    await lonely.stop();
  });

  it('keeps a second node out of its folder', async () => {
    const second = runNode({
      datadir: join(folder, 'light'),
      network: 'regtest',
      version: 'test',
      rpcPort: 0,
    });
    await expect(second).rejects.toMatchObject({ code: 'DATADIR_LOCKED' });
  });
});
