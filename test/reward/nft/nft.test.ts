import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError, COIN, sha256, toHex, utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  createKey,
  heldNft,
  type KeyPair,
  makeBirthCoin,
  planMint,
  planNftSend,
  sendMint,
  sendNft,
  type Utxo,
  Wallet,
} from '#src/chain/index.js';
import {
  cancelOffer,
  collectFees,
  declareModel,
  declareSource,
  findModel,
  holderScript,
  modelNfts,
  nftCoins,
  nftFacts,
  nftMoney,
  offerScript,
  parseHolderScript,
  planBuy,
  planModelMint,
  planOffer,
  publishModel,
  publishSource,
  readRegistry,
  sendBuy,
  settleSplits,
  updateHeldModel,
  updateModel,
} from '#src/reward/index.js';
import { REGTEST, Regtest } from '../../regtest.js';

const id = (name: string): string => toHex(sha256(utf8(name)));
const FEE = 50_000;
const ROYALTY = 100_000;

let regtest: Regtest;
const people = {} as Record<'ann' | 'ben' | 'cy' | 'dot', KeyPair & { wallet: Wallet }>;
const scriptOf = (name: keyof typeof people): Uint8Array =>
  addressScript(people[name].address, REGTEST);

/** A node that tells nothing of how tokens were born. */
class Refusing extends ChainClient {
  override tokenCategory(): Promise<never> {
    return Promise.reject(new BitmodelError('REFUSED', 'No.'));
  }
}

const chain = () => regtest.chain;
const registry = () => readRegistry(chain());
const modelNow = async (name: string) => (await findModel(chain(), id(name)))!;
const balance = async (name: keyof typeof people): Promise<bigint> => {
  const { confirmed, pending } = await people[name].wallet.balance();
  return confirmed + pending;
};

/** Publishes a model of ann's that pays 20 % on to ben's data set. */
async function publish(name: string, parents = [{ id: id('verses'), ppm: 200_000 }]) {
  const model = await declareModel(chain(), {
    id: id(name),
    name,
    owner: scriptOf('ann'),
    licence: 'MIT',
    size: 7,
    feePpm: 10_000,
    parents,
  });
  await publishModel(people.ann.wallet, model);
  await regtest.mine();
}

async function mint(name: string): Promise<Uint8Array> {
  const { wallet } = people.ann;
  const plan = await planModelMint(chain(), wallet, await modelNow(name), {
    fee: { feePpm: FEE },
    royaltyPpm: ROYALTY,
    holder: scriptOf('ann'),
  });
  await sendMint(wallet, plan);
  await regtest.mine();
  return plan.category;
}

const held = (name: keyof typeof people, category: Uint8Array): Promise<Utxo> =>
  heldNft(people[name].wallet, { category });

/** The NFT of a category where it lies, with what speaks against paying for it. */
async function facts(category: Uint8Array) {
  const [coin] = await nftCoins(chain(), category, 5);
  return nftFacts(chain(), await registry(), coin!);
}

async function collect(name: keyof typeof people, category: Uint8Array, of: string) {
  const { pin } = await modelNow(of);
  return collectFees(chain(), people[name].wallet, await held(name, category), pin.id);
}

async function offer(name: keyof typeof people, category: Uint8Array, price: bigint) {
  const { wallet, publicKey } = people[name];
  const coin = await held(name, category);
  const plan = await planOffer(chain(), wallet, coin, { seller: publicKey, price });
  await sendNft(wallet, plan);
}

async function buy(name: keyof typeof people, category: Uint8Array) {
  const { wallet } = people[name];
  return sendBuy(
    chain(),
    wallet,
    await planBuy(chain(), wallet, await facts(category), scriptOf(name)),
  );
}

beforeAll(async () => {
  regtest = await Regtest.open();
  for (const name of ['ann', 'ben', 'cy', 'dot'] as const) {
    const key = createKey(REGTEST);
    const wallet = new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    people[name] = { ...key, wallet };
  }
  await regtest.pay(
    (['ann', 'cy', 'dot'] as const).flatMap((name) =>
      Array.from({ length: 4 }, () => ({ value: 10n * COIN, lockingScript: scriptOf(name) })),
    ),
  );
  const verses = await declareSource(chain(), {
    kind: 'dataset',
    id: id('verses'),
    name: 'verses',
    owner: scriptOf('ben'),
    parents: [],
  });
  await publishSource(regtest.wallet, verses);
  await regtest.mine();
});
afterAll(() => regtest.close());

describe('the NFT of a published model', () => {
  let category: Uint8Array;

  it('is born from the model’s own pin, and the model pays its holder from then on', async () => {
    await publish('poet');
    const before = await modelNow('poet');
    category = await mint('poet');
    const after = await modelNow('poet');
    expect(toHex(category)).toBe(
      toHex(Uint8Array.from(Buffer.from(before.pin.txid, 'hex')).reverse()),
    );
    expect(after.pin.id).toBe(before.pin.id);
    expect(after.feePpm).toBe(FEE);
    expect(parseHolderScript(after.owner)).toMatchObject({ category });
    expect(after.pin.owner).toBe(toHex(after.owner));
    expect(await facts(category)).toMatchObject({
      isBound: true,
      flaws: [],
      model: { name: 'poet' },
      birth: { royalty: { royaltyPpm: ROYALTY, author: scriptOf('ann') } },
    });
    expect(await nftMoney(chain(), await registry(), await facts(category))).toMatchObject({
      waiting: 0n,
      collected: 0n,
    });
  });

  it('is minted once: the pin that binds the fee is the holder’s', async () => {
    const model = await modelNow('poet');
    const again = planModelMint(chain(), people.ann.wallet, model, {
      fee: { feePpm: FEE },
      royaltyPpm: 0,
      holder: scriptOf('ann'),
    });
    await expect(again).rejects.toMatchObject({ code: 'FEE_BOUND' });
    const rewrite = updateModel(chain(), people.ann.wallet, model.pin, model);
    await expect(rewrite).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
  });

  it('brings its holder what the split contract pays, many coins at once, and the parent its part', async () => {
    const { split, owner } = await modelNow('poet');
    await regtest.pay([
      { value: COIN, lockingScript: split },
      ...Array.from({ length: 30 }, () => ({ value: 10_000n, lockingScript: owner })),
      { value: 1n, lockingScript: owner },
    ]);
    await settleSplits(chain(), regtest.wallet, { ids: [id('poet')] });
    expect(await balance('ben')).toBe(COIN / 5n);
    const due = (COIN * 4n) / 5n + 300_000n;
    const money = await nftMoney(chain(), await registry(), await facts(category));
    expect(money).toMatchObject({ waiting: due + 1n, coins: 32, collected: 0n });
    const before = await balance('ann');
    const { collections, small } = await collect('ann', category, 'poet');
    expect(collections).toMatchObject([{ amount: due, coins: 31 }]);
    expect(small).toBe(1);
    await regtest.mine();
    expect((await balance('ann')) - before).toBe(due - collections[0]!.fee);
    const after = await nftMoney(chain(), await registry(), await facts(category));
    expect(after).toMatchObject({ waiting: 1n, collected: due });
    expect((await facts(category)).isBound).toBe(true);
    expect((await collect('ann', category, 'poet')).collections).toEqual([]);
  });

  it('gives nothing to whoever does not hold it', async () => {
    await expect(held('cy', category)).rejects.toMatchObject({ code: 'NFT_NOT_HELD' });
    const { owner } = await modelNow('poet');
    const { outpoint } = await regtest.pay([{ value: 70_000n, lockingScript: owner }]);
    const spend = (unlockingScript: Uint8Array) =>
      regtest.spend(
        {
          inputs: [
            {
              outpoint: outpoint(0),
              output: { value: 70_000n, lockingScript: owner },
              unlockingSize: 1,
              sequence: 0xffff_fffe,
            },
          ],
          outputs: [],
          lockTime: 0,
          jobId: new Uint8Array(32),
        },
        () => unlockingScript,
      );
    await expect(spend(new Uint8Array([0x00]))).rejects.toThrow(/script/);
    await expect(spend(new Uint8Array([0x51]))).rejects.toThrow(/script/);
  });

  it('lets its holder alone change the fee', async () => {
    const model = await modelNow('poet');
    await updateHeldModel(chain(), people.ann.wallet, await held('ann', category), model, {
      fee: { feePpm: 60_000, feePerJob: 1_000_000n },
    });
    // what is about to change is seen by a buyer before it is in a block
    expect((await facts(category)).flaws).toMatchObject([{ code: 'PIN_MOVING' }]);
    await regtest.mine();
    const changed = await modelNow('poet');
    expect(changed).toMatchObject({
      feePpm: 60_000,
      feePerJob: 1_000_000n,
      owner: model.owner,
    });
    expect((await facts(category)).flaws).toEqual([]);
    const { wallet } = people.cy;
    const stolen = updateHeldModel(chain(), wallet, await held('ann', category), changed, {
      fee: { feePpm: 0 },
    });
    await expect(stolen).rejects.toThrow(/script|sign/i);
  });

  it('is sold for its price in one transaction, the royalty to its author, what waits to the buyer', async () => {
    await offer('ann', category, 5n * COIN);
    expect((await facts(category)).offer).toMatchObject({ price: 5n * COIN, royaltyPpm: ROYALTY });
    const [listed] = (await modelNfts(chain(), await registry(), true)).found;
    expect(listed!.model!.name).toBe('poet');
    const unread = await modelNfts(new Refusing(chain().rpc), await registry(), true);
    expect(unread).toMatchObject({
      found: [],
      unread: [{ model: { name: 'poet' }, error: { code: 'REFUSED' } }],
    });
    await expect(held('ann', category)).rejects.toMatchObject({ code: 'NFT_NOT_HELD' });
    await buy('cy', category);
    await regtest.mine();
    expect(await modelNfts(chain(), await registry(), true)).toEqual({ found: [], unread: [] });
    expect((await facts(category)).flaws).toEqual([]);
    const { collections } = await collect('cy', category, 'poet');
    expect(collections).toMatchObject([{ amount: 70_000n, coins: 1 }]);
    await regtest.mine();
  });

  it('pays the author again when the buyer sells it on', async () => {
    const author = await balance('ann');
    const seller = await balance('cy');
    await offer('cy', category, 3n * COIN);
    await buy('dot', category);
    await regtest.mine();
    expect((await balance('ann')) - author).toBe((3n * COIN) / 10n);
    // less the fee of the offer, and with the few units that lay under the token
    const gained = (await balance('cy')) - seller - (3n * COIN * 9n) / 10n;
    expect(gained < 1_000n && gained > -10_000n).toBe(true);
  });

  it('can’t be robbed of its fee by an author who sold it', async () => {
    const model = await modelNow('poet');
    const { wallet } = people.ann;
    await expect(updateModel(chain(), wallet, model.pin, model)).rejects.toMatchObject({
      code: 'NOT_PIN_OWNER',
    });
    // a second pin of the same id declares nothing while the first stands
    await publishModel(wallet, {
      ...model,
      owner: scriptOf('ann'),
      parents: [],
      split: scriptOf('ann'),
    });
    // nor does a second category that commits to the same model
    const birth = await makeBirthCoin(wallet);
    const commitment = Uint8Array.from(Buffer.from(model.id, 'hex'));
    const nft = { capability: 'none', commitment } as const;
    const plan = await planMint(chain(), wallet, birth, [{ nft, lockingScript: scriptOf('ann') }]);
    await sendMint(wallet, plan);
    await regtest.mine();
    expect(parseHolderScript((await modelNow('poet')).split)).toBeUndefined();
    expect((await modelNow('poet')).owner).toEqual(model.owner);
    expect((await facts(category)).flaws).toEqual([]);
    expect((await facts(plan.category)).flaws).toMatchObject([{ code: 'FEE_NOT_BOUND' }]);
    const false_ = await held('ann', plan.category);
    const took = await collectFees(chain(), wallet, false_, model.pin.id);
    expect(took.collections).toEqual([]);
  });

  it('takes its pin along by a plain send, which pays no royalty', async () => {
    const author = await balance('ann');
    const { wallet } = people.dot;
    const plan = await planNftSend(chain(), wallet, await held('dot', category), scriptOf('cy'));
    await sendNft(wallet, plan);
    await regtest.mine();
    expect(await balance('ann')).toBe(author);
    const model = await modelNow('poet');
    await updateHeldModel(chain(), people.cy.wallet, await held('cy', category), model, {
      fee: { feePpm: 70_000 },
    });
    await regtest.mine();
    const now = await modelNow('poet');
    // the amount was asked by the holder before, and is asked no more
    expect([now.feePpm, now.feePerJob]).toEqual([70_000, undefined]);
  });

  it('goes to one of two buyers, and the other keeps the coins', async () => {
    await offer('cy', category, COIN);
    const before = await facts(category);
    const plans = await Promise.all(
      (['ann', 'dot'] as const).map((name) =>
        planBuy(chain(), people[name].wallet, before, scriptOf(name)),
      ),
    );
    const had = await balance('dot');
    await sendBuy(chain(), people.ann.wallet, plans[0]!);
    await expect(sendBuy(chain(), people.dot.wallet, plans[1]!)).rejects.toMatchObject({
      code: 'OFFER_GONE',
    });
    expect(await balance('dot')).toBe(had);
    expect(await people.dot.wallet.utxos()).not.toEqual([]);
    await regtest.mine();
    expect((await held('ann', category)).height).toBeGreaterThan(0);
    await expect(buy('dot', category)).rejects.toMatchObject({ code: 'NOT_OFFERED' });
  });

  it('is taken back by its seller alone, and never offered for less than the author is due', async () => {
    const { wallet, publicKey, privateKey } = people.ann;
    const nft = await held('ann', category);
    const cheap = planOffer(chain(), wallet, nft, {
      seller: publicKey,
      price: COIN,
      royaltyPpm: ROYALTY - 1,
    });
    await expect(cheap).rejects.toMatchObject({ code: 'ROYALTY_SHORT' });
    await offer('ann', category, COIN);
    const { coin } = await facts(category);
    const by = (key: Uint8Array) => cancelOffer(chain(), wallet, coin, key, scriptOf('ann'));
    await expect(by(people.cy.privateKey)).rejects.toThrow(/script/);
    await by(privateKey);
    await regtest.mine();
    expect(await held('ann', category)).toBeDefined();
  });
});

describe('a collection', () => {
  let category: Uint8Array;
  const pay = async (values: readonly bigint[]): Promise<void> => {
    const { owner: lockingScript } = await modelNow('busy');
    await regtest.pay(values.map((value) => ({ value, lockingScript })));
  };

  it('takes more coins than one transaction does, the largest first', async () => {
    await publish('busy', []);
    category = await mint('busy');
    await pay(Array.from({ length: 450 }, (_, i) => 1_000n + BigInt(i)));
    const { collections } = await collect('ann', category, 'busy');
    expect(collections.map(({ coins }) => coins)).toEqual([400, 50]);
    expect(collections[1]!.amount).toBe(50n * 1_000n + (49n * 50n) / 2n);
    await regtest.mine();
    expect((await facts(category)).isBound).toBe(true);
  });

  it('leaves the pin where it is, while it is about to be changed, too', async () => {
    const { wallet } = people.ann;
    await pay([20_000n, 30_000n]);
    await updateHeldModel(chain(), wallet, await held('ann', category), await modelNow('busy'), {
      fee: { feePpm: 1 },
    });
    const { collections } = await collect('ann', category, 'busy');
    expect(collections).toMatchObject([{ amount: 50_000n, coins: 2 }]);
    await regtest.mine();
    expect(await modelNow('busy')).toMatchObject({ feePpm: 1 });
    expect((await facts(category)).flaws).toEqual([]);
  });

  it('leaves coins with somebody’s tokens on', async () => {
    const { wallet } = people.cy;
    const { owner: lockingScript, pin } = await modelNow('busy');
    const birth = await makeBirthCoin(wallet);
    const gift = await planMint(chain(), wallet, birth, [{ amount: 9n, lockingScript }]);
    await sendMint(wallet, gift);
    await regtest.mine();
    const took = await collectFees(chain(), people.ann.wallet, await held('ann', category), pin.id);
    expect(took).toEqual({ collections: [], small: 0, withTokens: 1 });
  });

  it('is not to be had of a pin with something else on its coin, until they lie apart', async () => {
    await publish('crowded', []);
    const { pin } = await modelNow('crowded');
    // the pin of another model, made to lie in the same coin
    await publish('other', []);
    const other = await modelNow('other');
    const { wallet } = people.ann;
    const coins = await chain().utxos([people.ann.address]);
    const both = coins.filter(({ pins }) =>
      pins?.some((each) => [pin.id, other.pin.id].includes(each)),
    );
    expect(both.length).toBe(2);
    const inputs = both.map(({ outpoint, output }) => ({ outpoint, output, unlockingSize: 107 }));
    const joined = { value: 546n * 2n, lockingScript: scriptOf('ann') };
    await wallet.send([joined], { inputs, allowHighFee: true });
    await regtest.mine();
    const terms = { fee: { feePpm: FEE }, royaltyPpm: 0, holder: scriptOf('ann') };
    const crowded = planModelMint(chain(), wallet, await modelNow('crowded'), terms);
    await expect(crowded).rejects.toMatchObject({ code: 'PIN_NOT_ALONE' });
    // apart again: the second pin lies in an output 1, from which no category is born
    const [coin] = (await chain().utxos([people.ann.address])).filter(
      ({ pins }) => pins?.length === 2,
    );
    const { outpoint, output } = coin!;
    const apart = { value: 546n, lockingScript: scriptOf('ann') };
    await wallet.send([apart, apart], {
      inputs: [{ outpoint, output, unlockingSize: 107 }],
      allowHighFee: true,
    });
    await regtest.mine();
    const places = await Promise.all(
      ['crowded', 'other'].map(async (name) => {
        const { location } = (await modelNow(name)).pin;
        return Number(location!.split(':')[1]);
      }),
    );
    expect(places.sort()).toEqual([0, 1]);
    for (const name of ['crowded', 'other']) {
      const born = await mint(name);
      expect(await facts(born)).toMatchObject({ isBound: true, flaws: [] });
    }
  });
});

describe('what a buyer is warned of', () => {
  it('is none of the model’s fee that goes past the NFT: who used it before must follow', async () => {
    await publish('base', []);
    await publish('derived', [{ id: id('base'), ppm: 500_000 }]);
    const category = await mint('base');
    expect(await facts(category)).toMatchObject({ isBound: true, strays: 1, flaws: [] });
    const model = await modelNow('derived');
    const { split } = await modelNow('base');
    const parents = [{ id: id('base'), ppm: 500_000, pays: sha256(split) }];
    const followed = await declareModel(chain(), { ...model, parents });
    await updateModel(chain(), people.ann.wallet, model.pin, followed);
    await regtest.mine();
    expect(await facts(category)).toMatchObject({ strays: 0 });
    await regtest.pay([{ value: COIN, lockingScript: followed.split }]);
    await settleSplits(chain(), regtest.wallet, { ids: [id('derived')] });
    const money = await nftMoney(chain(), await registry(), await facts(category));
    expect(money).toMatchObject({ waiting: COIN / 2n });
  });

  it('is an offer around the royalty, whoever made it by hand', async () => {
    await publish('plain', []);
    const category = await mint('plain');
    const { wallet, publicKey } = people.ann;
    const coin = await held('ann', category);
    const terms = { seller: publicKey, price: COIN, author: sha256(scriptOf('cy')), royaltyPpm: 1 };
    const plan = await planNftSend(chain(), wallet, coin, offerScript(terms));
    await sendNft(wallet, plan);
    await regtest.mine();
    const { flaws, isBound } = await facts(category);
    expect(isBound).toBe(true);
    expect(flaws.map(({ code }) => code)).toEqual(['ROYALTY_SHORT', 'ROYALTY_ELSEWHERE']);
    const unknown = planBuy(chain(), people.cy.wallet, await facts(category), scriptOf('cy'));
    await expect(unknown).rejects.toMatchObject({ code: 'UNKNOWN_AUTHOR' });
  });

  it('is a category that has or can make another such NFT', async () => {
    const { wallet } = people.ann;
    const commitment = Uint8Array.from(Buffer.from(id('plain'), 'hex'));
    for (const more of [
      [{ nft: { capability: 'minting', commitment } }],
      [
        { nft: { capability: 'none', commitment } },
        { nft: { capability: 'minting', commitment: new Uint8Array(0) } },
      ],
      [{ nft: { capability: 'none', commitment } }, { nft: { capability: 'none', commitment } }],
    ] as const) {
      const birth = await makeBirthCoin(wallet);
      const tokens = more.map((each) => ({ ...each, lockingScript: scriptOf('ann') }));
      const plan = await planMint(chain(), wallet, birth, tokens);
      await sendMint(wallet, plan);
      expect((await facts(plan.category)).flaws[0]).toMatchObject({ code: 'NOT_THE_ONLY' });
    }
  });

  it('is a pin that the seller kept: it lies where the fee can be turned elsewhere', async () => {
    await publish('kept', []);
    const { wallet } = people.ann;
    const birth = await makeBirthCoin(wallet);
    const commitment = Uint8Array.from(Buffer.from(id('kept'), 'hex'));
    const nft = { capability: 'none', commitment } as const;
    const plan = await planMint(chain(), wallet, birth, [{ nft, lockingScript: scriptOf('ann') }]);
    await sendMint(wallet, plan);
    const model = await modelNow('kept');
    const owner = holderScript({ category: plan.category, modelId: commitment });
    await updateModel(chain(), wallet, model.pin, { ...model, owner, split: owner });
    await regtest.mine();
    expect((await facts(plan.category)).flaws).toMatchObject([{ code: 'PIN_ELSEWHERE' }]);
    expect((await facts(plan.category)).isBound).toBe(false);
  });

  it('is a model that nobody published', async () => {
    const { wallet } = people.ann;
    const commitment = sha256(utf8('nobody'));
    const birth = await makeBirthCoin(wallet);
    const nft = { capability: 'none', commitment } as const;
    const plan = await planMint(chain(), wallet, birth, [{ nft, lockingScript: scriptOf('ann') }]);
    await sendMint(wallet, plan);
    expect((await facts(plan.category)).flaws).toMatchObject([{ code: 'NOT_PUBLISHED' }]);
  });
});
