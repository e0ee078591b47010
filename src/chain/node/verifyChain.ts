import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import { encodeHeader } from '../codec/block.js';
import { hashToId } from '../codec/transaction.js';
import { type CheckedBlock, checkBlockAtHeight } from '../consensus/blockRules.js';
import { checkConnection } from '../consensus/connect.js';
import { medianTimePast } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ScriptVerifier } from '../consensus/ScriptVerifier.js';
import type { ChainStore } from '../store/ChainStore.js';
import { damaged, isDamage } from '../store/damage.js';
import type { HeaderRecord } from '../store/records.js';
import { type Recorder, RehearsalFull } from '../store/rehearsal.js';
import { checkedBlock, connectContext } from './connecting.js';

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

/** About how much memory the records may take that are held to be compared; below, level 2 is all there is. */
const REHEARSAL_BYTES = 128 * 2 ** 20;

/** What is verified with. */
interface Verification {
  readonly store: ChainStore;
  readonly parameters: NetworkParameters;
  readonly scripts: ScriptVerifier;
}

/**
 * Verifies the chain on disk from the tip down and changes nothing.
 * @param memory about how many bytes of memory the records may take that level 3 and 4 compare
 * @returns how many blocks were verified, and with how many of them level 3 and 4 ended, for want of memory, before
 * they had been through all
 * @throws BitmodelError `STORE_DAMAGED`
 */
export function verifyChain(
  verification: Verification,
  options: CheckOptions,
  memory = REHEARSAL_BYTES,
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
    const rehearsed = rehearse({ ...verification, memory }, count, options.level >= 4);
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
  const checked = checkedBlock(store, entry, block);
  const previous = store.parent(entry);
  if (previous) checkBlockAtHeight(block, height, () => medianTimePast(previous, store));
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

/**
 * Levels 3 and 4: disconnects blocks from the tip down and connects them again, and takes all of it back. Returns how
 * many blocks that was: a block that changes too many records to remember ends it, in the middle of it too, and then
 * those above it are gone through alone.
 */
function rehearse(
  verification: Verification & { readonly memory: number },
  count: number,
  withRules: boolean,
): number {
  let blocks = count;
  while (blocks > 0) {
    const undone: Undone[] = [];
    try {
      verification.store.rehearse(verification.memory, (view, recorder) => {
        disconnectBlocks(view, blocks, undone);
        for (const each of undone.toReversed()) reconnect(verification, view, each, withRules);
        demandSame(recorder);
      });
      return blocks;
    } catch (thrown) {
      if (!(thrown instanceof RehearsalFull)) throw thrown;
      blocks = Math.min(undone.length, blocks - 1);
    }
  }
  return 0;
}

/** A block that was disconnected; it is decoded anew to connect it, so that only one is held at a time. */
interface Undone {
  readonly entry: HeaderRecord;
  readonly spent: ReturnType<ChainStore['undo']>;
}

function disconnectBlocks(view: ChainStore, count: number, undone: Undone[]): void {
  for (let done = 0; done < count; done++) {
    const entry = view.tip();
    const spent = view.undo(entry.hash);
    view.disconnect();
    undone.push({ entry, spent });
  }
}

function reconnect(
  verification: Verification,
  view: ChainStore,
  { entry, spent }: Undone,
  withRules: boolean,
): void {
  const checked = checkedBlock(view, entry);
  if (withRules) connectWithRules(verification, view, entry, checked);
  else view.connect(entry, { ...checked, height: entry.height, spent, fees: 0n });
}

function demandSame(recorder: Recorder): void {
  const difference = recorder.difference();
  if (!difference) return;
  const key = Buffer.from(difference.key).toString('hex');
  throw damaged(`the record ${key} of "${difference.table}" is not what the blocks make it`);
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
