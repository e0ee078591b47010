import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  formatOutpoint,
  planUnitsSend,
  sendUnits,
  signInput,
  type TransactionOutput,
} from '#src/chain/index.js';
import { prepare } from '#src/reward/imo/prepare.js';
import {
  auditDistribution,
  buyUnits,
  cancelSale,
  commitmentScript,
  createOffering,
  findModel,
  findOffering,
  incomeUnlocking,
  planDistribution,
  planPurchase,
  readBooks,
  readRegistry,
  saleCoin,
  sendDistribution,
  settleSplits,
  UnitMoves,
} from '#src/reward/index.js';
import { REGTEST, Regtest } from '../../regtest.js';
import { burn, draftOf, making, type Person, people, publish } from './issuer.js';

let regtest: Regtest;
let issuer: Person;
let [ben, cat, dan]: Person[] = [];
let model: string;
let id: string;

beforeAll(async () => {
  regtest = await Regtest.open();
  [issuer, ben, cat, dan] = (await people(regtest, 4)) as [Person, Person, Person, Person];
  model = await publish(regtest, issuer, 'poet');
  await burn(regtest, [ben, cat], model);
});
afterAll(() => regtest.close());

const found = () => findOffering(regtest.chain, REGTEST, id);
const give = async (from: Person, to: Person, units: bigint) => {
  const { offering } = await found();
  const plan = await planUnitsSend(regtest.chain, from.wallet, offering.category, units, to.script);
  return sendUnits(from.wallet, plan);
};
const moves = async () => UnitMoves.read(regtest.chain, (await found()).offering);
const hexOf = ({ script }: Person): string => Buffer.from(script).toString('hex');

/** Has a sum reach the model, and a fifth of it its holders. */
async function earn(amount: bigint): Promise<void> {
  const { split } = (await findModel(regtest.chain, model))!;
  await regtest.pay([{ value: amount, lockingScript: split }]);
  await settleSplits(regtest.chain, regtest.wallet);
  await regtest.mine();
}

async function distribute(at?: number) {
  const assessed = await found();
  const due = await planDistribution(regtest.chain, assessed, at, 0);
  const sent = await sendDistribution(regtest.chain, issuer.wallet, issuer.key, assessed, due);
  return { ...due.plan, txid: sent.txid };
}

const audit = async (txid: string) =>
  (await auditDistribution(regtest.chain, REGTEST, txid)).payment;

describe('an offering', () => {
  it('is made in three steps, and a second call finds what the first made', async () => {
    const made = await createOffering(draftOf(model), making(regtest, issuer));
    expect(made.steps.map(({ step }) => step)).toEqual(['source', 'share', 'offering']);
    id = made.txid;
    const again = await createOffering(draftOf(model), making(regtest, issuer));
    expect(again).toMatchObject({ txid: id, steps: [] });
    await regtest.mine();
    expect((await found()).faults).toEqual([]);
    const later = await createOffering(draftOf(model), making(regtest, issuer));
    expect(later).toMatchObject({ txid: id, steps: [] });
    const other = { ...draftOf(model), supply: 2_000n };
    await expect(createOffering(other, making(regtest, issuer))).rejects.toMatchObject({
      code: 'IMO_EXISTS',
    });
  });

  it('has no step sent twice by who read the chain a block too early', async () => {
    const draft = draftOf(await publish(regtest, issuer, 'singer'));
    for (const step of ['source', 'share']) {
      const registry = await readRegistry(regtest.chain);
      const next = () => prepare(draft, making(regtest, issuer), registry);
      expect(await next()).toMatchObject({ step });
      expect(await next()).toBe('waits');
      await regtest.mine();
      expect(await next()).toBe('waits');
    }
  });

  it('is found by its model, and not by anything else', async () => {
    const { offering } = await findOffering(regtest.chain, REGTEST, model);
    expect(offering.txid).toBe(id);
    const nothing = findOffering(regtest.chain, REGTEST, '00'.repeat(32));
    await expect(nothing).rejects.toMatchObject({ code: 'UNKNOWN_IMO' });
  });

  it('is sold to buyers who race, in whole lots, at no more than they agreed to', async () => {
    const { offering } = await found();
    const buy = (who: Person, units: bigint, most?: bigint) =>
      buyUnits(regtest.chain, who.wallet, offering, units, most);
    await expect(buy(ben!, 15n)).rejects.toMatchObject({ code: 'BAD_UNITS' });
    await expect(buy(ben!, 300n, 299_999n)).rejects.toMatchObject({ code: 'PRICE_ABOVE' });
    await expect(buy(ben!, 1_010n)).rejects.toMatchObject({ code: 'SOLD_OUT' });
    const both = await Promise.all([buy(ben!, 300n, 300_000n), buy(cat!, 100n)]);
    expect(both.map(({ cost }) => cost)).toEqual([300_000n, 100_000n]);
    const left = (await saleCoin(regtest.chain, offering))!;
    expect(left.output.token!.amount).toBe(600n);
    await regtest.mine();
  });

  it('shares income among those who hold units, and not with those that nobody bought', async () => {
    await earn(1_000_000n);
    const plan = await distribute();
    expect([...plan.paid]).toEqual(
      [
        [hexOf(ben!), 150_000n],
        [hexOf(cat!), 50_000n],
      ].sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
    expect(plan.snapshot).toMatchObject({ units: 400n, unsold: 600n });
    expect((await audit(plan.txid)).fault).toBeUndefined();
    await regtest.mine();
    expect(await audit(plan.txid)).toMatchObject({ height: await regtest.chain.height() });
    await expect(distribute()).rejects.toMatchObject({ code: 'NOTHING_DUE' });
  });

  it('pays by the holders of the block that was named, whoever holds units since', async () => {
    await earn(500_000n);
    const height = await regtest.chain.height();
    await give(ben!, dan!, 300n);
    await regtest.mine();
    const plan = await distribute(height);
    expect(plan.paid.get(hexOf(ben!))).toBe(75_000n);
    expect(plan.paid.has(hexOf(dan!))).toBe(false);
    await regtest.mine();
    expect((await audit(plan.txid)).fault).toBeUndefined();
    const [then, now] = [await moves(), (await moves()).at(await regtest.chain.height())];
    expect(then.at(height).holders.get(hexOf(ben!))).toBe(300n);
    expect(now.holders.get(hexOf(dan!))).toBe(300n);
    expect(() => then.at(height - 1)).toThrow(/already/);
    await earn(100_000n);
    await expect(distribute(height - 1)).rejects.toMatchObject({ code: 'BAD_HEIGHT' });
  });
});

describe('whoever pays the income to others', () => {
  /** Takes all income, by the issuer's key, into these outputs. */
  async function take(outputs: readonly TransactionOutput[]): Promise<string> {
    const { offering, minedAt } = await found();
    const { script } = await readBooks(regtest.chain, offering, minedAt);
    const coins = await regtest.chain.scriptUtxos([script]);
    const inputs = coins.map((coin) => ({ ...coin, unlockingSize: 73 }));
    const spend = { inputs, outputs, lockTime: 0, jobId: new Uint8Array(32) };
    const { txid } = await regtest.spend(
      spend as unknown as Parameters<Regtest['spend']>[0],
      (funded) =>
        coins.map((_, inputIndex) =>
          incomeUnlocking(signInput({ ...funded, inputIndex }, issuer.key.privateKey)),
        ),
    );
    return txid;
  }
  const due = async () => (await planDistribution(regtest.chain, await found(), undefined, 0)).plan;

  it('is by holders of a buried block unless a later one was paid by, or one is named', async () => {
    const least = (await readBooks(regtest.chain, (await found()).offering, 0)).lastHeight;
    for (let blocks = 0; blocks < 2; blocks++) {
      const { plan } = await planDistribution(regtest.chain, await found());
      const tip = await regtest.chain.height();
      expect(plan.snapshot.height).toBe(Math.max(least, tip - 6));
      await regtest.mine(8);
    }
    expect((await due()).snapshot.height).toBe(await regtest.chain.height());
  });

  it('must say for which snapshot: the contract asks for it', async () => {
    await expect(take([{ value: 20_000n, lockingScript: issuer.script }])).rejects.toThrow(
      /script/,
    );
    const other = commitmentScript('00'.repeat(32), { height: 1, root: new Uint8Array(32) });
    await expect(take([{ value: 0n, lockingScript: other }])).rejects.toThrow(/script/);
  });

  it.each<[string, RegExp, () => Promise<TransactionOutput[]>]>([
    ['themselves', /Output 1 is not what is due/, async () => [(await due()).outputs[0]!]],
    [
      'one holder less',
      /Output 2 is not what is due/,
      async () => (await due()).outputs.slice(0, 2),
    ],
    [
      'other holders than there were',
      /other holders than those of block/,
      async () => {
        const { snapshot, outputs } = await due();
        const root = snapshot.root.with(0, snapshot.root[0]! ^ 1);
        const lockingScript = commitmentScript(model, { height: snapshot.height, root });
        return [{ value: 0n, lockingScript }, ...outputs.slice(1)];
      },
    ],
    [
      'nobody knows whom, in words that only begin like a snapshot',
      /does not say which snapshot/,
      async () => {
        const { outputs } = await due();
        const lockingScript = outputs[0]!.lockingScript.subarray(0, -1);
        return [
          { value: 0n, lockingScript },
          { value: 1_000n, lockingScript: issuer.script },
        ];
      },
    ],
    [
      'those of a block that is not there yet',
      /not there yet/,
      async () => {
        const { snapshot, outputs } = await due();
        const height = snapshot.height + 5;
        const lockingScript = commitmentScript(model, { height, root: snapshot.root });
        return [{ value: 0n, lockingScript }, ...outputs.slice(1)];
      },
    ],
    [
      'those of a block before the last payment',
      /too old/,
      async () => {
        const { snapshot, outputs } = await due();
        const { lastHeight } = await readBooks(
          regtest.chain,
          (await found()).offering,
          (await found()).minedAt,
        );
        const lockingScript = commitmentScript(model, {
          height: lastHeight - 1,
          root: snapshot.root,
        });
        return [{ value: 0n, lockingScript }, ...outputs.slice(1)];
      },
    ],
  ])('is seen by everybody: %s', async (_, fault, outputs) => {
    await earn(100_000n);
    const txid = await take(await outputs());
    expect((await audit(txid)).fault).toMatch(fault);
  });

  it('leaves what comes later to be paid as it is due', async () => {
    await earn(1_000_000n);
    const plan = await distribute();
    await regtest.mine();
    expect((await audit(plan.txid)).fault).toBeUndefined();
    expect([...plan.paid.values()].reduce((a, b) => a + b)).toBe(200_000n);
  });
});

describe('the end of a sale', () => {
  it('is its issuer’s alone to make, and ends no unit that was sold', async () => {
    const { offering } = await found();
    await expect(cancelSale(regtest.chain, ben!.wallet, ben!.key, offering)).rejects.toMatchObject({
      code: 'NOT_ISSUER',
    });
    const before = formatOutpoint((await saleCoin(regtest.chain, offering))!.outpoint);
    const planned = await planPurchase(regtest.chain, ben!.wallet, offering, 10n);
    expect(formatOutpoint(planned.transaction.inputs[0]!.outpoint)).toBe(before);
    ben!.wallet.release(planned.transaction);
    expect(await cancelSale(regtest.chain, issuer.wallet, issuer.key, offering)).toMatchObject({
      amount: 600n,
    });
    await regtest.mine();
    const late = buyUnits(regtest.chain, ben!.wallet, offering, 10n);
    await expect(late).rejects.toMatchObject({ code: 'SOLD_OUT' });
    const snapshot = (await moves()).at(await regtest.chain.height());
    expect(snapshot).toMatchObject({ units: 1_000n, unsold: 0n });
    expect((await found()).faults).toEqual([]);
  });
});
