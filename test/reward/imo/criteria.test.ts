import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError, EXIT, fromHex, toHex } from '#src/base/index.js';
import {
  assemble,
  type ChainClient,
  encodePin,
  fundFrom,
  heldNft,
  makeBirthCoin,
  modifyPin,
  P2PKH_UNLOCKING_SIZE,
  planNftSend,
  pushData,
  sendMint,
  sendNft,
  TOKEN_FEES,
  type Utxo,
} from '#src/chain/index.js';
import { jobIncome } from '#src/reward/imo/jobIncome.js';
import {
  assessOfferings,
  burnFor,
  burnOutputs,
  burnPath,
  burnsFor,
  createOffering,
  findModel,
  findOffering,
  holderScript,
  IMO_PIN_PATH,
  type ImoPromise,
  imoFigures,
  imoOutputs,
  imoRules,
  listOfferings,
  planModelMint,
} from '#src/reward/index.js';
import { REGTEST, Regtest } from '../../regtest.js';
import { burn, draftOf, idOf, making, type Person, people, publish, standOn } from './issuer.js';

const RULES = imoRules('regtest');
const { minimum } = RULES;

let regtest: Regtest;
let ann: Person;
let [ben, cat, dan]: Person[] = [];

beforeAll(async () => {
  regtest = await Regtest.open();
  [ann, ben, cat, dan] = (await people(regtest, 4)) as [Person, Person, Person, Person];
});
afterAll(() => regtest.close());

const tip = () => regtest.chain.height();
const figures = async (model: string, height?: number) =>
  imoFigures(regtest.chain, model, height ?? (await tip()), RULES);

describe('what is burnt for a model', () => {
  const model = idOf('burnt for');

  it('is what a transaction destroyed, whatever it says, and counts once', async () => {
    const [, own] = burnOutputs(model, 200_000n, ben!.script);
    const [pin, first] = burnOutputs(model, 100_000n, ben!.script);
    await ben!.wallet.send([pin!, first!, own!], { allowHighFee: true });
    await regtest.mine();
    expect(await figures(model)).toMatchObject({ burnt: 100_000n, burners: 1 });
  });

  it('is for one model, and stays so when the pin says something else later', async () => {
    const [pin] = await regtest.chain.pins(burnPath(model), { all: true });
    const content = { contentType: 'application/json', payload: new TextEncoder().encode('{}') };
    await modifyPin(regtest.chain, ben!.wallet, pin!, content);
    await regtest.mine();
    expect(await figures(model)).toMatchObject({ burnt: 100_000n, burners: 1 });
    expect(await figures(idOf('another'))).toMatchObject({ burnt: 0n, burners: 0 });
  });

  it('makes a burner only of who burnt enough, and one of each, however often', async () => {
    await burnFor(cat!.wallet, model, RULES.leastBurn - 1n);
    await burnFor(ben!.wallet, model, 500_000n);
    await regtest.mine();
    expect(await figures(model)).toMatchObject({ burnt: 699_999n, burners: 1 });
    await burnFor(cat!.wallet, model, 1n, { allowHighFee: true });
    await regtest.mine();
    expect(await figures(model)).toMatchObject({ burnt: 700_000n, burners: 2 });
  });

  it('is nothing where the output that holds it can be spent, or says it to another pin', async () => {
    const before = await figures(model);
    const [, said] = burnOutputs(model, 300_000n, cat!.script);
    const lies = { value: 0n, lockingScript: said!.lockingScript };
    const kept = { value: 300_000n, lockingScript: cat!.script };
    await cat!.wallet.send([kept, lies, kept]);
    const other = encodePin({
      operation: 'create',
      path: `${IMO_PIN_PATH}/burn/${idOf('another')}`,
      contentType: 'application/json',
      payload: new Uint8Array(0),
    });
    await cat!.wallet.send([kept, { value: 1_000n, lockingScript: other }, said!]);
    await regtest.mine();
    expect(await figures(model)).toMatchObject({ burnt: before.burnt, burners: before.burners });
  });

  it('counts as of a height: what comes later changes no figure of before', async () => {
    const height = await tip();
    const before = await figures(model);
    await burn(regtest, [ben!, cat!, dan!], model);
    expect(await figures(model, height)).toEqual(before);
    expect((await figures(model)).burners).toBe(3);
    expect(await burnsFor(regtest.chain, model, height)).toHaveLength(4);
  });

  it('is refused for nothing, or for what is no id', async () => {
    await expect(burnFor(ben!.wallet, model, 0n)).rejects.toMatchObject({ code: 'BAD_BURN' });
    await expect(burnFor(ben!.wallet, 'x', 1n)).rejects.toMatchObject({ code: 'BAD_BURN' });
  });
});

describe('who stands on a model', () => {
  it('counts by owner, if it pays the model, and is not the model’s own', async () => {
    const model = await publish(regtest, ann, 'stood on');
    await standOn(regtest, ann, 'own', model);
    await standOn(regtest, ben!, 'named, not paid', model, 0);
    expect((await figures(model)).dependents).toBe(0);
    const height = await tip();
    await standOn(regtest, ben!, 'first', model);
    await standOn(regtest, ben!, 'second', model);
    await standOn(regtest, cat!, 'third', model);
    expect((await figures(model)).dependents).toBe(2);
    expect((await figures(model, height)).dependents).toBe(0);
  });
});

describe('an offering that is not what it must be', () => {
  let model: string;
  beforeAll(async () => {
    model = await publish(regtest, ann, 'poet');
  });

  /** Sends a transaction of this form, whatever stands in the way of it; it may show an NFT. */
  async function forge(who: Person, promise: Partial<ImoPromise>, nft?: Utxo): Promise<string> {
    const birth = await makeBirthCoin(who.wallet);
    const whole = { model, incomePpm: 200_000, criteria: minimum, height: await tip(), ...promise };
    const choice = { seller: who.key.publicKey, price: 100n, lot: 1n };
    const outputs = imoOutputs(whole, choice, birth.outpoint.hash, 1_000n);
    const sized = (coin: Utxo) => ({ ...coin, unlockingSize: P2PKH_UNLOCKING_SIZE });
    const plan = nft
      ? await who.wallet.fund({
          inputs: [sized(birth), sized(nft)],
          outputs: [...outputs, nft.output],
        })
      : await fundFrom(regtest.chain, who.wallet, birth, outputs);
    const { txid } = await who.wallet.submit(plan, TOKEN_FEES);
    await regtest.mine();
    return txid;
  }
  const faultsOf = async (id: string) =>
    (await findOffering(regtest.chain, REGTEST, id)).faults.join(' ');

  it('is not made: too little burnt, by another than the pin’s holder, on too lax terms', async () => {
    const make = (who: Person, change = {}) =>
      createOffering({ ...draftOf(model), ...change }, making(regtest, who));
    await expect(make(ann)).rejects.toMatchObject({ code: 'CRITERIA_NOT_MET' });
    await expect(make(ben!)).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
    const lax = { criteria: { ...minimum, burners: 1 } };
    await expect(make(ann, lax)).rejects.toMatchObject({ code: 'BAD_CRITERIA' });
    await expect(make(ann, { supply: 15n })).rejects.toMatchObject({ code: 'BAD_IMO' });
    await expect(make(ann, { price: 0n })).rejects.toMatchObject({ code: 'BAD_IMO' });
    const unknown = { model: idOf('nobody’s') };
    await expect(make(ann, unknown)).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' });
  });

  it('is listed as such with why: of a model that nobody published', async () => {
    expect(await faultsOf(await forge(ann, { model: idOf('nobody’s') }))).toMatch(/No model/);
  });

  it('of somebody who does not hold the model’s pin', async () => {
    expect(await faultsOf(await forge(ben!, {}))).toMatch(/holder of the model's pin/);
  });

  it('of a model that too little was burnt for', async () => {
    expect(await faultsOf(await forge(ann, {}))).toMatch(/^Not met: 0.00000000 coins burnt of/);
  });

  it('of a promise that no split contract keeps', async () => {
    await burn(regtest, [ben!, cat!], model);
    expect(await faultsOf(await forge(ann, {}))).toMatch(/paid 0 % to the holders' contract/);
  });

  it('of a block that was not there yet, or long ago', async () => {
    const [ahead, behind] = [
      await forge(ann, { height: (await tip()) + 1 }),
      await forge(ann, { height: (await tip()) - 100 }),
    ];
    expect(await faultsOf(ahead)).toMatch(/came no earlier than itself/);
    expect(await faultsOf(behind)).toMatch(/101 blocks before it/);
  });

  it('of criteria that are not met, or are none; and it counts once they are met', async () => {
    const height = await tip();
    const strict = { ...draftOf(model), criteria: { ...minimum, dependents: 1 } };
    await expect(createOffering(strict, making(regtest, ann))).rejects.toMatchObject({
      code: 'CRITERIA_NOT_MET',
    });
    await standOn(regtest, dan!, 'song', model);
    const made = await createOffering(strict, making(regtest, ann));
    await regtest.mine();
    expect(await faultsOf(made.txid)).toBe('');
    // as of the height that is named, and no later one
    const early = await forge(ann, { height, criteria: strict.criteria });
    expect(await faultsOf(early)).toMatch(/has an offering already/);
    const all = await assessOfferings(regtest.chain, REGTEST, { model });
    expect(all.filter(({ faults }) => faults.length === 0)).toHaveLength(1);
  });

  it('of figures of a height at which they were too low, although they are met by now', async () => {
    const other = await publish(regtest, ann, 'singer');
    await burn(regtest, [ben!, cat!], other);
    // the share is bound, so that the figures alone are wrong
    const stop = new AbortController();
    const bound = createOffering(draftOf(other), {
      ...making(regtest, ann),
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step === 'share') stop.abort();
        void regtest.mine();
      },
    });
    await expect(bound).rejects.toThrow(/abort/i);
    await regtest.mine();
    const height = await tip();
    await burn(regtest, [dan!], other);
    const wanted = { ...minimum, burners: 3 };
    const early = await forge(ann, { model: other, height, criteria: wanted });
    expect(await faultsOf(early)).toBe('Not met: 2 distinct burners of 3 wanted.');
    const lax = await forge(ann, { model: other, criteria: { ...minimum, burners: 1 } });
    expect(await faultsOf(lax)).toBe('It asks less than it must: 1 distinct burners of 2 wanted.');
    const right = await forge(ann, { model: other, criteria: wanted });
    expect(await faultsOf(right)).toBe('');
  });

  describe('whose model’s pin lies with its NFT', () => {
    /** Mints the NFT of a model of ann's, and has the model's pin lie with it. */
    async function minted(name: string): Promise<{ id: string; category: Uint8Array }> {
      const id = await publish(regtest, ann, name);
      const terms = { fee: { feePpm: 50_000 }, royaltyPpm: 0, holder: ann.script };
      const published = (await findModel(regtest.chain, id))!;
      const plan = await planModelMint(regtest.chain, ann.wallet, published, terms);
      await sendMint(ann.wallet, plan);
      await regtest.mine();
      return { id, category: plan.category };
    }
    const create = (who: Person, id: string) => createOffering(draftOf(id), making(regtest, who));
    const parentsOf = async (id: string) => (await findModel(regtest.chain, id))!.parents;

    it('is made and counts when its transaction spends the NFT, which stays where it is', async () => {
      const { id, category } = await minted('bound');
      await burn(regtest, [ben!, cat!], id);
      await expect(create(ben!, id)).rejects.toMatchObject({
        code: 'NOT_PIN_OWNER',
        message: expect.stringContaining('whoever holds its NFT'),
      });
      const made = await create(ann, id);
      expect(made.steps.map(({ step }) => step)).toEqual(['source', 'share', 'offering']);
      await regtest.mine();
      expect(await faultsOf(made.txid)).toBe('');
      const { owner } = (await findModel(regtest.chain, id))!;
      expect(owner).toEqual(holderScript({ category, modelId: fromHex(id) }));
      expect(await parentsOf(id)).toMatchObject([{ ppm: 200_000 }]);
      const nft = await heldNft(ann.wallet, { category });
      expect(nft.output.lockingScript).toEqual(ann.script);
      expect(await create(ann, id)).toMatchObject({ txid: made.txid, steps: [] });
      const { offerings } = await listOfferings(regtest.chain, REGTEST);
      expect(offerings.filter((each) => each.offering.model === id)).toMatchObject([
        { offering: { txid: made.txid, supply: 1_000n }, faults: [] },
      ]);
    });

    it('does not count without it, or with another: of another category, or given away', async () => {
      const [bound, other] = [await minted('sold'), await minted('other')];
      await burn(regtest, [ben!, cat!], bound.id);
      // the share is bound; only the offering is missing
      const stop = new AbortController();
      const onStep = ({ step }: { step: string }) => {
        if (step === 'share') stop.abort();
        void regtest.mine();
      };
      const cut = { ...making(regtest, ann), signal: stop.signal, onStep };
      await expect(createOffering(draftOf(bound.id), cut)).rejects.toThrow(/abort/i);
      await regtest.mine();
      const promise = { model: bound.id };
      const without = await forge(ann, promise);
      expect(await faultsOf(without)).toMatch(/holder of the model's pin/);
      const wrong = await forge(ann, promise, await heldNft(ann.wallet, other));
      expect(await faultsOf(wrong)).toMatch(/holder of the model's pin/);
      // an offering by whoever bought the NFT promises what no contract keeps: the share is the seller's key's
      const nft = await heldNft(ann.wallet, bound);
      await sendNft(ann.wallet, await planNftSend(regtest.chain, ann.wallet, nft, dan!.script));
      await regtest.mine();
      await expect(create(ann, bound.id)).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
      const bought = await forge(dan!, promise, await heldNft(dan!.wallet, bound));
      expect(await faultsOf(bought)).toMatch(/paid 0 % to the holders' contract/);
      const right = await create(dan!, bound.id);
      await regtest.mine();
      expect(await faultsOf(right.txid)).toBe('');
    });
  });

  /** The node, but for what it says of one transaction. */
  function knowing(not: string, says: () => Promise<undefined>): ChainClient {
    const { chain } = regtest;
    const transaction = (txid: string) => (txid === not ? says() : chain.transaction(txid));
    return new Proxy(chain, {
      get: (target, name) => {
        if (name === 'transaction') return transaction;
        const found: unknown = Reflect.get(target, name, target);
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
  }

  it('ends no list where it can’t be read, nor takes from others than those of its model', async () => {
    const { offerings } = await listOfferings(regtest.chain, REGTEST);
    const valid = offerings.filter(({ faults }) => faults.length === 0);
    expect(valid).toHaveLength(4);
    const [poet, singer] = valid.map(({ offering }) => offering.txid) as [string, string];
    const after = offerings
      .filter(({ faults }) => faults[0]?.includes(`offering already: ${poet}`))
      .map(({ offering }) => offering.txid);
    expect(after).toHaveLength(1);

    const blind = knowing(poet, async () => undefined);
    const list = await listOfferings(blind, REGTEST);
    expect(list.unread).toMatchObject(
      [poet, ...after].map((txid) => ({ txid, model, error: { code: 'BAD_NODE_ANSWER' } })),
    );
    expect(list.offerings).toEqual(
      offerings.filter(({ offering }) => ![poet, ...after].includes(offering.txid)),
    );
    const one = findOffering(blind, REGTEST, singer);
    expect((await one).faults).toEqual([]);
    const other = assessOfferings(blind, REGTEST, { model });
    await expect(other).rejects.toMatchObject({ code: 'BAD_NODE_ANSWER' });
  });

  it('ends no list where its answer can’t be taken, but one where the node is gone', async () => {
    const { offerings } = await listOfferings(regtest.chain, REGTEST);
    const [first] = offerings;
    const unreachable = new BitmodelError('NODE_UNREACHABLE', 'No node answers.', {
      exitCode: EXIT.unreachable,
    });
    const cut = () => Promise.reject(unreachable);
    const large = knowing(first!.offering.txid, cut);
    const list = await listOfferings(large, REGTEST);
    expect(list.unread.map(({ txid, error }) => [txid, error])).toEqual([
      [first!.offering.txid, unreachable],
    ]);
    expect(list.offerings).toEqual(offerings.slice(1));

    const gone = new Proxy(large, {
      get: (target, name) =>
        name === 'height' ? () => Promise.reject(unreachable) : Reflect.get(target, name),
    });
    await expect(listOfferings(gone, REGTEST)).rejects.toBe(unreachable);
  });
});

describe('what jobs paid for a model', () => {
  const jobId = new Uint8Array(32).fill(7);
  const shown = pushData(Uint8Array.of(...jobId, ...new Uint8Array(69)));
  const anybody = assemble('OP_DROP OP_1');

  /** Pays to a model as the claim of a job does. */
  async function claim(paid: Uint8Array, value: bigint): Promise<void> {
    const coin = await regtest.pay([{ value: 5_000n, lockingScript: anybody }]);
    const output = coin.transaction.outputs[0]!;
    const outpoint = coin.outpoint(0);
    const spend = {
      inputs: [{ outpoint, output, unlockingSize: shown.length, sequence: 0xffff_fffe }],
      outputs: [
        { value: 1_000n, lockingScript: dan!.script },
        { value, lockingScript: paid },
      ],
      lockTime: 0,
      jobId,
    };
    await regtest.spend(spend, () => shown);
  }
  const dust = async (paid: Uint8Array, count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) {
      await regtest.wallet.send([{ value: 546n, lockingScript: paid }], { allowHighFee: true });
    }
    await regtest.mine();
  };

  it('can be crowded out by no dust, before it or behind it', async () => {
    const [owner] = await people(regtest, 1);
    const paid = owner!.script;
    const scripts = { paid: new Set([toHex(paid)]), own: new Set<string>() };
    const income = async (enough: bigint) =>
      jobIncome(regtest.chain, scripts, await tip(), enough, 4);
    await dust(paid, 20);
    await claim(paid, 30_000n);
    await claim(paid, 20_000n);
    expect(await income(50_000n)).toMatchObject({ income: 50_000n, payments: 2 });
    const height = await tip();
    await dust(paid, 300);
    // more than a chunk of junk lies between: read on until it is enough, and to the first where it never is
    expect(await income(0n)).toMatchObject({ income: 0n, isPartial: true });
    expect(await income(50_000n)).toMatchObject({ income: 50_000n, payments: 2 });
    expect(await income(50_001n)).toEqual({
      income: 50_000n,
      payments: 2,
      ownPayments: 0n,
      isPartial: false,
    });
    expect(await jobIncome(regtest.chain, scripts, height, 50_001n, 4)).toMatchObject({
      income: 50_000n,
      isPartial: false,
    });
    expect(await jobIncome(regtest.chain, scripts, height - 1, 50_000n, 4)).toMatchObject({
      income: 30_000n,
    });
  });
});
