import { setImmediate } from 'node:timers/promises';
import type { Tables } from '../store/tables.js';
import type { ChainNode } from './ChainNode.js';

/** How long a long list is read before others have their turn, in milliseconds. */
const TURN = 15;

/**
 * Goes through a list of the chain and the mempool as they are now, whatever comes in the turns that others have.
 * @param list makes it out of the tables as they are now; what it takes of the mempool it has taken when it returns
 * @param take false ends it
 * @throws the signal's reason; BitmodelError `STORE_DAMAGED`
 */
export async function walkAtOnce<T>(
  { store }: Pick<ChainNode, 'store'>,
  signal: AbortSignal,
  list: (tables: Tables) => Iterable<T>,
  take: (item: T, tables: Tables) => boolean,
): Promise<void> {
  const snapshot = store.snapshot();
  try {
    const tables = snapshot.tables();
    const items = list(tables)[Symbol.iterator]();
    const step = (): boolean => {
      const next = items.next();
      return !next.done && take(next.value, tables);
    };
    for (let turn = performance.now(); store.read(step); ) {
      if (performance.now() - turn < TURN) continue;
      await setImmediate();
      signal.throwIfAborted();
      turn = performance.now();
    }
  } finally {
    snapshot.done();
  }
}
