import { equalBytes } from '../../base/index.js';
import { type Block, type BlockHeader, blockHash, type EncodedBlock } from '../codec/block.js';
import type { Transaction } from '../codec/transaction.js';
import { type CheckedBlock, checkBlock, checkBlockAtHeight } from '../consensus/blockRules.js';
import { secondsNow } from '../consensus/clock.js';
import {
  checkHeader,
  checkProofOfWork,
  type HeaderEntry,
  medianTimePast,
} from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError, rejectBlock } from '../consensus/reject.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { HeaderRecord } from '../store/records.js';
import type { Branches } from './branches.js';

export interface BlockAcceptanceOptions {
  readonly store: ChainStore;
  readonly branches: Branches;
  readonly parameters: NetworkParameters;
  /** Told of a block that became the tip on top of the last one. */
  readonly onConnected: (entry: HeaderEntry, checked: CheckedBlock) => void;
  /** Told which transactions are in no block now, or may not be, parents before children. */
  readonly onFreed: (transactions: readonly Transaction[]) => void;
  /** Told when the tip has changed. */
  readonly onTip: () => void;
}

/** Takes blocks that come from outside: onto the tip, or onto a branch, which becomes the chain when it has more work. */
export class BlockAcceptance {
  readonly #options: BlockAcceptanceOptions;

  constructor(options: BlockAcceptanceOptions) {
    this.#options = options;
  }

  /**
   * Takes a block. One that is kept already is taken up again where it has more work than the tip: what went wrong with
   * it may have been this machine's fault. Returns whether the block was new or became the tip.
   * @param encoded its bytes, where `decodeBlockParts` read them
   * @throws RejectError `BLOCK_REJECTED` or `TX_REJECTED` with Bitcoin's reason
   * @throws BitmodelError `SCRIPT_THREAD_FAILED`, `REORG_PRUNED`
   */
  submit(block: Block, encoded?: EncodedBlock): boolean {
    const { store, onConnected, onTip } = this.#options;
    const hash = blockHash(block.header);
    const known = store.header(hash);
    if (known && isBad(known)) throw rejectBlock('duplicate-invalid');
    if (known) return this.#activateIfBest(known);
    const previous = this.#checkHeader(block.header, hash);
    const checked = checkBlock(block, encoded);
    const height = previous.height + 1;
    checkBlockAtHeight(block, height, medianTimePast(previous, store));
    const work = previous.work + workOf(bitsToTarget(block.header.bits)!);
    const entry = { hash, header: block.header, height, work };
    if (equalBytes(store.tip().hash, previous.hash)) {
      this.#connectToTip(entry, checked);
      onConnected(entry, checked);
      onTip();
      return true;
    }
    store.transaction(() => store.putBlock(entry, checked));
    this.#activateIfBest(store.header(hash)!);
    return true;
  }

  /**
   * Whether a block on the tip would be valid, its proof of work aside. Changes nothing.
   * @throws RejectError
   */
  test(block: Block): void {
    const { store, branches, parameters } = this.#options;
    const previous = store.tip();
    const { header } = block;
    if (!equalBytes(header.previousHash, previous.hash)) throw rejectBlock('prev-blk-not-found');
    checkHeader(header, previous, parameters, store, secondsNow());
    const checked = checkBlock(block);
    const height = previous.height + 1;
    checkBlockAtHeight(block, height, medianTimePast(previous, store));
    branches.tryConnect({ hash: blockHash(header), header, height, work: previous.work }, checked);
  }

  /** Makes a kept block the tip if it has more work. Returns whether it did. */
  #activateIfBest(entry: HeaderRecord): boolean {
    const { store, branches, onFreed, onTip } = this.#options;
    if (entry.work <= store.tip().work) return false;
    branches.activate(entry, onFreed);
    onTip();
    return true;
  }

  /** The usual case: kept and connected in one transaction, or not at all and known as invalid from then on. */
  #connectToTip(entry: HeaderEntry, checked: CheckedBlock): void {
    const { store, branches } = this.#options;
    try {
      store.transaction(() => {
        store.putBlock(entry, checked);
        branches.connect(store.header(entry.hash)!, checked);
      });
    } catch (thrown) {
      if (thrown instanceof RejectError) {
        const record = { ...entry, status: 'invalid', transactionCount: 0, size: 0 } as const;
        store.transaction(() => store.markInvalid(record));
      }
      throw thrown;
    }
  }

  #checkHeader(header: BlockHeader, hash: Uint8Array): HeaderRecord {
    const { store, parameters } = this.#options;
    checkProofOfWork(header, hash, parameters);
    const previous = store.header(header.previousHash);
    if (!previous) throw rejectBlock('prev-blk-not-found');
    if (isBad(previous)) throw rejectBlock('bad-prevblk');
    checkHeader(header, previous, parameters, store, secondsNow());
    return previous;
  }
}

/** Whether nothing may be built on a block: it breaks a rule, or the operator refuses it. */
function isBad({ status }: HeaderRecord): boolean {
  return status === 'invalid' || status === 'refused';
}
