import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { RPC_CODE, type RpcClient, RpcError } from '#src/chain/index.js';
import { unsynced } from '#src/commands/shared/model-holders.js';

const unknown = new BitmodelError('UNKNOWN_MODEL', 'No model "tiny" is published.', {
  exitCode: 3,
});

/** What is said where the node answers `getnodestatus` with this. */
async function said(state: readonly [number, boolean, number, number]) {
  const [peers, isSyncing, height, headers] = state;
  const facts = { outbound: 0, inbound: peers, syncing: { isSyncing, height, headers } };
  const call = (async () => facts) as unknown as RpcClient['call'];
  return unsynced({ call }, unknown);
}

describe('a model that the node does not know of', () => {
  it('may be published where the node has no peers, still syncs, or has no block', async () => {
    for (const [state, words] of [
      [[0, false, 9, 9], 'as far as the node knows, which has no peers.'],
      [[1, true, 5, 9], 'in what the node has of the chain; it still syncs, at block 5 of 9.'],
      [[1, false, 0, 9], 'in what the node has of the chain; it still syncs, at block 0 of 9.'],
      [[1, false, 0, 0], 'in what the node has of the chain; that is no block yet.'],
    ] as const) {
      const error = (await said(state))!;
      expect(error).toMatchObject({ code: 'UNKNOWN_MODEL', exitCode: 3 });
      expect(error.message).toBe(`No model "tiny" is published ${words}`);
    }
  });

  it('is just not published where the node is in step with others, or alone on purpose', async () => {
    expect(await said([1, false, 9, 9])).toBeUndefined();
    const call = async () => {
      throw new RpcError(RPC_CODE.p2pDisabled, 'no network');
    };
    expect(await unsynced({ call }, unknown)).toBeUndefined();
  });
});
