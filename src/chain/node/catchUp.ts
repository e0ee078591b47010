import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../base/index.js';
import { RejectError } from '../consensus/RejectError.js';
import type { ChainStore } from '../store/ChainStore.js';
import { isDamage } from '../store/damage.js';
import type { HeaderRecord } from '../store/records.js';
import type { Branches } from './Branches.js';
import { batchEnd } from './connecting.js';

/** What is connected in one transaction while nobody is told of single blocks. */
const BATCH = { blocks: 256, bytes: 8_000_000 };

/** How a start catches up with the blocks that are kept. */
export interface CatchUpOptions {
  /** Told after every batch: the tip's height and the height that it goes to. */
  readonly onProgress?: ((height: number, target: number) => void) | undefined;
  /** Leaves out a block whose bytes are damaged, and what is above it, instead of ending; told of each. */
  readonly onDamaged?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Goes to the block with the most work that is kept: after a kill in the middle of a reorganisation, and to rebuild the
 * store from its blocks. Many blocks are connected in one transaction.
 * @throws BitmodelError `STORE_DAMAGED`, also with `onDamaged` when it is the active chain that can't be taken back
 * @throws the signal's reason between two batches
 */
export async function catchUp(
  store: ChainStore,
  branches: Branches,
  options: CatchUpOptions = {},
): Promise<void> {
  for (let best = branches.bestInactive(); best; best = branches.bestInactive()) {
    const path = branches.pathTo(best);
    branches.disconnectTo(path[0]!.height - 1);
    await connectPath(store, branches, path, options);
  }
}

/** Connects a path, or what of it is below a block that is invalid or damaged: that one is no candidate any more. */
async function connectPath(
  store: ChainStore,
  branches: Branches,
  path: readonly HeaderRecord[],
  { onProgress, onDamaged, signal }: CatchUpOptions,
): Promise<void> {
  for (let at = 0; at < path.length; ) {
    signal?.throwIfAborted();
    try {
      at = connectCarefully(branches, path, at, batchEnd(path, at, BATCH));
    } catch (thrown) {
      if (thrown instanceof RejectError) return;
      if (!onDamaged || !isDamage(thrown)) throw thrown;
      forgetFrom(store, path, store.tip().height + 1 - path[0]!.height);
      onDamaged(messageOf(thrown));
      return;
    }
    onProgress?.(store.tip().height, path.at(-1)!.height);
    await setImmediate();
  }
}

/** Connects a batch at once, and when it fails block by block, so that the good ones below the bad one stay. */
function connectCarefully(
  branches: Branches,
  path: readonly HeaderRecord[],
  from: number,
  to: number,
): number {
  if (to - from > 1) {
    try {
      return branches.connectBatch(path, from, to);
    } catch (thrown) {
      if (!(thrown instanceof RejectError || isDamage(thrown))) throw thrown;
    }
  }
  for (let index = from; index < to; index++) branches.connectBatch(path, index, index + 1);
  return to;
}

/** Forgets a damaged block, and the headers above it: their blocks are found again once it is back. */
function forgetFrom(store: ChainStore, path: readonly HeaderRecord[], index: number): void {
  store.transaction(() => {
    path.slice(index).forEach((entry, above) => {
      store.forget(entry, above === 0);
    });
  });
}
