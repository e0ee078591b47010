import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RpcClient, RpcServer } from '#src/chain/index.js';
import {
  fewHoldersWarning,
  type HoldersInfo,
  holdersOf,
} from '#src/commands/shared/model-holders.js';
import { type PullStatus, registerModelMethods } from '#src/network/index.js';
import { until } from '../../until.js';
import { connect, ended, Parties, type Party } from './setup.js';

const AUTH = { user: 'u', password: 'p' };
const parties = new Parties();
const servers: RpcServer[] = [];
let holders: Party[];
let buyer: Party;
let rpc: RpcClient;
let alone: RpcClient;
let id: string;

async function clientOf(exchange?: Party['exchange']): Promise<RpcClient> {
  const server = new RpcServer({ auth: AUTH });
  if (exchange) registerModelMethods(server, exchange);
  servers.push(server);
  return new RpcClient({ url: await server.listen(0), auth: AUTH });
}

beforeAll(async () => {
  holders = await Promise.all(['ann', 'ben'].map((name) => parties.start(name)));
  id = await parties.give(holders);
  buyer = await parties.start('buyer');
  rpc = await clientOf(buyer.exchange);
  alone = await clientOf();
});
afterAll(async () => {
  await rpc.close();
  await alone.close();
  for (const server of servers) await server.close();
  await parties.close();
});

describe('the methods of a node about models', () => {
  it('count holders, and warn a buyer until three nodes hold a model', async () => {
    expect(await fewHoldersWarning(rpc, id)).toMatch(/^No node shows that it holds this model; /);
    await connect(buyer, holders.slice(0, 1));
    expect(await fewHoldersWarning(rpc, id)).toMatch(/^Only one node shows that it holds /);
    await connect(buyer, holders.slice(1));
    expect(await fewHoldersWarning(rpc, id)).toMatch(/^Only 2 nodes show that they hold /);
    const held = (await holdersOf(rpc, [id]))!.get(id) as HoldersInfo;
    expect(held.peers.map(({ peer }) => peer).sort()).toEqual(
      holders.map((each) => each.id).sort(),
    );
    expect(held).toMatchObject({ groups: 2, here: false });
  });

  it('fetch a model, after which this node is a holder, too, and nobody is warned', async () => {
    const about = { name: 'whale', licence: 'MIT', parents: [{ id: 'ab'.repeat(32), ppm: 5 }] };
    const status = await rpc.call<PullStatus>('pullmodel', id, about);
    expect(status).toMatchObject({ id, badPieces: 0 });
    expect(await ended(buyer, id)).toMatchObject({ state: 'done' });
    expect(await rpc.call('getpull', id)).toMatchObject({ state: 'done' });
    await until(() => buyer.exchange.isHeldHere(id));
    expect(await fewHoldersWarning(rpc, id)).toBeUndefined();
    expect(await rpc.call('announcemodels')).toBe(null);
  });

  it('say nothing where the node has no network', async () => {
    expect(await holdersOf(alone, [id])).toBeUndefined();
    expect(await fewHoldersWarning(alone, id)).toBeUndefined();
  });

  it('refuse what is malformed', async () => {
    const calls: [string, ...unknown[]][] = [
      ['pullmodel', 'ABC'],
      ['pullmodel', id, { dir: 5 }],
      ['pullmodel', id, { name: '' }],
      ['pullmodel', id, { maxBytes: 0.5 }],
      ['pullmodel', id, { parents: [{ id, ppm: 'x' }] }],
      ['pullmodel', id, { calibrations: {} }],
      ['pullmodel', id, { calibrations: [{ file: 5, hash: id }] }],
      ['pullmodel', id, { calibrations: [{ file: 'onnx/model.onnx', hash: 'x' }] }],
      ['getpull', '00'.repeat(32)],
      ['stoppull', '00'.repeat(32)],
      ['listmodelholders', 'x'],
      ['listmodelholders', Array.from({ length: 65 }, () => id)],
    ];
    for (const call of calls) await expect(rpc.call(...call), call[0]).rejects.toThrow();
  });
});
