import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  p2pkhHash,
  p2pkhScript,
  RpcError,
  type Transaction,
  Wallet,
} from '#src/chain/index.js';
import {
  declareSource,
  findDeclaration,
  type Published,
  parseSplitScript,
  planSettlement,
  publishSource,
  readRegistry,
  settleSplits,
  splitAmounts,
  splitScript,
} from '#src/reward/index.js';
import { mostCoins, weighContract } from '#src/reward/settle/weigh.js';
import { REGTEST, Regtest } from '../../regtest.js';

const id = (name: string): string => toHex(sha256(new TextEncoder().encode(name)));
const owner = (name: string): Uint8Array =>
  p2pkhScript(sha256(new TextEncoder().encode(name)).slice(0, 20));

let regtest: Regtest;
beforeAll(async () => {
  regtest = await Regtest.open();
});
afterAll(() => regtest.close());

/** Publishes a source that is owned by an address of its own name. */
async function publish(name: string, parents: Record<string, number> = {}) {
  const source = await declareSource(regtest.chain, {
    kind: 'dataset',
    id: id(name),
    name,
    owner: owner(name),
    parents: Object.entries(parents).map(([parent, ppm]) => ({ id: id(parent), ppm })),
  });
  await publishSource(regtest.wallet, source);
  await regtest.mine();
  return source;
}

/** What has been paid to a script: the coins that are pins are not counted. */
const lies = async (script: Uint8Array): Promise<bigint> =>
  (await regtest.chain.scriptUtxos([script]))
    .filter(({ pins }) => pins === undefined)
    .reduce((sum, { output }) => sum + output.value, 0n);

describe('settling', () => {
  it('pays out what lies there whatever dust others left beside it', async () => {
    const data = await publish('chaff');
    const model = await publish('sieve', { chaff: 100_000 });
    const dust = Array(1_200).fill({ value: 1n, lockingScript: model.split });
    await regtest.pay(dust);
    await regtest.pay([{ value: 1_000_000n, lockingScript: model.split }]);
    const { settled } = await settleSplits(regtest.chain, regtest.wallet, { ids: [id('sieve')] });
    expect(settled.map(({ amount }) => amount)).toEqual([1_000_000n]);
    expect(await lies(data.owner)).toBe(100_000n);
  });

  it('carries what would be dust to the next settlement, and loses no unit over many', async () => {
    const data = await publish('grain');
    const model = await publish('mill', { grain: 10_000 });
    let paid = 0n;
    let settlements = 0;
    for (const value of [30_000n, 20_000n, 4_599n, 1n, 54_600n, 777n, 60_001n]) {
      await regtest.pay([{ value, lockingScript: model.split }]);
      paid += value;
      const { settled, left } = await settleSplits(regtest.chain, regtest.wallet, {
        ids: [id('mill')],
      });
      settlements += settled.length;
      const carried = await lies(model.split);
      const reached = (await lies(data.owner)) + (await lies(model.owner));
      expect(reached + carried).toBe(paid);
      expect(left.reduce((sum, { amount }) => sum + amount, 0n)).toBe(carried);
      for (const { shares } of settled) {
        expect(shares.every(({ amount }) => amount >= 546n)).toBe(true);
      }
    }
    // 54,599 units leave 545 for the data, the unit more costs more than it is worth; the next payment takes it along
    expect(settlements).toBe(2);
  });

  it('says how much must lie there until nothing of it is dust, to the unit', async () => {
    const { split } = await publish('barn', { grain: 333_333 });
    const needs = (546n * 1_000_000n + 333_332n) / 333_333n;
    await regtest.pay([{ value: needs - 1n, lockingScript: split }]);
    const settle = () => settleSplits(regtest.chain, regtest.wallet, { ids: [id('barn')] });
    expect((await settle()).left).toMatchObject([{ reason: 'dust', amount: needs - 1n, needs }]);
    await regtest.pay([{ value: 200n, lockingScript: split }]);
    expect((await settle()).settled).toMatchObject([{ amount: needs + 199n, coins: 2 }]);
  });

  it('is not made dear by whoever pays in a hundred coins that cost more than they are worth', async () => {
    const { split } = await publish('dusty', { grain: 500_000 });
    const bombs = Array.from({ length: 100 }, () => ({ value: 3n, lockingScript: split }));
    await regtest.pay([{ value: COIN, lockingScript: split }, ...bombs]);
    const settle = (minimum?: bigint) =>
      settleSplits(regtest.chain, regtest.wallet, { ids: [id('dusty')], minimum });
    const { settled, left } = await settle();
    expect(settled).toMatchObject([{ coins: 1, amount: COIN }]);
    expect(left).toMatchObject([{ reason: 'cost', coins: 100, amount: 300n }]);
    expect(settled[0]!.fee).toBeLessThan(600n);
    expect((await settle(1n)).settled).toMatchObject([{ coins: 100, amount: 300n }]);
  });

  it('pays out more coins than one transaction spends in several', async () => {
    const { split } = await publish('silo', { grain: 500_000 });
    expect(mostCoins(split)).toBe(500);
    const coins = Array.from({ length: 620 }, (_, i) => ({
      value: 1_000n + BigInt(i),
      lockingScript: split,
    }));
    await regtest.pay(coins);
    const { planned } = await planSettlement(regtest.chain, { ids: [id('silo')] });
    const { settled, left } = await settleSplits(regtest.chain, regtest.wallet, {
      ids: [id('silo')],
    });
    expect(settled.map((each) => each.coins)).toEqual([500, 120]);
    expect(left).toEqual([]);
    expect(planned.map(({ coins, amount, shares }) => ({ coins, amount, shares }))).toEqual(
      settled.map(({ coins, amount, shares }) => ({ coins, amount, shares })),
    );
    for (const [i, { fee }] of settled.entries()) {
      expect(Math.abs(Number(planned[i]!.fee - fee))).toBeLessThan(60);
    }
    await regtest.mine();
  });

  it('without ids settles whatever waits anywhere, and with an owner only what reaches that one', async () => {
    const left = await publish('left hand', { grain: 500_000 });
    const barley = await publish('barley');
    const right = await publish('right hand', { barley: 500_000 });
    const both = await publish('both hands', { 'right hand': 500_000 });
    for (const { split } of [left, both]) {
      await regtest.pay([{ value: COIN, lockingScript: split }]);
    }
    const own = await settleSplits(regtest.chain, regtest.wallet, {
      pays: (script) => toHex(script) === toHex(barley.owner),
    });
    expect(own.settled.map(({ name }) => name)).toEqual(['both hands', 'right hand']);
    expect(await lies(barley.owner)).toBe(COIN / 4n);
    expect(await lies(right.split)).toBe(0n);
    const all = await settleSplits(regtest.chain, regtest.wallet);
    expect(all.settled.map(({ name }) => name)).toEqual(['left hand']);
  });

  it('goes on after a block where 25 transactions hang on each other, or says what is left', async () => {
    await publish('step 0');
    for (let i = 1; i <= 28; i++) await publish(`step ${i}`, { [`step ${i - 1}`]: 990_000 });
    const registry = await readRegistry(regtest.chain);
    const { split } = findDeclaration(registry, id('step 28'));
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const first = await settleSplits(regtest.chain, regtest.wallet, { ids: [id('step 28')] });
    expect(first.settled.length).toBe(25);
    expect(first.left).toMatchObject([{ name: 'step 3', reason: 'chain' }]);

    const waiting = settleSplits(regtest.chain, regtest.wallet, {
      ids: [id('step 28')],
      wait: true,
    });
    await new Promise((done) => setTimeout(done, 100));
    await regtest.mine();
    const rest = await waiting;
    expect(rest.settled.map(({ name }) => name)).toEqual(['step 3', 'step 2', 'step 1']);
    let flow = COIN;
    for (let i = 28; i >= 1; i--) {
      const [up, own] = splitAmounts(
        parseSplitScript(findDeclaration(registry, id(`step ${i}`)).split)!,
        flow,
      );
      expect(await lies(owner(`step ${i}`))).toBe(own);
      flow = up!;
    }
    expect(await lies(owner('step 0'))).toBe(flow);
    await regtest.mine();
  });

  it("settles what is in blocks, and gives up a stranger's chain that is never mined after six blocks", async () => {
    await publish('straw');
    const { split } = await publish('held up', { straw: 500_000 });
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const key = createKey(REGTEST);
    const stranger = new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    const back = stranger.changeScript;
    await regtest.pay([{ value: 10n * COIN, lockingScript: back }]);
    for (let i = 0; i < 24; i++) await stranger.send([{ value: COIN, lockingScript: back }]);
    await stranger.send([{ value: 2n * COIN, lockingScript: split }]);
    const ids = [id('held up')];

    const now = await settleSplits(regtest.chain, regtest.wallet, { ids });
    expect(now.settled).toMatchObject([{ amount: COIN, coins: 1 }]);
    expect(now.left).toMatchObject([{ reason: 'chain', amount: 2n * COIN, coins: 1 }]);

    const start = await regtest.chain.height();
    let isOver = false;
    const waiting = settleSplits(regtest.chain, regtest.wallet, { ids, wait: true }).finally(() => {
      isOver = true;
    });
    while (!isOver) await regtest.chain.rpc.call('generateblock', regtest.key.address, []);
    expect(await waiting).toMatchObject({
      settled: [],
      left: [{ reason: 'chain', amount: 2n * COIN, waited: 6 }],
    });
    expect(await regtest.chain.height()).toBeGreaterThanOrEqual(start + 6);

    await regtest.mine();
    const { settled } = await settleSplits(regtest.chain, regtest.wallet, { ids });
    expect(settled).toMatchObject([{ amount: 2n * COIN }]);
    await regtest.mine();
  });

  it("stops where a stranger's chain of contracts has cost a hundredth of what began it, with the memory of a watch", async () => {
    await publish('farm 0');
    for (let i = 1; i <= 12; i++) await publish(`farm ${i}`, { [`farm ${i - 1}`]: 900_000 });
    const { split } = findDeclaration(await readRegistry(regtest.chain), id('farm 12'));
    await regtest.pay([{ value: 200_000n, lockingScript: split }]);
    const ways = new Map<string, bigint>();
    const settle = () =>
      settleSplits(regtest.chain, regtest.wallet, { ids: [id('farm 12')], ways });
    const { settled, left } = await settle();
    const fees = settled.reduce((sum, { fee }) => sum + fee, 0n);
    expect(settled.length).toBeGreaterThan(1);
    expect(fees).toBeLessThanOrEqual(2_000n);
    expect(left).toMatchObject([{ reason: 'cost' }]);
    await regtest.mine();
    expect((await settle()).settled).toEqual([]);
  });

  it('pays no more in fees than it is told, and plans no more', async () => {
    const { split } = await publish('dear', { grain: 500_000 });
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const options = { ids: [id('dear')], maxFees: 100n };
    const { settled, left } = await settleSplits(regtest.chain, regtest.wallet, options);
    expect(settled).toEqual([]);
    expect(left).toMatchObject([{ reason: 'budget', amount: COIN }]);
    expect((await planSettlement(regtest.chain, options)).planned).toEqual([]);
    const more = { ids: [id('dear')], maxFees: 1_000n };
    expect((await settleSplits(regtest.chain, regtest.wallet, more)).settled.length).toBe(1);
    await regtest.mine();
  });

  it('leaves what the node refuses, and settles what is behind it', async () => {
    const first = await publish('refused', { grain: 500_000 });
    const second = await publish('behind', { grain: 500_000 });
    for (const { split } of [first, second]) {
      await regtest.pay([{ value: COIN, lockingScript: split }]);
    }
    const client = new ChainClient(regtest.chain.rpc);
    const refuses = Object.assign(client, {
      send: (transaction: Transaction): Promise<string> =>
        transaction.outputs.some(({ lockingScript }) => toHex(lockingScript) === toHex(first.owner))
          ? Promise.reject(new RpcError(-26, 'tx-size'))
          : regtest.chain.send(transaction),
    });
    const { settled, left } = await settleSplits(refuses, regtest.wallet, {
      ids: [id('refused'), id('behind')],
    });
    expect(settled.map(({ name }) => name)).toEqual(['behind']);
    expect(left).toMatchObject([{ name: 'refused', reason: 'refused', detail: 'tx-size' }]);
    await regtest.mine();
  });

  it('leaves to the other what two settle at once, as a note and no error', async () => {
    const { split } = await publish('raced', { grain: 400_000 });
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const key = createKey(REGTEST);
    const lockingScript = p2pkhScript(p2pkhHash(regtest.wallet.changeScript)!);
    await regtest.pay([{ value: COIN, lockingScript }]);
    const other = new Wallet({ client: regtest.chain, keys: [key], params: REGTEST });
    await regtest.wallet.send([{ value: COIN, lockingScript: other.changeScript }]);
    await regtest.mine();
    const before = await lies(owner('raced'));
    const results = await Promise.all(
      [regtest.wallet, other].map((wallet) =>
        settleSplits(regtest.chain, wallet, { ids: [id('raced')] }),
      ),
    );
    const all = results.flatMap(({ settled }) => settled);
    const notes = results.flatMap(({ left }) => left);
    expect(all.length).toBe(1);
    expect(notes).toMatchObject([{ reason: 'taken', amount: COIN }]);
    expect((await lies(owner('raced'))) - before).toBe(COIN - (COIN * 4n) / 10n);
    // the loser's coins are free again
    expect((await other.utxos()).length).toBe(1);
    await regtest.mine();
  });

  it('sends nothing without coins for the fee, and says so', async () => {
    const { split } = await publish('unpaid', { grain: 400_000 });
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const poor = new Wallet({ client: regtest.chain, keys: [createKey(REGTEST)], params: REGTEST });
    await expect(settleSplits(regtest.chain, poor, { ids: [id('unpaid')] })).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    const { settled } = await settleSplits(regtest.chain, regtest.wallet, { ids: [id('unpaid')] });
    expect(settled.length).toBe(1);
  });
});

describe('judging what lies in a contract', () => {
  it('leaves a contract whose payments are more than nodes relay in one transaction', () => {
    const scripts = Array.from({ length: 80 }, (_, i) => new Uint8Array(15_000).fill(i + 1));
    const shares = scripts.map((script) => ({ scriptHash: sha256(script), ppm: 10_000 }));
    const split = splitScript(shares, sha256(owner('self')));
    const known = [...scripts, owner('self')].map((s) => [toHex(sha256(s)), s] as const);
    const coin = {
      outpoint: { hash: new Uint8Array(32), index: 0 },
      output: { value: 5n * COIN, lockingScript: split },
      height: 1,
      coinbase: false,
    };
    const source = { id: id('x'), name: 'x', split } as unknown as Published;
    const judged = weighContract({ scripts: new Map(known) }, source, [coin], { feeRate: 1n });
    expect(judged).toMatchObject({ spends: [], left: [{ reason: 'size' }] });
  });

  const any = fc.record({
    weights: fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 4 }),
    values: fc.array(fc.bigInt(0n, 20_000n), { minLength: 1, maxLength: 12 }),
    feeRate: fc.bigInt(1n, 20n),
    minimum: fc.option(fc.bigInt(0n, 60_000n), { nil: undefined }),
  });

  it('spends or leaves every unit, and pays no dust unless it is told to', () => {
    fc.assert(
      fc.property(any, ({ weights, values, feeRate, minimum }) => {
        const scripts = weights.map((_, i) => owner(`parent ${i}`));
        const shares = weights.map((ppm, i) => ({ scriptHash: sha256(scripts[i]!), ppm }));
        const split = splitScript(shares, sha256(owner('self')));
        const known = [...scripts, owner('self')].map((s) => [toHex(sha256(s)), s] as const);
        const coins = values.map((value, index) => ({
          outpoint: { hash: new Uint8Array(32), index },
          output: { value, lockingScript: split },
          height: 1,
          coinbase: false,
        }));
        const source = { id: id('x'), name: 'x', split } as unknown as Published;
        const registry = { scripts: new Map(known) };
        const { spends, left } = weighContract(registry, source, coins, { feeRate, minimum });
        const spent = spends.reduce((sum, { amount }) => sum + amount, 0n);
        const stays = left.reduce((sum, { amount }) => sum + amount, 0n);
        expect(spent + stays).toBe(values.reduce((sum, value) => sum + value, 0n));
        const counted = spends.reduce((sum, { spend }) => sum + spend.coins.length, 0);
        expect(counted + left.reduce((sum, each) => sum + each.coins, 0)).toBe(values.length);
        for (const { spend, amount, size } of spends) {
          const paid = spend.outputs.reduce((sum, { value }) => sum + value, 0n);
          expect(paid).toBe(amount);
          if (minimum !== undefined) continue;
          expect(spend.outputs.every(({ value }) => value >= 546n)).toBe(true);
          expect(BigInt(size) * feeRate).toBeLessThanOrEqual(amount);
        }
        if (minimum !== undefined) expect(spent === 0n || spent >= minimum).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves coins whose destination no pin shows, and names the hash', () => {
    const split = splitScript(
      [{ scriptHash: sha256(owner('unseen')), ppm: 1 }],
      sha256(owner('self')),
    );
    const source = { id: id('x'), name: 'x', split } as unknown as Published;
    const coin = {
      outpoint: { hash: new Uint8Array(32), index: 0 },
      output: { value: COIN, lockingScript: split },
      height: 1,
      coinbase: false,
    };
    const weighed = weighContract({ scripts: new Map() }, source, [coin], { feeRate: 1n });
    const missing = toHex(sha256(owner('unseen')));
    expect(weighed).toMatchObject({ spends: [], left: [{ reason: 'destination', missing }] });
  });
});
