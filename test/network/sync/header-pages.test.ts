import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainNode, networkParameters } from '#src/chain/index.js';
import { HeaderPages } from '#src/network/sync/HeaderPages.js';
import { headersAbove } from '#src/network/sync/locator.js';
import { encodeHeaders } from '#src/network/sync/messages.js';
import { temporaryFolder } from '../../chain/node/setup.js';
import { emptyBlocks, give } from './chains.js';

const folder = temporaryFolder();
let node: ChainNode;

beforeAll(async () => {
  node = await ChainNode.open({ datadir: folder.path, network: 'regtest', threads: 1 });
  await give(node, await emptyBlocks(networkParameters('regtest').genesis, 0, 450));
});
afterAll(async () => {
  await node.close();
  folder.remove();
});

const truth = (locator: Uint8Array[]): Uint8Array =>
  encodeHeaders(headersAbove(node.store, locator).map(({ header }) => header));
const at = (height: number): Uint8Array[] => [node.store.hashAt(height)!];

describe('answers with headers', () => {
  it('are those above the fork, whole, wherever it is', async () => {
    const pages = new HeaderPages(node.store);
    for (const locator of [[], [new Uint8Array(32)], at(0), at(1), at(250), at(350), at(449)]) {
      expect(await pages.answer('peer', locator)).toEqual(truth(locator));
    }
    expect(await pages.answer('peer', at(450))).toEqual(Uint8Array.of(0));
    pages.close();
  });

  it('wait for one share of all peers together, and those remembered for none', async () => {
    const pages = new HeaderPages(node.store, { perSecond: 0.001, burst: 452 });
    expect(await pages.answer('first', at(0))).toEqual(truth(at(0)));
    for (const peer of ['second', 'third', 'fourth']) {
      expect(await pages.answer(peer, at(0))).toEqual(truth(at(0)));
    }
    const beyond = pages.answer('fifth', at(1))!;
    const first = await Promise.race([
      beyond.then(
        () => 'answered',
        () => 'closed',
      ),
      new Promise((resolve) => setTimeout(resolve, 200, 'waits')),
    ]);
    expect(first).toBe('waits');
    pages.close();
    await expect(beyond).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('are refused to a peer that has too many questions waiting', async () => {
    const pages = new HeaderPages(node.store);
    const asked = Array.from({ length: 12 }, () => pages.answer('peer', at(0)));
    expect(asked.some((each) => each === undefined)).toBe(true);
    expect(pages.answer('other', at(0))).toBeDefined();
    await Promise.all(asked);
    pages.close();
  });
});
