import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAmount } from '#src/base/index.js';
import {
  createKey,
  hash160,
  networkParameters,
  p2pkhScript,
  parseOutpoint,
  Wallet,
} from '#src/chain/index.js';
import type { ClientRecord, JobClient, WorkerOptions } from '#src/job/index.js';
import { COIN, Market, request } from './market.js';

const params = networkParameters('regtest');
const JOBS = 20;

let market: Market;

beforeAll(async () => {
  market = await Market.open();
  await market.pay(market.clientKey, Array<bigint>(JOBS).fill(COIN / 10n));
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** Announces so many jobs at once, each on a coin of its own. */
async function announceAll(client: JobClient, count: number, retries = 0): Promise<ClientRecord[]> {
  const asked = { ...request(market), lifetime: 200, retries };
  return Promise.all(
    Array.from({ length: count }, async () => client.submit(await client.quote(asked))),
  );
}

/** A seller whose coins are enough for so many stakes of the jobs here. */
async function sellerWith(stakes: bigint, options: Partial<WorkerOptions> = {}) {
  const { record } = await market.newClient().quote(request(market));
  const key = createKey(params);
  await market.pay(key, [stakes * (parseAmount(record.job.stake) + 40_000n)]);
  return market.hire(key, options);
}

describe('twenty jobs at once', () => {
  it('are all settled by four sellers, none of whom takes more than its coins can stake', async () => {
    const sellers = [];
    for (let i = 0; i < 4; i++) sellers.push(await sellerWith(5n));
    const client = market.newClient();
    // a slow machine may let offers lapse before they are taken: their jobs are then given back, and announced anew
    const announced = await announceAll(client, JOBS, 5);
    expect(new Set(announced.map(({ job }) => job.coin)).size).toBe(JOBS);
    // stakes come back with time, so blocks must go on
    const ended = await market.steadily(1000, () =>
      Promise.all(announced.map(({ id }) => client.pursue(id, market.stop.signal))),
    );
    expect(ended.map(({ outcome }) => outcome)).toEqual(Array(JOBS).fill('settled'));
    const sold = ended.map(({ escrow }) => escrow!.offer.author);
    expect(new Set(sold).size).toBe(4);
    const why = market.events
      .filter(({ step }) => step === 'withdrawn')
      .map(({ detail }) => detail);
    expect(new Set([...why, 'its coins stand for other jobs']).size).toBe(1);
    expect(market.problems()).toEqual([]);
  }, 240_000);
});

describe('a seller that was chosen for more than it can do', () => {
  it('gives back at once what is too much, and the buyer asks another one', async () => {
    const small = await sellerWith(10n, { maxJobs: 1 });
    const client = market.newClient();
    const before = market.events.length;
    const announced = await announceAll(client, 3, 3);
    const pursuits = announced.map(({ id }) => client.pursue(id, market.stop.signal));
    await market.until('client', 'chosen', announced[0]!.id);
    await sellerWith(20n);
    const ended = await Promise.all(pursuits);
    expect(ended.map(({ outcome }) => outcome)).toEqual(Array(3).fill('settled'));
    const told = market.events.slice(before).filter(({ step }) => step === 'withdrawn');
    for (const { detail } of told) expect(detail).toBe('it has too many jobs in hand');
    await small.end();
  });
});

describe('a seller with coins for one stake', () => {
  it('does one of two jobs that it was chosen for at once, and gives the other back before it works on it', async () => {
    const seller = await sellerWith(3n);
    const client = market.newClient();
    const announced = await announceAll(client, 2);
    for (const { id } of announced) await market.until('worker', 'offered', id);
    // its owner pays with what two stakes were to come from
    const wallet = new Wallet({ client: market.chain, keys: [seller.key], params });
    const [coin] = await wallet.utxos();
    const lockingScript = p2pkhScript(hash160(market.miner.publicKey));
    await wallet.send([{ value: (coin!.output.value * 3n) / 5n, lockingScript }]);
    await market.mine(1);
    const ended = await Promise.all(
      announced.map(({ id }) => client.pursue(id, market.stop.signal)),
    );
    expect(ended.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'settled']);
    const { id } = ended.find(({ outcome }) => outcome === 'cancelled')!;
    expect(market.steps('worker', id)).not.toContain('started');
    const told = market.events.find(({ jobId, step }) => jobId === id && step === 'withdrawn');
    expect(told!.detail).toBe('its coins stand for other jobs');
  });
});

describe('a seller without coins', () => {
  it('says so, with the address that they should come to, and offers once they are there', async () => {
    const before = market.events.length;
    const { key } = market.hire(createKey(params));
    const told = (): string[] =>
      market.events
        .slice(before)
        .flatMap(({ step, detail }) => (step === 'problem' ? [detail!] : []));
    await market.happens(() => told().length > 0);
    expect(told()).toEqual([expect.stringContaining(`no coins to stake lie at ${key.address}`)]);
    const client = market.newClient();
    const [{ id }] = (await announceAll(client, 1)) as [ClientRecord];
    await market.pay(key, [COIN]);
    await market.until('worker', 'offered', id);
    expect(told()).toHaveLength(1);
    await client.cancel(id);
  });

  it('says so of jobs that ask for more than it has', async () => {
    const before = market.events.length;
    const key = createKey(params);
    await market.pay(key, [50_000n]);
    market.hire(key);
    const client = market.newClient();
    const [{ id }] = (await announceAll(client, 1)) as [ClientRecord];
    const problems = () => market.events.slice(before).filter(({ step }) => step === 'problem');
    await market.happens(() => problems().length > 0);
    expect(problems()[0]!.detail).toContain(`0.00050000 lie at ${key.address}`);
    await client.cancel(id);
  });
});

describe('a seller whose limits a job goes beyond', () => {
  it('says so once, however many such jobs pass by', async () => {
    const before = market.events.length;
    const key = createKey(params);
    await market.pay(key, [COIN]);
    const { end } = market.hire(key, { maxStake: 1n });
    const client = market.newClient();
    const announced = await announceAll(client, 2);
    const problems = () => market.events.slice(before).filter(({ step }) => step === 'problem');
    await market.happens(() => problems().length > 0);
    for (const { id } of announced) await client.cancel(id);
    expect(problems()).toHaveLength(1);
    expect(problems()[0]!.detail).toMatch(/^a job asks for too large a stake; no offer is made/);
    await end();
  });
});

describe('two processes that buy with one key', () => {
  /** Coins of so many base units, and a buyer in a process of its own for each. */
  async function buyers(...values: bigint[]) {
    market.clientKey = createKey(params);
    await market.pay(market.clientKey, values);
    return values.map(() => market.newClient());
  }

  it('put different coins under their jobs, and the third is told why there is none for it', async () => {
    const [first, second] = await buyers(COIN, COIN);
    const [one] = await announceAll(first!, 1);
    const [two] = await announceAll(second!, 1);
    expect(one!.job.coin).not.toBe(two!.job.coin);
    await expect(market.newClient().quote(request(market))).rejects.toMatchObject({
      code: 'NO_COIN',
      message:
        'All 2 coins of this key are kept aside for other jobs, and each job needs a coin of its own.',
    });
    await first!.cancel(one!.id);
    await second!.cancel(two!.id);
  });

  it('are told what is kept aside where what is left does not reach, and that a key has no coins where it has none', async () => {
    const [first, second] = await buyers(COIN, 200_000n);
    const [one] = await announceAll(first!, 1);
    const short = second!.quote(request(market));
    await expect(short).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      message: expect.stringMatching(/only 0.00200000 can be spent now \(1.00000000 more can't/),
    });
    await first!.cancel(one!.id);
    market.clientKey = createKey(params);
    await expect(market.newClient().quote(request(market))).rejects.toMatchObject({
      code: 'NO_COIN',
      message: 'This key has no coins; a job needs one of its own.',
    });
  });

  it('never pay one job with what stands for another, or is set aside to contest it', async () => {
    await buyers(COIN);
    const { reward, bond } = await market.newClient().quote(request(market));
    const reserve = bond + 80_000n;
    // the smaller one does not pay for a job alone; the larger one leaves next to nothing, and the third is soon gone
    const [first, second, third] = await buyers(reward + reserve + 5_000n, reward, reward);
    const [early] = await announceAll(first!, 1);
    const [late] = await announceAll(second!, 1);
    const purse = new Wallet({ client: market.chain, keys: [market.clientKey], params });
    for (const { job } of [early!, late!]) purse.lock(parseOutpoint(job.coin));
    await purse.sweep(p2pkhScript(hash160(market.miner.publicKey)));
    await market.mine(1);
    const seller = await market.worker({ price: 20_000n });
    const following = first!.follow(early!.id, market.stop.signal);
    await market.until('client', 'escrowed', early!.id);
    await expect(second!.follow(late!.id, market.stop.signal)).rejects.toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
    });
    const ended = await following;
    expect(ended.outcome).toBe('settled');
    const kept = await market.chain.output(parseOutpoint(`${ended.escrow!.txid}:1`));
    expect(kept?.output.value).toBe(reserve);
    // what the first job had set aside pays for the second one
    expect(await third!.follow(late!.id, market.stop.signal)).toMatchObject({
      outcome: 'settled',
    });
    await seller.end();
  });
});
