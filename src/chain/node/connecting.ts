import { messageOf } from '../../base/index.js';
import type { Block } from '../codec/block.js';
import { hashToId } from '../codec/transaction.js';
import { type CheckedBlock, checkBlock } from '../consensus/blockRules.js';
import type { ConnectableBlock, ConnectContext } from '../consensus/connect.js';
import { medianTimePast, rememberedByHeight } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError } from '../consensus/RejectError.js';
import type { BlockScripts } from '../consensus/ScriptVerifier.js';
import type { ChainStore } from '../store/ChainStore.js';
import { damaged } from '../store/damage.js';
import type { HeaderRecord } from '../store/records.js';

/** What connecting a block needs of the chain in a store, whose tip is right below it. */
export function connectContext(
  store: ChainStore,
  parameters: NetworkParameters,
  height: number,
): ConnectContext {
  return {
    parameters,
    height,
    coins: store,
    hasTransaction: (hash) => store.hasTransaction(hash),
    medianTimeAt: rememberedByHeight((at) => medianTimePast(store.headerAt(at)!, store)),
  };
}

/**
 * A kept block as its checks left it. They held before it was kept, so bytes that are another block's are no fault of
 * the block's.
 * @throws BitmodelError `STORE_DAMAGED`
 * @throws RejectError when it breaks a rule that this version knows
 */
export function checkedBlock(
  store: ChainStore,
  entry: HeaderRecord,
  block = store.block(entry.hash),
): CheckedBlock {
  if (!block) throw damaged(`block ${hashToId(entry.hash)} is missing`);
  try {
    return checkBlock(block);
  } catch (thrown) {
    if (thrown instanceof RejectError && thrown.reason !== 'bad-txnmrklroot') throw thrown;
    throw damaged(`block ${hashToId(entry.hash)} is wrong (${messageOf(thrown)})`, thrown);
  }
}

/** About how many milliseconds it takes to write what a transaction's input or output changes. */
const WRITE_MS = 0.01;

/** Inputs and outputs of a block: what connecting it writes grows with them. */
export function coinsOf({ transactions }: Block): number {
  return transactions.reduce((sum, { inputs, outputs }) => sum + inputs.length + outputs.length, 0);
}

/** Bytes of a block's unlocking scripts: what all of its scripts may cost grows with them. */
export function unlockingBytesOf({ transactions }: Block): number {
  let bytes = 0;
  for (const { inputs } of transactions.slice(1)) {
    for (const { unlockingScript } of inputs) bytes += unlockingScript.length;
  }
  return bytes;
}

/** About how many milliseconds it takes to write what a block changes. */
export function writingTime(block: Block): number {
  return WRITE_MS * coinsOf(block);
}

/** Where the batch of a path ends that begins at `from`: at least one block, and as many as fit. */
export function batchEnd(
  path: readonly HeaderRecord[],
  from: number,
  most: { readonly blocks: number; readonly bytes: number },
): number {
  let to = from;
  let bytes = 0;
  do bytes += path[to++]!.size;
  while (to < path.length && to - from < most.blocks && bytes + path[to]!.size <= most.bytes);
  return to;
}

/** A block that keeps all rules but those of scripts, which run. */
export interface PreparedBlock {
  readonly connectable: ConnectableBlock;
  readonly scripts: BlockScripts;
}
