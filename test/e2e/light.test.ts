import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { Place, type Running } from './harness.js';

/** Machines of their own: two full nodes, one with a market on it, and a buyer's with nothing but headers. */
const market = new Place();
const second = new Place();
const buyer = new Place();
const TINY = join(market.folder, 'tiny');
const receipt = join(buyer.folder, 'receipt.json');

const at = (place: Place) => ({ BITMODEL_PASSPHRASE_FILE: place.passphraseFile });
const addressOf = ({ line }: Running): string =>
  (JSON.parse(line) as { addresses: string[] }).addresses[0]!;

async function startFull(place: Place, ...args: string[]): Promise<string> {
  const node = ['node', '--regtest', '--rpc-port', '0', '--p2p-port', '0', '--json'];
  return addressOf(await place.start([...node, ...args]));
}

async function balance(place: Place, key: string): Promise<Record<string, string>> {
  return place.json<Record<string, string>>(['wallet', 'balance', '--key', key]);
}

describe('bitmodel node --light', () => {
  let payee: string;
  let own: string;

  beforeAll(async () => {
    cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
    await market.ok(['model', 'pack', TINY]);
    const first = await startFull(market, '--mine', '--block-time', '0.6');
    const other = await startFull(second, '--seed-node', first);
    const light = ['node', '--light', '--regtest', '--rpc-port', '0', '--connect', first, other];
    await buyer.start([...light, '--json']);
    for (const [name, coins] of [
      ['judge', '1'],
      ['seller', '10'],
    ] as const) {
      await market.ok(['keygen', '--name', name], { env: at(market) });
      await market.ok(['wallet', 'faucet', coins, '--key', name]);
    }
    payee = (await market.json<{ address: string }>(['wallet', 'address', '--key', 'seller']))
      .address;
    await buyer.ok(['keygen', '--name', 'buyer'], { env: at(buyer) });
    own = (await buyer.json<{ address: string }>(['wallet', 'address', '--key', 'buyer'])).address;
    const sent = ['wallet', 'send', own, '5', '--key', 'seller', '--yes'];
    await market.ok(sent, { env: at(market) });
    await until(async () => (await balance(buyer, 'buyer')).confirmed === '5.00000000');
  }, 240_000);

  afterAll(() => {
    for (const place of [market, second, buyer]) place.close();
  });

  it('shows the chain that the others agree on, and its peers', async () => {
    const chain = await buyer.json<{ network: string }>(['chain', 'info']);
    expect(chain.network).toBe('regtest');
    const status = await buyer.json<{ peers: { outbound: number } }>(['node', 'status']);
    expect(status.peers.outbound).toBe(2);
  });

  it('pays, and shows the payment from its proof once it is in a block', async () => {
    const send = ['wallet', 'send', payee, '1.5', '--key', 'buyer', '--yes'];
    const { txid } = await buyer.json<{ txid: string }>(send, { env: at(buyer) });
    await until(async () => {
      const { height } = await buyer.json<{ height?: number }>(['chain', 'tx', txid]);
      return height !== undefined;
    });
    const shown = await buyer.json<{ outputs: { address?: string; value: string }[] }>([
      'chain',
      'tx',
      txid,
    ]);
    expect(shown.outputs).toContainEqual(
      expect.objectContaining({ address: payee, value: '1.50000000' }),
    );
    const left = await balance(buyer, 'buyer');
    expect(Number(left.confirmed)).toBeGreaterThan(3.49);
    expect(Number(left.confirmed)).toBeLessThan(3.5);
  });

  it('buys an answer and verifies it', async () => {
    const model = ['--model', TINY, '--threads', '1'];
    const env = at(market);
    await market.start(['verifier', '--key', 'judge', ...model, '--fee', '0.0005'], env);
    const sells = ['--price', '0.0005', '--accept-verifiers', 'any'];
    await market.start(['worker', '--key', 'seller', ...model, ...sells], env);
    const asks = ['--prompt', 'The people of', '--max-tokens', '8', '--price', '0.001'];
    const buys = [
      'job',
      'submit',
      '--key',
      'buyer',
      ...model,
      ...asks,
      '--max-reward',
      '1',
      '--timeout',
      '300',
    ];
    // the judge's announcement of itself has to come over first
    let text = '';
    await until(async () => {
      const { code, stdout, stderr } = await buyer.run([...buys, '--receipt', receipt], {
        env: at(buyer),
      });
      if (code !== 0 && !stderr.includes('NO_VERIFIERS')) throw new Error(stderr);
      text = stdout.trimEnd();
      return code === 0;
    });
    expect(text).toBe(
      await market.ok(['model', 'run', TINY, 'The people of', '--max-tokens', '8']),
    );
    const verdict = await buyer.json(['verify', receipt, '--model', TINY]);
    expect(verdict).toMatchObject({ result: 'valid', positions: 8 });
  }, 240_000);

  it('fetches no models, and says so', async () => {
    const { stderr } = await buyer.run(['model', 'pull', 'a'.repeat(64)], { env: at(buyer) });
    expect(stderr).toContain('A light node fetches no models. [NO_MODELS]');
    const { stderr: listed } = await buyer.run(['model', 'list', '--network'], { env: at(buyer) });
    expect(listed).not.toContain('The node has no network');
  });

  it('refuses what it can not know, in one sentence with what mends it', async () => {
    const { code, stderr } = await buyer.run(['chain', 'block', 'tip', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'LIGHT_NODE',
        message: "A light node keeps headers only and can't answer getblock",
        next: 'Ask a node that keeps the whole chain: --rpc URL',
      },
    });
  });

  it.concurrent.each([
    [['--mine', '--seed-node', '127.0.0.1:1'], '--mine is for a node that keeps blocks'],
    [['--prune', '500', '--seed-node', '127.0.0.1:1'], '--prune is for a node that keeps blocks'],
    [[], 'knows nothing without other nodes'],
  ])('refuses to start with %j', async (args, words) => {
    const { code, stderr } = await buyer.run(['node', '--light', '--regtest', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
