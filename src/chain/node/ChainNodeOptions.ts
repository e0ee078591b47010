import type { NetworkName } from '../consensus/parameters.js';
import type { CheckOptions } from './verifyChain.js';

/** How a node is opened. */
export interface ChainNodeOptions {
  /** Folder of all networks; this one's is below it. */
  readonly datadir: string;
  readonly network: NetworkName;
  /** Most bytes that the mempool holds; 100 MB unless stated. */
  readonly mempoolBytes?: number | undefined;
  /** Hours that a transaction may wait for a block; 336 unless stated. */
  readonly mempoolExpiry?: number | undefined;
  /** Threads that run the scripts of blocks, the main one included; as many as there are cores unless stated. */
  readonly threads?: number | undefined;
  /** What of the chain is verified before the node begins; `DEFAULT_CHECK` unless stated. */
  readonly check?: CheckOptions | undefined;
  /** Rebuilds the unspent outputs, undo data and all indexes from the blocks that are kept. */
  readonly reindex?: boolean | undefined;
  /** Most bytes that old blocks and their undo data take; none are dropped unless stated. */
  readonly pruneBytes?: number | undefined;
  /** Told how a long start goes on, one line each. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Ends a long start between two batches of blocks. */
  readonly signal?: AbortSignal | undefined;
}
