import { cpSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkModel, ModelRegistry, packModel } from '#src/model/index.js';
import { readCalibration } from '#src/rastic/index.js';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

const TINY = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');

const nodes = new Nodes();
const { place } = nodes;
const passphrase = ['--passphrase-file', place.passphraseFile];
/** The only nodes that others can dial; they neither have the model nor take part in the job. */
let relay: NodeProcess;
/** Is known to others by a name. */
let second: NodeProcess;
/** Listens, but nobody is there at the address that it is told to be at; it has to find that out. */
let seller: NodeProcess;
/** Knows that nobody can dial it. */
let buyer: NodeProcess;
let id: string;

/** A port of this machine at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function makeKey(node: NodeProcess, name: string): Promise<string> {
  const { publicKey } = await place.json<{ publicKey: string }>(
    ['keygen', '--name', name, ...passphrase],
    { env: node.env },
  );
  return publicKey;
}

async function fund(node: NodeProcess, name: string, ...coins: string[]): Promise<void> {
  await makeKey(node, name);
  const address = await place.ok(['wallet', 'address', '--key', name], { env: node.env });
  for (const amount of coins) await relay.rpc('faucet', address, amount);
}

/** How a node is connected to another, as its list of peers says. */
async function wayTo(node: NodeProcess, other: NodeProcess): Promise<Record<string, unknown>> {
  const peers = await node.rpc<{ peer: string }[]>('getpeerinfo');
  return peers.find(({ peer }) => peer === other.id) ?? {};
}

beforeAll(async () => {
  relay = await nodes.start('relay', '--mine', '--block-time', '0.8');
  const seed = ['--seed-node', relay.address];
  const port = await closedPort();
  const named = ['--listen', `127.0.0.1:${port}`, '--announce', `localhost:${port}`];
  second = await nodes.start('second', ...named, ...seed);
  const announce = ['--announce', `127.0.0.1:${await closedPort()}`];
  const folder = join(place.folder, 'seller', 'tiny');
  cpSync(TINY, folder, { recursive: true });
  ({ id } = await packModel(folder, { name: 'tiny', licence: 'MIT' }));
  new ModelRegistry(join(place.folder, 'seller')).register(id, folder, 'tiny');
  [seller, buyer] = (await Promise.all([
    nodes.start('seller', ...announce, ...seed),
    nodes.start('buyer', '--no-listen', ...seed),
  ])) as [NodeProcess, NodeProcess];
  await fund(buyer, 'buyer', '3');
  await fund(seller, 'seller', '5', '5');
});
afterAll(() => nodes.close());

describe('two nodes that nobody can dial', () => {
  it('know it, one of them from its peers, and have addresses through relays only', async () => {
    const status = (node: NodeProcess) =>
      node.rpc<{ reachable: string; relays: string[]; addresses: string[] }>('getnodestatus');
    for (const node of [seller, buyer]) {
      await until(async () => {
        const { reachable, relays } = await status(node);
        return reachable === 'no' && relays.length === 2;
      });
      const { addresses, relays } = await status(node);
      expect(relays.sort()).toEqual([relay.id, second.id].sort());
      expect(addresses.length).toBeGreaterThan(0);
      expect(
        addresses.filter((address) => !address.endsWith(`/p2p-circuit/p2p/${node.id}`)),
      ).toEqual([]);
    }
    await until(async () => (await status(relay)).reachable === 'yes');
    const { addresses } = await status(second);
    expect(addresses.map((each) => each.split('/').slice(1, 3))).toEqual([['dns', 'localhost']]);
    const shown = await place.ok(['node', 'status'], { env: seller.env });
    expect(shown.replace(/\s+/g, ' ')).toContain('no, others reach it through');
  });

  it('meet through a relay', async () => {
    await until(async () => (await wayTo(buyer, seller)).peer === seller.id);
    expect(await wayTo(buyer, seller)).toMatchObject({ relayed: true });
  });

  it('pass a model on with its calibration, which the relay never holds', async () => {
    const key = ['--key', 'seller', ...passphrase];
    await place.ok(['model', 'publish', id, ...key, '--yes'], { env: seller.env });
    await until(async () => {
      const pins = await buyer.rpc<unknown[]>('getpins', { path: '/protocols/bitmodel-model' });
      return pins.length === 1;
    });
    const pulled = await place.json<{ dir: string }>(['model', 'pull', id], { env: buyer.env });
    expect((await checkModel(pulled.dir)).faults).toEqual([]);
    const calibration = readCalibration(pulled.dir, id, 'onnx/model.onnx');
    expect(calibration).toEqual(readCalibration(TINY, id, 'onnx/model.onnx'));
    expect(calibration).toBeDefined();
  });

  it('do a job for one another, from its announcement to its payment', async () => {
    const judges = await Promise.all(['j1', 'j2', 'j3'].map((name) => makeKey(relay, name)));
    const model = ['--model', id, '--threads', '1', ...passphrase];
    await place.start(
      [
        'worker',
        '--key',
        'seller',
        '--price',
        '0.0005',
        '--accept-verifiers',
        'any',
        '--max-stake',
        '4',
        ...model,
      ],
      seller.env,
    );
    const terms = ['--price', '0.001', '--max-reward', '1', '--verifiers', judges.join()];
    const what = ['--prompt', 'The people of', '--max-tokens', '6', '--key', 'buyer'];
    const bought = await place.json(
      ['job', 'submit', ...what, ...terms, ...model, '--timeout', '300'],
      {
        env: buyer.env,
      },
    );
    expect(bought).toMatchObject({ state: 'settled', verdict: { result: 'valid' } });
  });
});
