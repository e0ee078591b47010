import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import { type Finished, Place, type Running } from './harness.js';
import { actor, clientOf } from './stage.js';

const MODEL = 'ab'.repeat(32);

interface Shown {
  readonly category: string;
  readonly nft: { readonly outpoint: string; readonly holder: string; readonly modelId: string };
  readonly spentBy?: string;
  readonly nfts: readonly unknown[];
  readonly history: readonly { readonly kind: string; readonly height: number }[];
}

function errorOf({ stderr }: Finished): string {
  return (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;
}

describe('the NFT of a model on a running node', () => {
  const place = new Place();
  const withFile = ['--passphrase-file', place.passphraseFile];
  let node: Running;
  let chain: ChainClient;
  let own: string;
  let other: string;
  let category: string;
  let outpoint: string;

  beforeAll(async () => {
    node = await place.startNode('--block-time', '3600');
    chain = clientOf(place);
    own = (await actor(place, chain, 'default')).key.address;
    other = (await actor(place, chain, 'other')).key.address;
    await chain.rpc.call('faucet', own, '1');
  });
  afterAll(async () => {
    chain?.rpc.close();
    await node?.stop();
    place.close();
  });

  it('is shown before it is minted, and nothing is sent', async () => {
    const args = ['nft', 'mint', '--model', MODEL, '--dry-run', ...withFile];
    const planned = await place.json(args);
    expect(planned).toMatchObject({ holder: own, commitment: MODEL, modelId: MODEL });
    expect(planned).not.toHaveProperty('txid');
    const none = await place.run(['nft', 'show', planned.category as string, '--json']);
    expect([none.code, errorOf(none)]).toEqual([3, 'NO_SUCH_TOKEN']);
  });

  it('is minted, and lies with the key that minted it', async () => {
    const minted = await place.json(['nft', 'mint', '--model', MODEL, ...withFile]);
    ({ category, outpoint } = minted as { category: string; outpoint: string });
    expect(minted).toMatchObject({ holder: own, capability: 'none', outpoint: `${minted.txid}:0` });
    const shown = await place.json<Shown>(['nft', 'show', category]);
    expect(shown.nft).toMatchObject({ outpoint, holder: own, category, modelId: MODEL });
    expect(shown.history).toMatchObject([{ kind: 'mint', height: 0 }]);
    expect(await place.ok(['nft', 'show', category, '-q'])).toBe(outpoint);
    expect(await place.ok(['nft', 'show', category])).toContain(MODEL);
  });

  it('is shown beside the coins of its holder, and is none of them', async () => {
    const coins = await place.json<{
      utxos: { outpoint: string }[];
      tokens: { outpoint: string; token: object }[];
    }>(['wallet', 'utxos']);
    expect(coins.utxos.map((coin) => coin.outpoint)).not.toContain(outpoint);
    expect(coins.tokens).toMatchObject([{ outpoint, token: { category, amount: '0' } }]);
    const balance = await place.json(['wallet', 'balance']);
    expect(balance).toMatchObject({ reserved: '0.00000747', tokens: [{ category }] });
  });

  it('is burnt only when asked', async () => {
    const input = JSON.stringify([{ txid: outpoint.split(':')[0], vout: 0 }]);
    const raw = await place.ok(['rpc', 'createrawtransaction', input, `{"${own}": 0.0000055}`]);
    const sign = ['tx', 'sign', raw, '--json', '--allow-high-fee', ...withFile];
    expect(errorOf(await place.run(sign))).toBe('TOKEN_BURN');
    const signed = await place.ok([...sign, '--allow-burn']);
    const send = ['tx', 'send', '--json', '--allow-high-fee'];
    expect(errorOf(await place.run(send, { stdin: signed }))).toBe('TOKEN_BURN');
    const decoded = await place.ok(['tx', 'decode'], { stdin: signed });
    expect(decoded).toContain(`NFT of ${MODEL}\n     category ${category}`);
  });

  it('is given away only with a yes, and its past stays to be seen', async () => {
    const asked = await place.run(['nft', 'send', category, other, '--json', ...withFile]);
    expect([asked.code, errorOf(asked)]).toEqual([4, 'NOT_CONFIRMED']);
    const planned = await place.json(['nft', 'send', category, other, '--dry-run', ...withFile]);
    expect(planned).toMatchObject({ category, to: other });
    const sent = await place.json(['nft', 'send', category, other, '--yes', ...withFile]);
    await place.ok(['rpc', 'generatetoaddress', '1', other]);
    const shown = await place.json<Shown>(['nft', 'show', category]);
    expect(shown.nft).toMatchObject({ outpoint: sent.outpoint, holder: other, modelId: MODEL });
    expect(shown.history).toMatchObject([{ kind: 'mint' }, { kind: 'send' }]);
    expect(shown.history.every(({ height }) => height > 0)).toBe(true);
    const before = await place.json<Shown>(['nft', 'show', outpoint]);
    expect(before).toMatchObject({ spentBy: sent.txid, nft: { holder: own } });
    const again = ['nft', 'send', outpoint, own, '--yes', '--json', ...withFile];
    const refused = await place.run(again);
    expect(errorOf(refused)).toBe('NFT_NOT_HELD');
  });

  it('can be one of bytes of one’s own, mutable and for somebody else', async () => {
    const args = ['--commitment', '0102', '--capability', 'mutable', '--to', other];
    const minted = await place.json(['nft', 'mint', ...args, ...withFile]);
    const shown = await place.json<Shown>(['nft', 'show', minted.category as string]);
    expect(shown.nft).toMatchObject({
      holder: other,
      nft: { capability: 'mutable', commitment: '0102' },
    });
    expect(shown.nft).not.toHaveProperty('modelId');
  });

  it.each([
    ['neither model nor bytes', [], 'BAD_OPTION'],
    ['more than 128 bytes', ['--commitment', '00'.repeat(129)], 'BAD_OPTION'],
    ['a capability that is none', ['--commitment', '', '--capability', 'all'], 'BAD_OPTION'],
  ])('is not minted with %s', async (_, args, code) => {
    const result = await place.run(['nft', 'mint', ...args, '--json', ...withFile]);
    expect(errorOf(result)).toBe(code);
    expect(result.code).toBe(2);
  });
});
