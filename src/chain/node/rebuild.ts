import { BitmodelError } from '../../base/index.js';
import { ByteReader } from '../codec/ByteReader.js';
import { type BlockHeader, blockHash, decodeHeader } from '../codec/block.js';
import { secondsNow } from '../consensus/clock.js';
import { hashKey } from '../consensus/coins.js';
import type { ConnectableBlock } from '../consensus/connect.js';
import { checkHeader, checkProofOfWork, type HeaderEntry } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError } from '../consensus/RejectError.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import type { ChainStore } from '../store/ChainStore.js';
import { isDamage } from '../store/damage.js';
import { STATE_TABLES } from '../store/tables.js';
import type { Branches } from './Branches.js';
import { catchUp } from './catchUp.js';

const HEADER_SIZE = 80;

/** A block's header, read from its bytes. */
interface KeptBlock {
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  readonly transactionCount: number;
  readonly size: number;
}

/** Headers of the blocks kept, by the hash of the block below; those that are not what their key says are left out. */
function readHeaders(store: ChainStore): Map<string, KeptBlock[]> {
  const above = new Map<string, KeptBlock[]>();
  for (const { key, value } of store.tables.blocks.getRange()) {
    if (value.length <= HEADER_SIZE) continue;
    const hash = Uint8Array.from(key);
    const header = decodeHeader(value.subarray(0, HEADER_SIZE));
    if (hashKey(blockHash(header)) !== hashKey(hash)) continue;
    const block = { hash, header, transactionCount: countOf(value), size: value.length };
    const below = hashKey(header.previousHash);
    const siblings = above.get(below);
    if (siblings) siblings.push(block);
    else above.set(below, [block]);
  }
  return above;
}

function countOf(block: Uint8Array): number {
  return new ByteReader(block.subarray(HEADER_SIZE, HEADER_SIZE + 9)).varInt();
}

function demandUnpruned(store: ChainStore): void {
  const height = store.marks.pruneHeight;
  if (height === undefined) return;
  throw new BitmodelError(
    'REINDEX_PRUNED',
    `The blocks below height ${height} were pruned: there is nothing to rebuild the chain from.`,
    { next: 'Move the folder of this network away and fetch the chain anew' },
  );
}

/**
 * Forgets everything but the bodies of blocks, and enters the headers of all that hang together from the genesis block
 * on; none of them is connected yet. One transaction: a kill leaves the store as it was before, or rebuilding, and then
 * the next start goes on with it.
 * @throws BitmodelError `REINDEX_PRUNED`, `WRONG_CHAIN`
 */
export function resetToGenesis(
  store: ChainStore,
  entry: HeaderEntry,
  genesis: ConnectableBlock,
  parameters: NetworkParameters,
): void {
  demandUnpruned(store);
  store.demandChain(entry.hash);
  store.transaction(() => {
    const above = readHeaders(store);
    for (const name of [...STATE_TABLES, 'headers', 'inactive', 'counters'] as const) {
      store.clear(name);
    }
    store.putFirst(entry, genesis);
    store.marks.rebuilding = true;
    const now = secondsNow();
    for (const heads: HeaderEntry[] = [entry]; heads.length > 0; ) {
      const previous = heads.pop()!;
      for (const block of above.get(hashKey(previous.hash)) ?? []) {
        const { header, hash, transactionCount, size } = block;
        if (!holds(() => checkProofOfWork(header, hash, parameters))) continue;
        if (!holds(() => checkHeader(header, previous, parameters, store, now))) continue;
        const work = previous.work + workOf(bitsToTarget(header.bits)!);
        const next = { hash, header, height: previous.height + 1, work };
        store.marks.addBodyBytes(size);
        store.putHeader({ ...next, status: 'unchecked', transactionCount, size });
        heads.push(next);
      }
    }
  });
}

function holds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (thrown) {
    if (thrown instanceof RejectError) return false;
    throw thrown;
  }
}

/** Milliseconds between two lines about how far a rebuilding is. */
const NOTE_INTERVAL = 2_000;

/**
 * Connects the blocks of a store that was reset, checking every rule; a kill loses no more than a batch of them. What
 * is damaged is left out, with all above it.
 * @throws BitmodelError `STORE_DAMAGED` when what was just rebuilt is damaged
 * @throws the signal's reason between two batches
 */
export async function rebuild(
  store: ChainStore,
  branches: Branches,
  options: { onNote?: ((text: string) => void) | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const note = options.onNote ?? (() => {});
  let next = 0;
  const end = (): void =>
    store.transaction(() => {
      store.marks.rebuilding = false;
    });
  try {
    await catchUp(store, branches, {
      signal: options.signal,
      onProgress: (height, target) => {
        if (Date.now() < next && height < target) return;
        next = Date.now() + NOTE_INTERVAL;
        note(`rebuilding: block ${height} of ${target} (${Math.floor((100 * height) / target)} %)`);
      },
      onDamaged: (message) => note(`${message} It is left out, and what is above it.`),
    });
  } catch (thrown) {
    // what was rebuilt is damaged already: going on would meet it again, so that the next one begins anew
    if (isDamage(thrown)) end();
    throw thrown;
  }
  end();
}
