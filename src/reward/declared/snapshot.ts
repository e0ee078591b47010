import { BitmodelError } from '../../base/index.js';
import { type ChainClient, RpcError } from '../../chain/index.js';

/** A block of the best chain: what was read as of it is read again when it is no longer there. */
export interface ChainPoint {
  readonly height: number;
  /** Printed block id. */
  readonly blockHash: string;
}

/** So often a reading is begun again because the chain moved below it. */
const ATTEMPTS = 5;

/** Printed id of the block at a height; undefined when the chain is not that high (any more). */
async function blockAt(client: ChainClient, height: number): Promise<string | undefined> {
  try {
    return await client.blockId(height);
  } catch (thrown) {
    if (thrown instanceof RpcError) return undefined;
    throw thrown;
  }
}

/**
 * Reads something from the chain as of one block. New blocks meanwhile don't matter, since everything is asked for as of
 * the height; a reorganisation that takes the block away does, and then it is read again.
 * @param atHeight the tip unless stated, and at most the tip
 * @throws BitmodelError `CHAIN_MOVED` when it was taken away five times
 */
export async function readAsOf<T>(
  client: ChainClient,
  atHeight: number | undefined,
  read: (point: ChainPoint) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const tip = await client.height();
    const height = Math.min(atHeight ?? tip, tip);
    const blockHash = await blockAt(client, height);
    if (blockHash === undefined) continue;
    const found = await read({ height, blockHash });
    if ((await blockAt(client, height)) === blockHash) return found;
  }
  throw new BitmodelError('CHAIN_MOVED', 'The chain was reorganised each time it was read.', {
    next: 'Try again, or name an older block with --at HEIGHT',
  });
}
