import { equalBytes } from '../../base/index.js';
import {
  type Block,
  type BlockHeader,
  blockHash,
  type EncodedBlock,
  encodeBlock,
} from '../codec/block.js';
import { encodeTransaction } from '../codec/transaction.js';
import { type CheckedBlock, checkBlock, checkBlockAtHeight } from '../consensus/blockRules.js';
import { secondsNow } from '../consensus/clock.js';
import {
  checkHeader,
  checkProofOfWork,
  type HeaderEntry,
  medianTimePast,
} from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError, rejectBlock } from '../consensus/RejectError.js';
import { bitsToTarget, workOf } from '../consensus/target.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { HeaderRecord } from '../store/records.js';
import { BlockLot } from './BlockLot.js';
import type { Branches } from './Branches.js';
import type { ChainMove } from './ChainMove.js';
import { type PreparedBlock, writingTime } from './connecting.js';

/** What the acceptance of blocks stands on. */
export interface BlockAcceptanceOptions {
  readonly store: ChainStore;
  readonly branches: Branches;
  readonly parameters: NetworkParameters;
  /** Told of a block that became the tip on top of the last one. */
  readonly onConnected: (entry: HeaderEntry, checked: CheckedBlock) => void;
  /** What a reorganisation is done within. */
  readonly moves: ChainMove;
  /** Told when the tip has changed. */
  readonly onTip: () => void;
}

/** A block as it came, with its bytes where `decodeBlockParts` read them. */
export interface IncomingBlock {
  readonly block: Block;
  /** The hash of its header, where that was made already. */
  readonly hash?: Uint8Array | undefined;
  readonly encoded?: EncodedBlock | undefined;
}

/** Most blocks that are connected in one go. */
const MOST_BLOCKS = 512;

/**
 * Takes blocks that come from outside: onto the tip, or onto a branch, which becomes the chain when it has more work. One
 * at a time: who calls waits for the end of one before the next (`ChainNode` has the queue).
 */
export class BlockAcceptance {
  readonly #options: BlockAcceptanceOptions;

  constructor(options: BlockAcceptanceOptions) {
    this.#options = options;
  }

  /**
   * Takes a block. One that is kept already is taken up again where it has more work than the tip: what went wrong with
   * it may have been this machine's fault. Returns whether the block was new or became the tip. While the scripts of a
   * block on the tip run, others have their turn, and see the chain as it was before.
   * @throws RejectError `BLOCK_REJECTED` or `TX_REJECTED` with Bitcoin's reason
   * @throws BitmodelError `SCRIPT_THREAD_FAILED`, `REORG_PRUNED`
   */
  async submit({ block, encoded }: IncomingBlock): Promise<boolean> {
    const { store, onConnected, onTip } = this.#options;
    const hash = blockHash(block.header);
    const known = store.header(hash);
    if (known && isBad(known)) throw rejectBlock('duplicate-invalid');
    if (known && known.status !== 'header') return this.#activateIfBest(known);
    const entry = this.#entryOf(block.header, hash, known);
    const checked = this.#checked(entry, { block, encoded }, known !== undefined);
    if (!equalBytes(store.tip().hash, block.header.previousHash)) {
      store.transaction(() => store.putBlock(entry, checked));
      await this.#activateIfBest(store.header(hash)!);
      return true;
    }
    const prepared = this.#prepare(entry, checked);
    await prepared.scripts.share(writingTime(block));
    this.#connectToTip(entry, checked, prepared);
    onConnected(entry, checked);
    onTip();
    return true;
  }

  /**
   * Takes blocks whose headers are known, each on top of the last, as many at once as are soon connected; small ones
   * share a transaction of the store. Returns how many were taken, at least one if there is any.
   * @param blocks taken out one by one, no more than there is use for
   * @throws as {@link submit}, of the first block
   */
  async submitSome(blocks: Iterable<IncomingBlock>): Promise<number> {
    const { first, batch } = this.#batchOf(blocks);
    if (batch.length > 1 && this.#connectBatch(batch)) return batch.length;
    if (!first) return 0;
    await this.submit(first);
    return 1;
  }

  /** The first blocks that may be connected to the tip in one go. */
  #batchOf(blocks: Iterable<IncomingBlock>): {
    first: IncomingBlock | undefined;
    batch: [HeaderRecord, IncomingBlock][];
  } {
    const { store } = this.#options;
    let first: IncomingBlock | undefined;
    const batch: [HeaderRecord, IncomingBlock][] = [];
    let below = store.tip().hash;
    const lot = new BlockLot();
    for (const each of blocks) {
      first ??= each;
      const hash = each.hash ?? blockHash(each.block.header);
      const known = store.header(hash);
      const isNext = equalBytes(each.block.header.previousHash, below);
      if (known?.status !== 'header' || !isNext) break;
      if (!lot.takes(each.block, (each.encoded?.bytes ?? encodeBlock(each.block)).length)) break;
      if (batch.push([known, each]) === MOST_BLOCKS) break;
      below = hash;
    }
    return { first, batch };
  }

  /** Connects blocks in one transaction; false, and nothing of it, when one of them breaks a rule. */
  #connectBatch(batch: readonly [HeaderRecord, IncomingBlock][]): boolean {
    const { store, branches, onConnected, onTip } = this.#options;
    const connected: [HeaderRecord, CheckedBlock][] = [];
    let previous = store.tip();
    try {
      for (const [entry, { block, encoded }] of batch) {
        const below = previous;
        connected.push([entry, checkBlock(block, encoded)]);
        checkBlockAtHeight(block, entry.height, () => medianTimePast(below, store));
        previous = entry;
      }
      store.transaction(() => branches.appendAll(connected));
    } catch (thrown) {
      // one by one the good ones stay, and the bad one is known as such
      if (thrown instanceof RejectError) return false;
      throw thrown;
    }
    for (const [entry, checked] of connected) onConnected(entry, checked);
    onTip();
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
    checkBlockAtHeight(block, height, () => medianTimePast(previous, store));
    branches.tryConnect({ hash: blockHash(header), header, height, work: previous.work }, checked);
  }

  /** Makes a kept block the tip if it has more work. Returns whether it did. */
  async #activateIfBest(entry: HeaderRecord): Promise<boolean> {
    const { store, branches, moves, onTip } = this.#options;
    if (entry.work <= store.tip().work) return false;
    await moves.run((onFreed) => branches.activate(entry, onFreed));
    onTip();
    return true;
  }

  /** @throws RejectError when it breaks a rule on its tip, and is known as invalid from then on */
  #prepare(entry: HeaderEntry, checked: CheckedBlock): PreparedBlock {
    try {
      return this.#options.branches.prepare(entry.height, checked);
    } catch (thrown) {
      this.#noteInvalid(entry, thrown);
      throw thrown;
    }
  }

  /** The usual case: kept and connected in one transaction, or not at all and known as invalid from then on. */
  #connectToTip(entry: HeaderEntry, checked: CheckedBlock, prepared: PreparedBlock): void {
    const { store, branches } = this.#options;
    try {
      store.transaction(() => branches.append(entry, checked, prepared));
    } catch (thrown) {
      this.#noteInvalid(entry, thrown);
      throw thrown;
    }
  }

  /** Remembers a block that broke a rule. */
  #noteInvalid(entry: HeaderEntry, thrown: unknown): void {
    if (!(thrown instanceof RejectError)) return;
    const { store } = this.#options;
    const record = { ...entry, status: 'invalid', transactionCount: 0, size: 0 } as const;
    store.transaction(() => store.markInvalid(record));
  }

  /**
   * The rules of the block itself and of its height.
   * @param isKnown whether its header came before: then a block that breaks a rule is remembered, unless other bytes may
   * have the same header
   */
  #checked(entry: HeaderEntry, { block, encoded }: IncomingBlock, isKnown: boolean): CheckedBlock {
    const { store } = this.#options;
    try {
      const checked = checkBlock(block, encoded);
      const medianTime = (): number => medianTimePast(store.parent(entry)!, store);
      checkBlockAtHeight(block, entry.height, medianTime);
      return checked;
    } catch (thrown) {
      if (isKnown && thrown instanceof RejectError && !mayBeMutated(block, thrown)) {
        this.#noteInvalid(entry, thrown);
      }
      throw thrown;
    }
  }

  /** A block's place; the header is checked unless it was before. */
  #entryOf(header: BlockHeader, hash: Uint8Array, known: HeaderRecord | undefined): HeaderEntry {
    const { store, parameters } = this.#options;
    if (!known) checkProofOfWork(header, hash, parameters);
    const previous = store.header(header.previousHash);
    if (!previous || previous.status === 'header') throw rejectBlock('prev-blk-not-found');
    if (isBad(previous)) throw rejectBlock('bad-prevblk');
    if (known) return known;
    checkHeader(header, previous, parameters, store, secondsNow());
    const work = previous.work + workOf(bitsToTarget(header.bits)!);
    return { hash, header, height: previous.height + 1, work };
  }
}

/** Whether nothing may be built on a block: it breaks a rule, or the operator refuses it. */
function isBad({ status }: HeaderRecord): boolean {
  return status === 'invalid' || status === 'refused';
}

/** Bytes of a transaction that can pass for an inner node of the Merkle tree. */
const NODE_LENGTH = 64;

/**
 * Whether a block was refused for what a stranger could have done to its bytes without changing the header: another
 * list of transactions, one that repeats (CVE-2012-2459), or one in which an inner node of the Merkle tree stands for a
 * transaction. The block of that header may be valid all the same.
 */
export function mayBeMutated(block: Block, { reason }: RejectError): boolean {
  if (reason === 'bad-txnmrklroot' || reason === 'bad-txns-duplicate') return true;
  return block.transactions.some((each) => encodeTransaction(each).length === NODE_LENGTH);
}
