import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainClient, type RpcClient } from '#src/chain/index.js';
import { chainGraph, findModel, readRegistry } from '#src/reward/index.js';
import { Regtest } from '../../regtest.js';
import { Community, idOf } from './community.js';

let community: Community;
/** A node that has the same chain up to a block, and then goes its own way. */
let other: Regtest;

beforeAll(async () => {
  community = await Community.open(['ann']);
  other = await Regtest.open();
});
afterAll(async () => {
  await community?.close();
  await other?.close();
});

/** Gives one node the blocks of another that it lacks. */
async function copyBlocks(from: ChainClient, to: ChainClient, first: number): Promise<void> {
  const tip = await from.height();
  for (let height = first; height <= tip; height++) {
    const block = await from.rpc.call<string>('getblock', await from.blockId(height), 0);
    await to.rpc.call('submitblock', block);
  }
}

/** The node's client, which does something once, in the middle of the first reading of pins. */
function interrupted(client: ChainClient, meanwhile: () => Promise<void>): ChainClient {
  let isDone = false;
  const call = async (method: string, ...params: unknown[]): Promise<unknown> => {
    const answer = await client.rpc.call(method, ...params);
    if (method === 'getpins' && !isDone) {
      isDone = true;
      await meanwhile();
    }
    return answer;
  };
  return new ChainClient({ call } as unknown as RpcClient);
}

describe('a chain that changes while it is read', () => {
  it('is read as of the block that was its tip, whatever is mined meanwhile', async () => {
    const { chain } = community.regtest;
    await community.publish('ann', 'before');
    const height = await chain.height();
    const client = interrupted(chain, async () => {
      await community.publish('ann', 'meanwhile');
    });
    const registry = await readRegistry(client);
    expect(registry.height).toBe(height);
    expect([...registry.byId.keys()]).toEqual([idOf('before')]);
    expect((await chainGraph(chain)).graph.ids.length).toBe(2);
  });

  it('is read again when a reorganisation takes that block away', async () => {
    const { chain } = community.regtest;
    // the other node's chain was its own: it takes over this one, as the longer
    const fork = await chain.height();
    await community.regtest.mine(3);
    await copyBlocks(chain, other.chain, 1);
    expect(await other.chain.blockId(fork)).toBe(await chain.blockId(fork));
    const common = await chain.height();
    await other.mine(4);
    await community.publish('ann', 'orphaned');
    expect(await findModel(chain, idOf('orphaned'))).toBeUndefined();
    const lost = await readRegistry(chain);
    expect(lost.byId.has(idOf('orphaned'))).toBe(true);
    const client = interrupted(chain, () => copyBlocks(other.chain, chain, common + 1));
    const registry = await readRegistry(client);
    expect(registry.height).toBe(await chain.height());
    expect(registry.blockHash).toBe(await chain.blockId(registry.height));
    expect(registry.byId.has(idOf('orphaned'))).toBe(false);
    expect(registry.byId.has(idOf('before'))).toBe(true);
  });
});
