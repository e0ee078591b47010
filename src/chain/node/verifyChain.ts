import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import { encodeHeader } from '../codec/block.js';
import { hashToId } from '../codec/transaction.js';
import { type CheckedBlock, checkBlockAtHeight } from '../consensus/blockRules.js';
import { checkConnection } from '../consensus/connect.js';
import { medianTimePast } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ScriptVerifier } from '../consensus/scripts.js';
import type { ChainStore } from '../store/ChainStore.js';
import { damaged, isDamage } from '../store/damage.js';
import type { HeaderRecord } from '../store/records.js';
import { checkedBlock, connectContext } from './branches.js';

/** How much of the chain is verified before a node begins to work, as `-checklevel` and `-checkblocks` of Bitcoin Core. */
export interface CheckOptions {
  /**
   * 0: the blocks can be read; 1: and keep the rules that need nothing else; 2: and their undo data fit; 3: and
   * disconnected and connected again in memory they leave every record of the unspent outputs and indexes as it is;
   * 4: and keep all rules then, scripts included.
   */
  readonly level: number;
  /** So many from the tip down; 0 is all of them. */
  readonly blocks: number;
}

/** Bitcoin Core's own defaults: some milliseconds with usual blocks. */
export const DEFAULT_CHECK: CheckOptions = { level: 3, blocks: 6 };

/** About how much memory blocks and records may take that are held to be compared; below, level 2 is all there is. */
const REHEARSAL_BYTES = 256 * 2 ** 20;
/** Memory that a decoded block takes, with what it spent, per byte of it. */
const BLOCK_OVERHEAD = 8;

/** What is verified with. */
interface Verification {
  readonly store: ChainStore;
  readonly parameters: NetworkParameters;
  readonly scripts: ScriptVerifier;
}

/**
 * Verifies the chain on disk from the tip down and changes nothing.
 * @returns how many blocks were verified, and with how many of them level 3 and 4 ended, for want of memory, before
 * they had been through all
 * @throws BitmodelError `STORE_DAMAGED`
 */
export function verifyChain(
  verification: Verification,
  options: CheckOptions,
): { blocks: number; endedAfter: number | undefined } {
  const { store } = verification;
  try {
    const tip = store.tip();
    if (!store.isActive(tip)) throw damaged('the tip is not at its height');
    const wanted = options.blocks === 0 ? tip.height + 1 : options.blocks;
    const lowest = Math.max(store.marks.pruneHeight ?? 0, tip.height + 1 - wanted);
    for (let height = tip.height; height >= lowest; height--) {
      verifyBlock(store, height, options.level);
    }
    // the genesis block can't be disconnected
    const count = options.level < 3 ? 0 : tip.height + 1 - Math.max(lowest, 1);
    const blocks = tip.height + 1 - lowest;
    const rehearsed = rehearse(verification, count, options.level >= 4);
    return { blocks, endedAfter: rehearsed < count ? rehearsed : undefined };
  } catch (thrown) {
    if (isDamage(thrown) || !(thrown instanceof Error)) throw thrown;
    if (thrown instanceof BitmodelError && !thrown.code.endsWith('_REJECTED')) throw thrown;
    throw damaged(messageOf(thrown), thrown);
  }
}

/** Levels 0 to 2. */
function verifyBlock(store: ChainStore, height: number, level: number): void {
  const entry = store.headerAt(height);
  if (!entry || entry.height !== height) throw damaged(`no header at height ${height}`);
  const id = hashToId(entry.hash);
  const block = store.block(entry.hash);
  if (!block) throw damaged(`block ${id} is missing`);
  if (!equalBytes(encodeHeader(block.header), encodeHeader(entry.header))) {
    throw damaged(`the header of ${id} is not its block's`);
  }
  if (level < 1) return;
  const checked = checkedBlock(store, entry);
  const previous = store.parent(entry);
  if (previous) checkBlockAtHeight(block, height, medianTimePast(previous, store));
  if (checked.bytes.length !== entry.size || checked.hashes.length !== entry.transactionCount) {
    throw damaged(`block ${id} is not as long as its header says`);
  }
  if (level < 2) return;
  const spent = store.undo(entry.hash);
  const fits = block.transactions.every(
    ({ inputs }, index) => spent[index]?.length === (index === 0 ? 0 : inputs.length),
  );
  if (!fits || spent.length !== block.transactions.length) {
    throw damaged(`undo data of block ${id} don't fit it`);
  }
}

/** Levels 3 and 4: disconnects blocks from the tip down and connects them again, and takes all of it back. */
function rehearse(verification: Verification, count: number, withRules: boolean): number {
  const { store } = verification;
  return store.rehearse((view, recorder) => {
    const undone: {
      entry: HeaderRecord;
      checked: CheckedBlock;
      spent: ReturnType<typeof view.undo>;
    }[] = [];
    let blockBytes = 0;
    while (undone.length < count && recorder.bytes + blockBytes < REHEARSAL_BYTES) {
      const entry = view.tip();
      undone.push({ entry, checked: checkedBlock(view, entry), spent: view.undo(entry.hash) });
      blockBytes += entry.size * BLOCK_OVERHEAD;
      view.disconnect();
    }
    for (const { entry, checked, spent } of undone.reverse()) {
      if (withRules) connectWithRules(verification, view, entry, checked);
      else view.connect(entry, { ...checked, height: entry.height, spent, fees: 0n });
    }
    const difference = recorder.difference();
    if (!difference) return undone.length;
    const key = Buffer.from(difference.key).toString('hex');
    throw damaged(`the record ${key} of "${difference.table}" is not what the blocks make it`);
  });
}

function connectWithRules(
  { parameters, scripts }: Verification,
  view: ChainStore,
  entry: HeaderRecord,
  checked: CheckedBlock,
): void {
  const { transactions } = checked.block;
  const connectable = checkConnection(checked, connectContext(view, parameters, entry.height));
  scripts.beginBlock({ ...connectable, transactions }).finish();
  view.connect(entry, connectable);
}
