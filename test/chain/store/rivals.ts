import { setImmediate } from 'node:timers/promises';
import { toHex } from '#src/base/index.js';
import { ChainNode, encodeBlock, hashToId, idToHash, type Transaction } from '#src/chain/index.js';
import { encodePin } from '#src/chain/pins/pin.js';
import type { ChainStore } from '#src/chain/store/ChainStore.js';
import { stateHash } from '#src/chain/store/queries.js';
import { utxoSetInfo } from '#src/chain/store/utxoSet.js';
import {
  coinOf,
  copyFolder,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  payFromMiner,
  temporaryFolder,
} from '../node/setup.js';

/** What a store says of itself: the hash of its unspent outputs, and that of its undo data and all indexes as well. */
export interface StoreHashes {
  readonly utxos: string;
  readonly state: string;
}

export async function hashesOf(store: ChainStore): Promise<StoreHashes> {
  const { hash } = await utxoSetInfo(store);
  return { utxos: hashToId(hash), state: toHex(stateHash(store)) };
}

/** Blocks of branches that overtake each other again and again. */
export interface Rivals {
  /** In hex, in the order in which a node is given them. */
  readonly blocks: readonly string[];
  /**
   * By the id of a tip: the hashes of a store that was given that block's chain from the genesis block on and nothing
   * else, so that it never disconnected anything.
   */
  readonly replayed: ReadonlyMap<string, StoreHashes>;
}

/** Blocks below the first branch, so that there is something to spend. */
const TRUNK = 112;

/**
 * A transaction that pays many outputs, makes a token and a pin, and carries a job, and one that moves token and pin
 * on: between them they touch every table of the store.
 */
export function payments(node: ChainNode, salt: number): Transaction[] {
  const coin = matureCoins(node).find(({ coinbase }) => coinbase)!;
  const category = coin.outpoint.hash;
  const pin = encodePin({
    operation: 'create',
    path: `/info/${salt % 3}`,
    contentType: 'text/plain',
    payload: Buffer.from(`${salt}`),
  });
  const make = payFromMiner(
    node,
    [
      {
        value: 20_000n,
        lockingScript: MINER_SCRIPT,
        token: {
          category,
          amount: 1_000n,
          nft: { capability: 'minting', commitment: Uint8Array.of(salt & 0xff) },
        },
      },
      { value: 0n, lockingScript: pin },
      ...Array.from({ length: 40 }, (_, index) => ({
        value: 1_000n + BigInt(index),
        lockingScript: OTHER_SCRIPT,
      })),
    ],
    { utxos: [coin], jobId: new Uint8Array(32).fill(salt & 0xff || 1) },
  );
  const token = coinOf(make, 0);
  const move = payFromMiner(
    node,
    [
      {
        value: 10_000n,
        lockingScript: OTHER_SCRIPT,
        token: { category, amount: 400n },
      },
      {
        value: 2_000n,
        lockingScript: MINER_SCRIPT,
        token: { ...token.output.token!, amount: 600n },
      },
    ],
    {
      inputs: [{ outpoint: token.outpoint, output: token.output, unlockingSize: 107 }],
      utxos: [coinOf(make, make.outputs.length - 1)],
    },
  );
  return [make, move];
}

/** Mines blocks that are full of payments, and notes each with what a store is like after it. */
class Recorder {
  readonly replayed = new Map<string, StoreHashes>();
  #salt = 0;

  async mine(node: ChainNode, count: number, withPayments = true): Promise<string[]> {
    const blocks: string[] = [];
    for (let i = 0; i < count; i++) {
      for (const each of withPayments ? payments(node, this.#salt++) : []) {
        await node.submitTransaction(each);
      }
      const [id] = await node.mine(1, this.#salt % 2 === 0 ? MINER_SCRIPT : OTHER_SCRIPT);
      blocks.push(toHex(encodeBlock(node.store.block(idToHash(id!))!)));
      this.replayed.set(id!, await hashesOf(node.store));
    }
    return blocks;
  }
}

/**
 * Makes branches that grow out of one chain: each is overtaken by one that is a block longer, which spends the same
 * coins otherwise, and on which the next ones stand.
 * @param depths blocks of each branch that is overtaken
 */
export async function rivalBranches(depths: readonly number[]): Promise<Rivals> {
  const folder = temporaryFolder();
  const recorder = new Recorder();
  const open = (name: string): Promise<ChainNode> =>
    ChainNode.open({ datadir: `${folder.path}/${name}`, network: 'regtest', threads: 1 });
  const winner = await open('winner');
  recorder.replayed.set(winner.tip.hash, await hashesOf(winner.store));
  const blocks = await recorder.mine(winner, TRUNK, false);
  for (const [round, depth] of depths.entries()) {
    copyFolder(`${folder.path}/winner`, `${folder.path}/${round}`);
    const loser = await open(String(round));
    blocks.push(...(await recorder.mine(loser, depth)));
    await loser.close();
    blocks.push(...(await recorder.mine(winner, depth + 1)));
    await setImmediate();
  }
  await winner.close();
  folder.remove();
  return { blocks, replayed: recorder.replayed };
}
