import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashToId, idToHash, transactionId } from '#src/chain/index.js';
import { stateHash } from '#src/chain/store/queries.js';
import { coinOf, MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, payFromMiner } from './setup.js';

let opened: Awaited<ReturnType<typeof openTemporaryNode>>;

beforeEach(async () => {
  opened = await openTemporaryNode();
  await opened.node.mine(103, MINER_SCRIPT);
});
afterEach(() => opened.end());

const entry = (id: string) => opened.node.store.header(idToHash(id))!;
const idAt = (height: number): string => hashToId(opened.node.store.hashAt(height)!);

describe('the operator’s word', () => {
  it('refuses a block: what is below it is the chain, and its transactions wait again', async () => {
    const { node } = opened;
    const before = stateHash(node.store);
    const payment = payFromMiner(node, [{ value: 10_000n, lockingScript: OTHER_SCRIPT }]);
    await node.submitTransaction(payment);
    const [refused] = await node.mine(2, MINER_SCRIPT);
    const tips: number[] = [];
    node.on('block', ({ height }) => tips.push(height));
    await node.overruling.refuse(entry(refused!));
    expect(node.tip.height).toBe(103);
    expect(tips).toEqual([103]);
    expect(stateHash(node.store)).toEqual(before);
    expect(
      [...node.mempool.entries()].map(({ transaction }) => transactionId(transaction)),
    ).toEqual([transactionId(payment)]);
  });

  it('lets nothing be built on a refused block, and takes it up again when told', async () => {
    const { node } = opened;
    const ids = await node.mine(3, MINER_SCRIPT);
    const blocks = ids.map((id) => node.store.block(idToHash(id))!);
    const state = stateHash(node.store);
    await node.overruling.refuse(entry(ids[1]!));
    expect(node.tip.hash).toBe(ids[0]);
    await expect(node.submitBlock(blocks[1]!)).rejects.toMatchObject({
      reason: 'duplicate-invalid',
    });
    await expect(node.submitBlock(blocks[2]!)).rejects.toMatchObject({
      reason: 'duplicate-invalid',
    });
    await node.overruling.reconsider(entry(ids[2]!));
    expect(node.tip.hash).toBe(ids[2]);
    expect(stateHash(node.store)).toEqual(state);
  });

  it('goes to the best branch without the refused block, and back to the one with the most work', async () => {
    const { node } = opened;
    const first = await node.mine(3, MINER_SCRIPT);
    await node.overruling.refuse(entry(first[0]!));
    const second = await node.mine(2, OTHER_SCRIPT);
    await node.overruling.reconsider(entry(first[0]!));
    expect(node.tip.hash).toBe(first[2]);
    await node.overruling.refuse(entry(first[1]!));
    expect(node.tip.hash).toBe(second[1]);
    // what lies off the active chain can be refused, too
    await node.overruling.refuse(entry(first[0]!));
    expect(node.tip.hash).toBe(second[1]);
  });

  it('lets transactions wait again that depend on others in blocks that are left only afterwards', async () => {
    const { node } = opened;
    const other = await node.mine(3, OTHER_SCRIPT);
    await node.overruling.refuse(entry(other[0]!));
    const pay = [{ value: 10_000n, lockingScript: OTHER_SCRIPT }];
    const parent = payFromMiner(node, pay);
    await node.submitTransaction(parent);
    await node.mine(1, MINER_SCRIPT);
    const child = payFromMiner(node, pay, { utxos: [coinOf(parent, 1)] });
    await node.submitTransaction(child);
    const [refused] = await node.mine(3, MINER_SCRIPT);
    await node.overruling.reconsider(entry(other[0]!));
    // the child's block is left first, the parent's on the way to the other branch
    await node.overruling.refuse(entry(refused!));
    expect(node.tip.hash).toBe(other[2]);
    const waiting = [...node.mempool.entries()].map(({ transaction }) =>
      transactionId(transaction),
    );
    expect(new Set(waiting)).toEqual(new Set([parent, child].map(transactionId)));
  });

  it('prefers a block to the tip when it has as much work, not when it has less', async () => {
    const { node } = opened;
    const first = await node.mine(1, MINER_SCRIPT);
    await node.overruling.refuse(entry(first[0]!));
    const second = await node.mine(1, OTHER_SCRIPT);
    await node.overruling.reconsider(entry(first[0]!));
    expect(node.tip.hash).toBe(second[0]);
    await node.overruling.prefer(entry(first[0]!));
    expect(node.tip.hash).toBe(first[0]);
    await node.mine(1, MINER_SCRIPT);
    await node.overruling.prefer(entry(second[0]!));
    expect(idAt(104)).toBe(first[0]);
  });

  it('cannot refuse the genesis block', async () => {
    await expect(opened.node.overruling.refuse(entry(idAt(0)))).rejects.toMatchObject({
      code: 'GENESIS_REFUSED',
    });
    expect(opened.node.tip.height).toBe(103);
  });
});
