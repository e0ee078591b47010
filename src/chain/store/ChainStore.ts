import { BitmodelError } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { type Block, encodeBlockParts } from '../codec/block.js';
import { hashToId, transactionHash } from '../codec/transaction.js';
import type { CheckedBlock } from '../consensus/blockRules.js';
import type { ConnectableBlock } from '../consensus/connect.js';
import type { HeaderEntry } from '../consensus/headers.js';
import { ChainView } from './ChainView.js';
import { applyTransaction, placeTransactions, revertTransaction } from './changes.js';
import { damaged } from './damage.js';
import { HeaderTree } from './HeaderTree.js';
import { heightKey } from './keys.js';
import { PinIndex } from './PinIndex.js';
import { PinTables } from './PinTables.js';
import type { BlockStatus, HeaderRecord } from './records.js';
import { Recorder } from './rehearsal.js';
import { StoreFile } from './StoreFile.js';
import type { TableName } from './tables.js';

/**
 * The chain on disk (LMDB): headers and blocks of every branch, and for the active one the unspent outputs, undo data
 * and indexes. One write transaction connects or disconnects a block, so all of it always belongs to one tip.
 */
export class ChainStore extends ChainView {
  readonly #file: StoreFile;
  readonly #parameters: AddressParameters;
  readonly #pinIndex: PinIndex;

  private constructor(
    file: StoreFile,
    parameters: AddressParameters,
    tables = file.tables,
    tree = new HeaderTree(tables),
  ) {
    super(file, parameters, tables, tree);
    this.#file = file;
    this.#parameters = parameters;
    this.#pinIndex = new PinIndex(new PinTables(tables, parameters));
  }

  /**
   * Opens the store of a folder and keeps other processes out. It may be empty: {@link begin} it, or rebuild it.
   * @throws BitmodelError `DATADIR_LOCKED`, `DISK_FULL`, `STORE_DAMAGED`, `STORE_FAILED`
   */
  static async open(folder: string, parameters: AddressParameters): Promise<ChainStore> {
    return new ChainStore(await StoreFile.open(folder), parameters);
  }

  /** Another face of the same store, that may be held still while the chain is moved behind it: see {@link hold}. */
  face(): ChainStore {
    return new ChainStore(this.#file, this.#parameters, this.tables, this.tree);
  }

  /** Who is told of every error after which the store can't be trusted to go on; whoever asked gets it, too. */
  set onFailure(listener: (error: BitmodelError) => void) {
    this.#file.onFailure = listener;
  }

  /**
   * Begins an empty store with the genesis block; of any other, demands that it is this chain's and in today's form.
   * @throws BitmodelError `WRONG_CHAIN`, `STORE_FORMAT`
   */
  begin(entry: HeaderEntry, genesis: ConnectableBlock): void {
    if (this.marks.isEmpty) {
      this.transaction(() => this.putFirst(entry, genesis));
      this.#file.syncFolder();
    }
    this.demandChain(entry.hash);
    if (this.marks.isOfThisFormat) return;
    throw new BitmodelError('STORE_FORMAT', 'The chain on disk has the form of another version.', {
      next: 'Run: bitmodel node --reindex (it rebuilds everything from the blocks that are kept)',
    });
  }

  /** Demands that the blocks kept, if any, are those of one chain. @throws BitmodelError `WRONG_CHAIN` */
  demandChain(genesis: Uint8Array): void {
    if (this.isEmpty || this.tables.headers.doesExist(genesis)) return;
    throw new BitmodelError('WRONG_CHAIN', 'This folder holds another chain.', {
      next: 'Choose another folder with --datadir',
    });
  }

  /** Whether no block is known. */
  get isEmpty(): boolean {
    return this.tables.headers.getKeysCount({ limit: 1 }) === 0;
  }

  /** Removes every entry of a table; within {@link transaction}. */
  clear(table: TableName): void {
    this.tables[table].clearSync();
    this.tree.forgetCache();
  }

  /** Puts the genesis block into an empty store; within {@link transaction}. */
  putFirst(entry: HeaderEntry, genesis: ConnectableBlock): void {
    this.putBlock(entry, genesis);
    this.connect(entry, genesis);
    this.marks.setFormat();
  }

  /** Runs reads and writes that happen together or not at all. Whatever is thrown undoes them. */
  transaction<T>(body: () => T): T {
    try {
      return this.#file.transaction(body);
    } catch (thrown) {
      this.tree.forgetCache();
      throw thrown;
    }
  }

  /**
   * Runs changes on a view of the store and takes all of them back.
   * @param limit most bytes of memory, about, for what was there before
   * @param body gets the view, and what tells the first record that is different from before
   * @throws RehearsalFull
   */
  rehearse<T>(limit: number, body: (view: ChainStore, recorder: Recorder) => T): T {
    const recorder = new Recorder(this.tables, limit);
    const view = new ChainStore(this.#file, this.#parameters, recorder.tables);
    return this.#file.rehearse(() => body(view, recorder));
  }

  /** Keeps a block of any branch; within {@link transaction}. */
  putBlock(entry: HeaderEntry, { block, bytes }: CheckedBlock): void {
    this.bodies.putBlock(entry.hash, bytes);
    const transactionCount = block.transactions.length;
    this.putHeader({ ...entry, status: 'unchecked', transactionCount, size: bytes.length });
  }

  /** Enters the header of a block whose body is kept; within {@link transaction}. */
  putHeader(record: HeaderRecord): void {
    this.tree.put(record);
    this.tree.setInactive(record, true);
  }

  /** Enters a header whose block has not come yet; within {@link transaction}. */
  putBareHeader(entry: HeaderEntry): void {
    this.tree.put({ ...entry, status: 'header', transactionCount: 0, size: 0 });
  }

  /** Notes that a block, and so everything on it, breaks a rule; its bytes are dropped. Within {@link transaction}. */
  markInvalid(entry: HeaderRecord): void {
    this.tree.put({ ...entry, status: 'invalid', transactionCount: 0, size: 0 });
    this.tree.setInactive(entry, false);
    this.bodies.removeBlock(entry.hash);
  }

  /** Forgets a header, as if it had never come; its body only if asked. Within {@link transaction}. */
  forget(entry: HeaderRecord, withBody: boolean): void {
    if (withBody) this.bodies.removeBlock(entry.hash);
    this.tree.remove(entry);
  }

  /** Changes what is known of a kept block; within {@link transaction}. */
  setStatus(entry: HeaderRecord, status: BlockStatus): void {
    this.tree.put({ ...entry, status });
  }

  /** Drops bodies and undo data of the heights from `from` up to below `to`; within {@link transaction}. */
  dropBodies(from: number, to: number): void {
    for (let height = from; height < to; height++) {
      const hash = this.hashAt(height)!;
      this.bodies.removeBlock(hash);
      this.bodies.removeUndo(hash);
    }
    for (const entry of [...this.inactive()].filter(({ height }) => height < to)) {
      this.bodies.removeBlock(entry.hash);
      this.tree.setInactive(entry, false);
    }
    this.marks.pruneHeight = to;
  }

  /** Makes a kept block the new tip; within {@link transaction}. */
  connect(entry: HeaderEntry, connectable: ConnectableBlock): void {
    this.#apply(entry, connectable);
    this.bodies.putUndo(entry.hash, connectable.spent);
    const record = this.header(entry.hash)!;
    if (record.status !== 'valid') this.tree.put({ ...record, status: 'valid' });
    this.tree.setInactive(record, false);
  }

  /** Keeps a block that was not kept before and makes it the new tip; within {@link transaction}. */
  append(entry: HeaderEntry, connectable: ConnectableBlock): void {
    const { block, bytes, spent } = connectable;
    this.#apply(entry, connectable);
    this.bodies.putUndo(entry.hash, spent, bytes);
    const transactionCount = block.transactions.length;
    this.tree.put({ ...entry, status: 'valid', transactionCount, size: bytes.length });
  }

  #apply(entry: HeaderEntry, { block, hashes, spent, offsets }: ConnectableBlock): void {
    for (const placed of placeTransactions(entry, { block, hashes, offsets, spent })) {
      applyTransaction(this.tables, placed, this.#pinIndex.apply(placed));
    }
    this.tables.heights.putSync(heightKey(entry.height), entry.hash);
    this.marks.tip = entry.hash;
  }

  /** Takes the tip off the active chain; within {@link transaction}. Returns its block, which stays kept. */
  disconnect(): Block {
    const tip = this.tip();
    const block = this.block(tip.hash);
    if (!block) throw damaged(`block ${hashToId(tip.hash)} is missing`);
    const hashes = block.transactions.map(transactionHash);
    const { offsets } = encodeBlockParts(block);
    const spent = this.undo(tip.hash);
    if (spent.length !== hashes.length) throw damaged(`undo data of ${hashToId(tip.hash)} differ`);
    const placed = [...placeTransactions(tip, { block, hashes, offsets, spent })];
    for (const each of placed.reverse()) {
      revertTransaction(this.tables, each);
      this.#pinIndex.revert(each);
    }
    this.bodies.removeUndo(tip.hash);
    this.tables.heights.removeSync(heightKey(tip.height));
    this.marks.tip = tip.header.previousHash;
    this.tree.setInactive(tip, true);
    return block;
  }

  /** Gives the folder back and closes the file; everything that was committed is on the disk already. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
