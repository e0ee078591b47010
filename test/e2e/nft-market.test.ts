import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChainClient, createKey, networkParameters } from '#src/chain/index.js';
import { mineWhatWaits, UNHURRIED } from './blocks.js';
import { type Finished, Place, type Running } from './harness.js';
import { actor, clientOf } from './stage.js';

/** What `nft show`, `offer` and `buy` say of an NFT. */
interface Facts {
  readonly isBound: boolean;
  readonly feePpm: number;
  readonly author: string;
  readonly royaltyPpm: number;
  readonly waiting: string;
  readonly collected: string;
  readonly income: string;
  readonly payments: number;
  readonly offer?: { readonly price: string; readonly royalty: string };
  readonly flaws: readonly object[];
}

const place = new Place();
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
const PRICE = 0.0005;
/** What a job of eight tokens pays a model that takes a quarter of its price, and 0.002 coins beside it. */
const fee = 8 * PRICE * 0.25 + 0.002;

const MINER = createKey(networkParameters('regtest')).address;

const errorOf = ({ stderr }: Finished): string =>
  (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;
const json = <T = Record<string, unknown>>(...args: string[]): Promise<T> =>
  place.json<T>(args, { env });
const refused = (...args: string[]): Promise<Finished> => place.run([...args, '--json'], { env });
const mine = async (count = 1): Promise<void> => {
  // to nobody here: what a block brings its miner must not ripen into anybody's balance
  await chain.generate(count, MINER);
};
const addresses = new Map<string, string>();
const address = (key: string): string => addresses.get(key)!;
const balance = async (key: string): Promise<number> => {
  const { confirmed, pending } = await json<{ confirmed: string; pending: string }>(
    ...['wallet', 'balance', '--key', key],
  );
  return Number(confirmed) + Number(pending);
};
const earns = async (nft: string): Promise<Facts> =>
  (await json<{ earns: Facts }>('nft', 'show', nft)).earns;

let node: Running;
let chain: ChainClient;
let endBlocks: (() => void) | undefined;
let model: string;
let category: string;

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  const [started, packed] = await Promise.all([
    place.startNode(...UNHURRIED),
    json<{ id: string }>('model', 'pack', TINY, '--name', 'tiny'),
  ]);
  [node, model] = [started, packed.id];
  chain = clientOf(place);
  endBlocks = mineWhatWaits(chain.rpc);
  for (const name of ['author', 'ben', 'buyer']) {
    const { key } = await actor(place, chain, name);
    addresses.set(name, key.address);
    await chain.rpc.call('faucet', key.address, '10');
  }
});
afterAll(async () => {
  endBlocks?.();
  chain?.rpc.close();
  await node?.stop();
  place.close();
});

// a busy machine starts a process in seconds, and these are many
describe('the NFT of a model that jobs pay', () => {
  it('takes a share of the price or coins for each job as its fee, of a model that is published', async () => {
    const mint = ['nft', 'mint', '--model', TINY, '--key', 'author'];
    const ends = await Promise.all([
      refused(...mint, '--fee', '5 coins'),
      refused(...mint, '--royalty', '5%'),
      refused(...mint, '--fee', '0.01'),
    ]);
    expect(ends.map(errorOf)).toEqual(['BAD_FEE', 'BAD_OPTION', 'NOT_PUBLISHED']);
  });

  it('is minted with the model’s fee and its author’s royalty', async () => {
    await json('model', 'publish', TINY, '--licence', 'MIT', '--fee', '1%', '--key', 'author');
    await mine();
    const mint = ['nft', 'mint', '--model', TINY, '--fee', '25%+0.002', '--royalty', '10%'];
    const minted = await json<{ category: string; author: string; modelId: string }>(
      ...[...mint, '--key', 'author'],
    );
    ({ category } = minted);
    expect(minted).toMatchObject({ modelId: model, author: address('author') });
    await mine();
    const asks = { feePpm: 250_000, feePerJob: '0.00200000' };
    expect(await earns(model)).toMatchObject({ isBound: true, ...asks, flaws: [] });
    const { owner } = await json<{ owner: string }>('reward', 'show', model);
    expect(owner).toBe(`holder of NFT ${category}`);
    const declare = ['reward', 'declare', '--source', model, '--key', 'author'];
    const ends = await Promise.all([
      refused(...mint, '--key', 'author'),
      refused(...declare, '--owner', address('ben')),
      refused(...declare, '--fee', '1%'),
    ]);
    expect(ends.map(errorOf)).toEqual(['FEE_BOUND', 'FEE_BOUND', 'FEE_BOUND']);
  });

  it('brings its holder the fee of a job that a buyer paid a seller for', async () => {
    const common = ['--model', TINY, '--threads', '1'];
    const judge = ['verifier', '--key', 'ben', '--fee', '0.0005', ...common];
    const work = ['worker', '--key', 'author', '--price', String(PRICE), ...common];
    const running = await Promise.all([
      place.start(judge, env),
      place.start([...work, '--accept-verifiers', 'any'], env),
    ]);
    const submit = ['job', 'submit', '--key', 'buyer', '--prompt', 'The people of', ...common];
    const limits = [
      '--max-tokens',
      '8',
      '--max-reward',
      '1',
      '--price',
      '0.001',
      '--timeout',
      '300',
    ];
    await place.ok([...submit, ...limits], { env });
    await Promise.all(running.map((each) => each.stop()));
    const coins = fee.toFixed(8);
    expect(await earns(category)).toMatchObject({ waiting: coins, income: coins, payments: 1 });
  });

  it('is offered, shown to whoever thinks of buying it, and taken back by its seller', async () => {
    const offer = ['nft', 'offer', category, '--key', 'author'];
    expect(errorOf(await refused(...offer, '--price', '2', '--royalty', '9%'))).toBe(
      'ROYALTY_SHORT',
    );
    await json(...offer, '--price', '3');
    const { offers } = await json<{ offers: Facts[] }>('nft', 'offers');
    expect(offers).toMatchObject([{ offer: { price: '3.00000000', royalty: '0.30000000' } }]);
    expect((await refused('nft', 'cancel', category, '--key', 'ben')).code).toBe(4);
    await json('nft', 'cancel', category, '--key', 'author');
    const gone = await refused('nft', 'buy', category, '--key', 'ben', '--yes');
    expect([gone.code, errorOf(gone)]).toEqual([3, 'NOT_OFFERED']);
    const { stderr } = await place.run([...offer, '--price', '2'], { env });
    expect(stderr).toContain(`${fee.toFixed(8)} waits for its holder: collect it first`);
  });

  it('is bought within the limit and with a yes, by one transaction, and pays its new holder alone', async () => {
    const buy = ['nft', 'buy', model, '--key', 'ben'];
    expect(errorOf(await refused(...buy))).toBe('NOT_CONFIRMED');
    const dear = await refused(...buy, '--max-price', '1.99', '--yes');
    expect(errorOf(dear)).toBe('PRICE_ABOVE_LIMIT');
    const before = await balance('ben');
    const bought = await json<Facts & { fee: string }>(...buy, '--max-price', '2', '--yes');
    expect(bought).toMatchObject({ isBound: true, offer: { price: '2.00000000' }, flaws: [] });
    expect(before - (await balance('ben'))).toBeCloseTo(2 + Number(bought.fee), 4);
    await mine();
    expect(await json('nft', 'show', category)).toMatchObject({
      nft: { holder: address('ben') },
    });
    const collect = ['nft', 'collect', category, '--settle'];
    expect(errorOf(await refused(...collect, '--key', 'author'))).toBe('NFT_NOT_HELD');
    const change = await refused('nft', 'fee', category, '0%', '--key', 'author');
    expect(errorOf(change)).toBe('NFT_NOT_HELD');
    const poor = await balance('ben');
    const taken = await json<{ collections: { amount: string; fee: string }[] }>(
      ...[...collect, '--key', 'ben'],
    );
    expect(Number(taken.collections[0]!.amount)).toBe(fee);
    const gained = (await balance('ben')) - poor;
    expect(gained).toBeCloseTo(fee - Number(taken.collections[0]!.fee), 8);
    const left = { waiting: '0.00000000', collected: fee.toFixed(8), isBound: true };
    expect(await earns(category)).toMatchObject(left);
  });

  it('pays the author again when it is sold on', async () => {
    const before = await balance('author');
    await json('nft', 'offer', category, '--price', '4', '--key', 'ben');
    await json('nft', 'buy', category, '--key', 'buyer', '--yes');
    expect((await balance('author')) - before).toBeCloseTo(0.4, 8);
  });
});
