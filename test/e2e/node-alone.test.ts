import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, type Running } from './harness.js';

/** Nobody listens on port 1. */
const DEAD = '127.0.0.1:1';
const full = new Place();
const light = new Place();
let node: Running;

beforeAll(async () => {
  const regtest = ['node', '--regtest', '--rpc-port', '0', '--seed-node', DEAD];
  const announce = ['--p2p-port', '0', '--announce', 'seller.example'];
  [node] = await Promise.all([
    full.start([...regtest, ...announce]),
    light.start([...regtest, '--light']),
  ]);
});
afterAll(() => {
  full.close();
  light.close();
});

async function failure(place: Place, ...args: string[]): Promise<string> {
  const { code, stderr } = await place.run(args);
  expect(code, stderr).not.toBe(0);
  return stderr;
}

describe('a node whose seed node is dead', () => {
  it('says at its start where it is announced, with the port of the network where none is named', async () => {
    const line = /--seed-node \/dns\/seller\.example\/tcp\/29732\/p2p\/12D3Koo/;
    await expect.poll(() => node.stderr()).toMatch(line);
  });

  it('shows what it knows as a light one: all but what waits to be mined', async () => {
    const status = await light.json(['node', 'status']);
    expect(status).toMatchObject({ height: 0, waiting: null, waitingBytes: null });
    const text = await light.ok(['node', 'status']);
    expect(text).toMatch(/waiting +│ unknown: there is no other node to ask/);
    expect(text).toContain(`/tcp/1 (away)`);
  });

  it.each([
    ['full', full],
    ['light', light],
  ])('is a warning of doctor that names the seed node: a %s node', async (_, place) => {
    const { checks } = await place.json<{ checks: Record<string, string>[] }>(['doctor']);
    const peers = checks.find(({ name }) => name === 'peers')!;
    expect(peers).toMatchObject({
      state: 'warn',
      mend: expect.stringMatching(/^Check the address/),
    });
    expect(peers.found).toContain('/ip4/127.0.0.1/tcp/1, does not answer');
  });

  it('says of a model that it does not know by name that it has no peers', async () => {
    const said = await failure(full, 'model', 'pull', 'tiny');
    expect(said).toContain('No model "tiny" is published as far as the node knows, which has no');
    expect(said).toMatch(/next: Try again when it has some .*bitmodel node peers/);
  });

  it('that mines nothing names the next step to whoever asks it for test coins', async () => {
    for (const place of [full, light]) {
      await place.ok(['keygen'], { env: { BITMODEL_PASSPHRASE_FILE: place.passphraseFile } });
    }
    const said = await failure(full, 'wallet', 'faucet', '5');
    expect(said).toContain(
      '[NO_FAUCET]\n  next: Start it with --mine, or name the node that mines',
    );
    expect(await failure(light, 'wallet', 'faucet', '5')).toMatch(
      /light node has no coins.*\[NO_FAUCET\]\n +next: .*--rpc URL/,
    );
  });

  it('is what a command without a node is told to start, and how that finds others', async () => {
    const said = await failure(full, 'chain', 'info', '--network', 'test');
    expect(said).toMatch(
      /next: Start one with: bitmodel node --network test.*--seed-node ADDRESS$/m,
    );
  });
});
