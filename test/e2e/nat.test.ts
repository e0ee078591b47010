import { cpSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkModel, ModelRegistry, packModel } from '#src/model/index.js';
import { readCalibration } from '#src/rastic/index.js';
import { eventually, type NodeProcess, Nodes } from './Nodes.js';

const TINY = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');

const nodes = new Nodes();
const { place } = nodes;
const passphrase = ['--passphrase-file', place.passphraseFile];
/** The only node that others can dial; it neither has the model nor takes part in the job. */
let relay: NodeProcess;
/** Both behind a NAT: neither takes a connection that another machine makes. */
let seller: NodeProcess;
let buyer: NodeProcess;
let id: string;

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
  const hidden = ['--no-listen', '--seed-node', relay.address];
  const folder = join(place.folder, 'seller', 'tiny');
  cpSync(TINY, folder, { recursive: true });
  ({ id } = await packModel(folder, { name: 'tiny', licence: 'MIT' }));
  new ModelRegistry(join(place.folder, 'seller')).register(id, folder, 'tiny');
  [seller, buyer] = (await Promise.all([
    nodes.start('seller', ...hidden),
    nodes.start('buyer', ...hidden),
  ])) as [NodeProcess, NodeProcess];
  await fund(buyer, 'buyer', '3');
  await fund(seller, 'seller', '5', '5');
}, 120_000);
afterAll(() => nodes.close());

describe('two nodes that nobody can dial', { timeout: 120_000 }, () => {
  it('have addresses through a relay only, and meet through it', async () => {
    expect([seller.address, buyer.address]).toEqual(['', '']);
    await eventually(async () => (await wayTo(buyer, seller)).peer === seller.id, 60);
    const { addresses } = await seller.rpc<{ addresses: string[] }>('getnetworkinfo');
    expect(addresses.length).toBeGreaterThan(0);
    const through = `/p2p/${relay.id}/p2p-circuit/p2p/${seller.id}`;
    expect(addresses.every((address) => address.endsWith(through))).toBe(true);
    expect(JSON.stringify(await wayTo(buyer, seller))).toContain('relay');
  });

  it('pass a model on with its calibration, which the relay never holds', async () => {
    const key = ['--key', 'seller', ...passphrase];
    await place.ok(['model', 'publish', id, ...key, '--yes'], { env: seller.env });
    await eventually(async () => {
      const pins = await buyer.rpc<unknown[]>('getpins', { path: '/protocols/bitmodel-model' });
      return pins.length === 1;
    }, 30);
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
    const bought = await place.json(['job', 'submit', ...what, ...terms, ...model], {
      env: buyer.env,
    });
    expect(bought).toMatchObject({ state: 'settled', verdict: { result: 'valid' } });
  });
});
