import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hash160, networkParameters, p2pkhScript, Wallet } from '#src/chain/index.js';
import type { JobClient } from '#src/job/index.js';
import { declareModel, modelIncome, publishModel, readRegistry } from '#src/reward/index.js';
import { Market, request } from '../../job/market.js';

const FEE_PPM = 250_000;
const PRICE = 1000n;
const NONE = { amount: 0n, payments: 0, isPartial: false };

const params = networkParameters('regtest');

let market: Market;
/** The buyer's, who is the model's owner too. */
let owner: Uint8Array;

beforeAll(async () => {
  market = await Market.open();
  const { chain, model, clientKey } = market;
  owner = p2pkhScript(hash160(clientKey.publicKey));
  const parents: [] = [];
  const draft = { id: model.id, name: 'tiny', licence: 'MIT', size: 5, feePpm: FEE_PPM, parents };
  const declared = await declareModel(chain, { ...draft, owner });
  const wallet = new Wallet({ client: chain, keys: [clientKey], params });
  await publishModel(wallet, declared);
  await market.mine(1);
});
afterAll(() => market?.close());

/** What the market's model has earned, as the chain shows it now. */
async function income() {
  const { chain, model } = market;
  return modelIncome(chain, await readRegistry(chain), model.id);
}

/** Has somebody buy an answer, until nothing of it lies in a contract any more, and gives the model's share of it. */
async function shareOf(client: JobClient): Promise<bigint> {
  const { id } = await client.submit(await client.quote(request(market)));
  const { outcome, answer } = await client.follow(id, market.stop.signal);
  expect(outcome).toBe('settled');
  await market.mine(params.disputeWindow);
  await market.until('worker', 'released', id);
  await market.mine(1);
  await market.endShifts();
  return (BigInt(answer!.outputIds.length) * PRICE * BigInt(FEE_PPM)) / 1_000_000n;
}

describe('the income of a model', () => {
  it('is its share of a claim: not the change of an owner who buys, nor what comes back to it', async () => {
    expect(await income()).toEqual(NONE);
    await market.worker({ price: PRICE });
    const share = await shareOf(market.client);
    expect(await income()).toEqual({ amount: share, payments: 1, isPartial: false });
  });

  it('is not the reward of an owner who sells, nor its stake', async () => {
    const before = await income();
    const seller = market.clientKey;
    market.clientKey = await market.funded();
    market.hire(seller, { price: PRICE });
    const share = await shareOf(market.newClient());
    expect(await income()).toEqual({ ...before, amount: before.amount + share, payments: 2 });
  });

  it('is not what else is paid there with the id of a job, nor that of a model nobody published', async () => {
    const before = await income();
    const bank = await market.funded();
    const wallet = new Wallet({ client: market.chain, keys: [bank], params });
    const outputs = [1, 2].map(() => ({ value: 5_000n, lockingScript: owner }));
    await wallet.send(outputs, { jobId: new Uint8Array(32).fill(7) });
    await market.mine(1);
    expect(await income()).toEqual(before);
    const registry = await readRegistry(market.chain);
    expect(await modelIncome(market.chain, registry, 'ab'.repeat(32))).toEqual(NONE);
  });

  it('is found where its pin has named more scripts than the node takes in one call', async () => {
    const registry = await readRegistry(market.chain);
    const [claim] = registry.claims.get(market.model.id)!;
    const [version] = claim!.versions;
    const others = Array.from({ length: 1_001 }, (_, index) => ({
      ...version!,
      declaration: { ...version!.declaration, split: Uint8Array.of(2, index >> 8, index & 255) },
    }));
    const claims = new Map([
      [market.model.id, [{ ...claim!, versions: [version!, ...others] as const }]],
    ]);
    const found = await modelIncome(market.chain, { ...registry, claims }, market.model.id);
    expect(found).toEqual(await income());
    expect(found.amount).toBeGreaterThan(0n);
  });
});
