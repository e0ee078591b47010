import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HeaderRecord } from '#src/chain/index.js';
import { BlockWindow } from '#src/network/sync/BlockWindow.js';
import { BranchPath } from '#src/network/sync/BranchPath.js';
import { ANYONE } from '../../chain/mempool/anyone.js';
import { openTemporaryNode } from '../../chain/node/setup.js';

const LENGTH = 600;
/** Blocks that a peer is asked for at a time. */
const MOST = 512;
/** Longer than a peer is believed to lack a block that it said so of once. */
const LATER = 600;

let source: Awaited<ReturnType<typeof openTemporaryNode>>;
let fresh: typeof source;
let top: HeaderRecord;
let window: BlockWindow;

beforeAll(async () => {
  source = await openTemporaryNode({ threads: 1 });
  fresh = await openTemporaryNode({ threads: 1 });
  await source.node.mine(LENGTH, ANYONE);
  const { store } = source.node;
  const headers = Array.from({ length: LENGTH }, (_, below) => store.headerAt(below + 1)!.header);
  top = fresh.node.store.header(fresh.node.headers.take(headers).last.hash)!;
});
afterAll(async () => {
  await source.end();
  await fresh.end();
});
beforeEach(() => {
  window = new BlockWindow(BranchPath.to(fresh.node.store, top));
});

const claim = (peer: string): number[] => window.claim(peer, MOST, () => true);

/** A peer is asked for blocks and says of each that it lacks it. Returns for which. */
function askInVain(peer: string): number[] {
  const heights = claim(peer);
  for (const height of heights) {
    window.settle(peer, height);
    window.noteLack(peer, height);
    window.uncover(height);
  }
  return heights;
}

describe('what peers say that they lack', () => {
  it('is asked of others at once, and of them again a while later', async () => {
    const asked = askInVain('a');
    expect(asked.length).toBe(MOST);
    expect(askInVain('a')).toEqual([]);
    expect(claim('b')).toEqual(asked);
    window.release('b');
    await delay(LATER);
    const again = claim('a');
    expect(again[0]).toBe(1);
    expect(window.noteLack('a', 1)).toBe(2);
  });

  it('is kept of few blocks of each peer, until the peer is gone', async () => {
    for (let round = 0; round < 3; round++) {
      for (const peer of ['a', 'b', 'c']) askInVain(peer);
      await delay(LATER);
    }
    expect(window.lacks).toBeGreaterThan(0);
    expect(window.lacks).toBeLessThanOrEqual(3 * 256);
    for (const peer of ['a', 'b', 'c']) window.forgetLacks(peer);
    expect(window.lacks).toBe(0);
  });

  it('is kept of no block that was connected', () => {
    askInVain('a');
    const before = window.lacks;
    window.advance(100);
    expect(window.lacks).toBe(before - 100);
    window.advance(LENGTH - 100);
    expect(window.lacks).toBe(0);
  });
});
