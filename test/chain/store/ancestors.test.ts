import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blockHash } from '#src/chain/codec/block.js';
import { type HeaderEntry, requiredBits } from '#src/chain/consensus/headers.js';
import { ChainNode } from '#src/chain/index.js';
import type { ChainStore } from '#src/chain/store/ChainStore.js';
import { temporaryFolder } from '../node/setup.js';

let folder: ReturnType<typeof temporaryFolder>;
let node: ChainNode;
let store: ChainStore;

beforeEach(async () => {
  folder = temporaryFolder();
  node = await ChainNode.open({ datadir: folder.path, network: 'test', threads: 1 });
  store = node.store;
});
afterEach(async () => {
  await node.close();
  folder.remove();
});

/** The header above another, as a node enters it that has read it and not connected its block yet. */
function grow(previous: HeaderEntry, salt: number): HeaderEntry {
  const header = {
    version: 1,
    previousHash: previous.hash,
    merkleRoot: new Uint8Array(32).fill(salt),
    time: previous.header.time + 120,
    bits: requiredBits(previous, previous.header.time + 120, node.parameters, store),
    nonce: 0,
  };
  const { height, work } = previous;
  const entry = { hash: blockHash(header), header, height: height + 1, work: work + 1n };
  store.putHeader({ ...entry, status: 'unchecked', transactionCount: 1, size: 200 });
  return entry;
}

/** Grows a branch within one transaction. Returns its headers, the lowest first. */
function branch(previous: HeaderEntry, length: number, salt: number): HeaderEntry[] {
  const grown = [previous];
  store.transaction(() => {
    for (let count = 0; count < length; count++) grown.push(grow(grown.at(-1)!, salt));
  });
  return grown.slice(1);
}

describe('the way down from a header', () => {
  it('is walked once for a branch, however long it grows before it is connected', () => {
    const parent = vi.spyOn(store, 'parent');
    const lookupsPerHeader = (headers: number): number => {
      parent.mockClear();
      branch(last, headers, 1);
      last = [...store.inactive()][0]!;
      return parent.mock.calls.length / headers;
    };
    let last: HeaderEntry = store.tip();
    const low = lookupsPerHeader(500);
    const high = lookupsPerHeader(2_000);
    // a few for the anchor of the target; without a memory it would be 500 and more
    expect(low).toBeLessThan(20);
    expect(high).toBeLessThan(20);
  });

  it('ends at the same header as one that is walked step by step, on every branch', () => {
    const low = branch(store.tip(), 100, 1);
    const rivals = [
      branch(store.tip(), 60, 2),
      branch(low[20]!, 60, 3),
      branch(low[90]!, 60, 4),
      low,
    ];
    for (const rival of rivals) {
      const path: HeaderEntry[] = [];
      for (let at: HeaderEntry | undefined = rival.at(-1); at; at = store.parent(at)) path.push(at);
      for (const height of [0, 1, 20, 21, 22, 90, 100]) {
        const top = rival.at(-1)!;
        if (height > top.height) continue;
        for (const from of [top, top, path[3]!]) {
          if (from.height < height) continue;
          expect(store.ancestor(from, height).hash).toEqual(path[top.height - height]!.hash);
        }
      }
    }
  });
});
