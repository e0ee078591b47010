import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hash160, networkParameters, p2pkhScript, Wallet } from '#src/chain/index.js';
import type { JobClient } from '#src/job/index.js';
import { declareModel, imoFigures, imoRules, publishModel } from '#src/reward/index.js';
import { Market, request } from '../../job/market.js';

const FEE_PPM = 250_000;
const PRICE = 1000n;
const params = networkParameters('regtest');

let market: Market;

beforeAll(async () => {
  market = await Market.open();
  const { chain, model, clientKey } = market;
  const owner = p2pkhScript(hash160(clientKey.publicKey));
  const rest = { name: 'tiny', licence: 'MIT', size: 5, feePpm: FEE_PPM, parents: [] };
  const declared = await declareModel(chain, { id: model.id, owner, ...rest });
  await publishModel(new Wallet({ client: chain, keys: [clientKey], params }), declared);
  await market.mine(1);
});
afterAll(() => market?.close());

async function figures(height?: number) {
  const { chain, model } = market;
  return imoFigures(chain, model.id, height ?? (await chain.height()), imoRules('regtest'));
}

/** Has somebody buy an answer, and gives the model's share of it. */
async function shareOf(client: JobClient): Promise<bigint> {
  const { id } = await client.submit(await client.quote(request(market)));
  const { answer } = await client.follow(id, market.stop.signal);
  await market.mine(params.disputeWindow);
  await market.until('worker', 'released', id);
  await market.mine(1);
  return (BigInt(answer!.outputIds.length) * PRICE * BigInt(FEE_PPM)) / 1_000_000n;
}

describe('the income of a model, as an offering counts it', () => {
  it('is nothing that its own owner paid', async () => {
    await market.worker({ price: PRICE });
    const share = await shareOf(market.client);
    expect(await figures()).toMatchObject({ income: 0n, payments: 0, ownPayments: share });
  });

  it('is what others paid, as of a height', async () => {
    const height = await market.chain.height();
    const before = await figures();
    market.clientKey = await market.funded();
    const share = await shareOf(market.newClient());
    expect(await figures()).toMatchObject({
      income: share,
      payments: 1,
      ownPayments: before.ownPayments,
      isPartial: false,
    });
    expect(await figures(height)).toEqual(before);
    await market.endShifts();
  });
});
