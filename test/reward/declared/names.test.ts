import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex, utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  ChainNode,
  createKey,
  networkParameters,
  RpcClient,
  RpcServer,
  registerChainMethods,
  Wallet,
} from '#src/chain/index.js';
import {
  declareModel,
  modelByName,
  publishedModels,
  publishModel,
  type Registry,
  readRegistry,
  sourceByName,
} from '#src/reward/index.js';

const params = networkParameters('regtest');
const id = (name: string): string => toHex(sha256(utf8(name)));
const payer = createKey(params);
const ann = createKey(params);

let folder: string;
let node: ChainNode;
let server: RpcServer;
let client: ChainClient;
let wallet: Wallet;
let registry: Registry;

async function publish(key: string, name: string, parents: { id: string; ppm: number }[] = []) {
  const owner = addressScript(ann.address, params);
  const draft = { id: id(key), name, owner, licence: 'MIT', size: 7, feePpm: 50_000, parents };
  const model = await declareModel(client, draft);
  await publishModel(wallet, model);
  await client.generate(1, payer.address);
  return model;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-names-'));
  node = await ChainNode.open({ datadir: folder, network: 'regtest' });
  const auth = { user: 'u', password: 'p' };
  server = new RpcServer({ auth });
  registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
  client = new ChainClient(new RpcClient({ url: await server.listen(0), auth }));
  wallet = new Wallet({ client, keys: [payer], params });
  await client.generate(105, payer.address);
  await publish('base', 'base');
  await publish('one', 'whale:q4');
  await publish('two', 'twin');
  await publish('three', 'twin');
  await publish('child', 'child', [{ id: id('base'), ppm: 100_000 }]);
  registry = await readRegistry(client);
});
afterAll(async () => {
  await client.rpc.close();
  await server.close();
  await node.close();
  rmSync(folder, { recursive: true });
});

describe('the name of a published model', () => {
  it('stands for the model, with its tag or without, with its owner or without', () => {
    const { metaId, owner } = publishedModels(registry)[1]!.pin;
    for (const name of ['whale:q4', 'whale', `${owner}/whale:q4`, `${metaId}/whale`]) {
      expect(modelByName(registry, name).id).toBe(id('one'));
    }
  });

  it('stands for none when it is unknown, of another owner, or that of several', () => {
    for (const name of ['minnow', 'whale:q8', 'whal', `${payer.address}x/whale`, '']) {
      expect(() => modelByName(registry, name), name).toThrow(/is published/);
    }
    const thrown = () => modelByName(registry, 'twin');
    expect(thrown).toThrow(expect.objectContaining({ code: 'AMBIGUOUS_NAME' }));
    expect(thrown).toThrow(new RegExp(`${id('two')}, ${id('three')}`));
  });

  it('is told as what it is where another kind of source is asked for', () => {
    expect(() => sourceByName(registry, 'whale', 'paper')).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_SOURCE',
        message: 'No paper "whale" is published yet, only a model.',
        next: 'Write model:whale',
      }),
    );
  });
});
