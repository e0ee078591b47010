import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import { type Block, decodeBlock, encodeBlockParts, encodeHeader } from '../codec/block.js';
import {
  decodeTransaction,
  encodeOutpoint,
  hashToId,
  type Outpoint,
  type Transaction,
  transactionHash,
} from '../codec/transaction.js';
import type { CheckedBlock } from '../consensus/blockRules.js';
import { type Coin, type CoinSource, hashKey } from '../consensus/coins.js';
import type { ConnectableBlock } from '../consensus/connect.js';
import type { HeaderEntry, HeaderSource } from '../consensus/headers.js';
import type { AddressParameters } from '../wallet/address.js';
import { applyTransaction, type PlacedTransaction, revertTransaction } from './changes.js';
import { heightKey } from './keys.js';
import { PinIndex } from './PinIndex.js';
import {
  decodeCoin,
  decodeHeaderRecord,
  decodeLocation,
  decodeUndo,
  encodeHeaderRecord,
  encodeUndo,
  type HeaderRecord,
} from './records.js';
import { type OpenTables, openTables, storeError, type Tables } from './tables.js';

const TIP = Buffer.from('tip');
const HEADER_CACHE = 4_096;

/** A transaction of the chain, and the block that holds it. */
export interface StoredTransaction {
  readonly transaction: Transaction;
  readonly block: HeaderRecord;
}

/**
 * The chain on disk (LMDB): headers and blocks of every branch, and for the active one the unspent outputs, undo data
 * and indexes. One write transaction connects or disconnects a block, so all of it always belongs to one tip.
 */
export class ChainStore implements CoinSource, HeaderSource {
  readonly tables: Tables;
  readonly pins: PinIndex;
  readonly #root: OpenTables['root'];
  readonly #headers = new Map<string, HeaderRecord>();

  private constructor(opened: OpenTables, parameters: AddressParameters) {
    this.#root = opened.root;
    this.tables = opened.tables;
    this.pins = new PinIndex(opened.tables, parameters);
  }

  /**
   * Opens the store in a folder, and begins it with the genesis block if it is empty.
   * @throws BitmodelError `WRONG_CHAIN`, `STORE_FAILED`
   */
  static open(
    folder: string,
    entry: HeaderEntry,
    genesis: ConnectableBlock,
    parameters: AddressParameters,
  ): ChainStore {
    const store = new ChainStore(openTables(folder), parameters);
    if (!store.tables.meta.getBinary(TIP)) {
      store.transaction(() => {
        store.putBlock(entry, genesis);
        store.connect(entry, genesis);
      });
    }
    const first = store.hashAt(0);
    if (!first || !equalBytes(first, entry.hash)) {
      throw new BitmodelError('WRONG_CHAIN', `${folder} holds another chain.`, {
        next: 'Choose another folder with --datadir',
      });
    }
    return store;
  }

  /** Runs reads and writes that happen together or not at all. Whatever is thrown undoes them. */
  transaction<T>(body: () => T): T {
    try {
      return this.#root.transactionSync(body);
    } catch (thrown) {
      this.#headers.clear();
      throw storeError(thrown);
    }
  }

  /** Block at the top of the active chain. */
  tip(): HeaderRecord {
    return this.header(this.tables.meta.getBinary(TIP)!)!;
  }

  /** Header by hash, on any branch. */
  header(hash: Uint8Array): HeaderRecord | undefined {
    const key = hashKey(hash);
    const known = this.#headers.get(key);
    if (known) return known;
    const bytes = this.tables.headers.getBinary(hash);
    if (!bytes) return undefined;
    const record = decodeHeaderRecord(Uint8Array.from(hash), bytes);
    this.#cacheHeader(key, record);
    return record;
  }

  /** Every header known, on any branch, in no order. */
  *headers(): Generator<HeaderRecord> {
    for (const { key, value } of this.tables.headers.getRange()) {
      yield decodeHeaderRecord(Uint8Array.from(key), value);
    }
  }

  parent(entry: HeaderEntry): HeaderRecord | undefined {
    return entry.height === 0 ? undefined : this.header(entry.header.previousHash);
  }

  ancestor(entry: HeaderEntry, height: number): HeaderEntry {
    let at = entry;
    while (at.height > height) {
      if (this.isActive(at)) return this.headerAt(height)!;
      at = this.parent(at)!;
    }
    return at;
  }

  /** Hash of the active chain's block at a height, 32 bytes in byte order. */
  hashAt(height: number): Uint8Array | undefined {
    return this.tables.heights.getBinary(heightKey(height));
  }

  /** Header of the active chain at a height. */
  headerAt(height: number): HeaderRecord | undefined {
    const hash = this.hashAt(height);
    return hash && this.header(hash);
  }

  /** Whether a block lies on the active chain. */
  isActive(entry: HeaderEntry): boolean {
    const hash = this.hashAt(entry.height);
    return hash !== undefined && equalBytes(hash, entry.hash);
  }

  /** A block by hash, on any branch. */
  block(hash: Uint8Array): Block | undefined {
    const bytes = this.tables.blocks.getBinary(hash);
    return bytes && decodeBlock(bytes);
  }

  /** A block's bytes by hash, on any branch. */
  blockBytes(hash: Uint8Array): Uint8Array | undefined {
    return this.tables.blocks.getBinary(hash);
  }

  coin(outpoint: Outpoint): Coin | undefined {
    const bytes = this.tables.utxos.getBinary(encodeOutpoint(outpoint));
    return bytes && decodeCoin(bytes);
  }

  /** Whether the active chain holds a transaction with this hash. */
  hasTransaction(hash: Uint8Array): boolean {
    return this.tables.transactions.doesExist(hash);
  }

  /** A transaction of the active chain by its hash. */
  transactionByHash(hash: Uint8Array): StoredTransaction | undefined {
    const bytes = this.tables.transactions.getBinary(hash);
    if (!bytes) return undefined;
    const { blockHash, offset, length } = decodeLocation(bytes);
    // the view of the block is LMDB's own memory: only the transaction is copied
    const block = this.tables.blocks.getBinaryFast(blockHash)!;
    const transaction = decodeTransaction(Uint8Array.from(block.subarray(offset, offset + length)));
    return { transaction, block: this.header(blockHash)! };
  }

  /** Coins that a block of the active chain spent, per transaction and input. */
  undo(hash: Uint8Array): Coin[][] {
    return decodeUndo(this.tables.undo.getBinary(hash)!);
  }

  /** Keeps a block of any branch; within {@link transaction}. */
  putBlock(entry: HeaderEntry, { block, bytes }: CheckedBlock): void {
    this.tables.blocks.putSync(entry.hash, bytes);
    const transactionCount = block.transactions.length;
    this.#putHeader({ ...entry, status: 'unchecked', transactionCount, size: bytes.length });
  }

  /** Notes that a block, and so everything on it, breaks a rule; its bytes are dropped. Within {@link transaction}. */
  markInvalid(entry: HeaderEntry): void {
    this.#putHeader({ ...entry, status: 'invalid', transactionCount: 0, size: 0 });
    this.tables.blocks.removeSync(entry.hash);
  }

  /** Makes a kept block the new tip; within {@link transaction}. */
  connect(entry: HeaderEntry, connectable: ConnectableBlock): void {
    const { block, hashes, spent, offsets } = connectable;
    for (const placed of placeTransactions(entry, { block, hashes, offsets, spent })) {
      applyTransaction(this.tables, placed, this.pins.apply(placed));
    }
    this.tables.undo.putSync(entry.hash, encodeUndo(spent));
    this.tables.heights.putSync(heightKey(entry.height), entry.hash);
    this.tables.meta.putSync(TIP, entry.hash);
    const record = this.header(entry.hash)!;
    if (record.status !== 'valid') this.#putHeader({ ...record, status: 'valid' });
  }

  /** Takes the tip off the active chain; within {@link transaction}. Returns its block, which stays kept. */
  disconnect(): Block {
    const tip = this.tip();
    const block = this.block(tip.hash)!;
    const hashes = block.transactions.map(transactionHash);
    const { offsets } = encodeBlockParts(block);
    const spent = this.undo(tip.hash);
    const placed = [...placeTransactions(tip, { block, hashes, offsets, spent })];
    for (const each of placed.reverse()) {
      revertTransaction(this.tables, each);
      this.pins.revert(each);
    }
    this.tables.undo.removeSync(tip.hash);
    this.tables.heights.removeSync(heightKey(tip.height));
    this.tables.meta.putSync(TIP, tip.header.previousHash);
    return block;
  }

  /**
   * Demands that the tip's header, block, undo data and index entries are there and belong together.
   * @throws BitmodelError `STORE_DAMAGED`
   */
  verifyTip(): void {
    const damaged = (what: string, cause?: unknown): BitmodelError =>
      new BitmodelError('STORE_DAMAGED', `The chain on disk is damaged: ${what}.`, {
        next: 'Move the chain.lmdb file of this network away and start the node again',
        cause,
      });
    try {
      const tip = this.tip();
      const block = this.block(tip.hash);
      if (!block) throw damaged(`block ${hashToId(tip.hash)} is missing`);
      if (!this.isActive(tip)) throw damaged('the tip is not at its height');
      if (!equalBytes(encodeHeader(block.header), encodeHeader(tip.header))) {
        throw damaged("the tip's header is not its block's");
      }
      const hashes = block.transactions.map(transactionHash);
      if (!hashes.every((hash) => this.hasTransaction(hash))) throw damaged('the index has holes');
      if (this.undo(tip.hash).length !== hashes.length) throw damaged('undo data is missing');
    } catch (thrown) {
      if (thrown instanceof BitmodelError && thrown.code === 'STORE_DAMAGED') throw thrown;
      throw damaged(messageOf(thrown), thrown);
    }
  }

  /** Waits until everything is on the disk, and closes the file. */
  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }

  #putHeader(record: HeaderRecord): void {
    this.tables.headers.putSync(record.hash, encodeHeaderRecord(record));
    this.#cacheHeader(hashKey(record.hash), record);
  }

  #cacheHeader(key: string, record: HeaderRecord): void {
    if (this.#headers.size >= HEADER_CACHE) {
      this.#headers.delete(this.#headers.keys().next().value!);
    }
    this.#headers.set(key, record);
  }
}

function* placeTransactions(
  entry: HeaderEntry,
  parts: Pick<ConnectableBlock, 'block' | 'hashes' | 'offsets' | 'spent'>,
): Generator<PlacedTransaction> {
  const { hash: blockHash, height } = entry;
  const { block, hashes, offsets, spent } = parts;
  for (const [position, transaction] of block.transactions.entries()) {
    const offset = offsets[position]!;
    const location = { blockHash, offset, length: offsets[position + 1]! - offset };
    const hash = hashes[position]!;
    yield { transaction, hash, location, height, position, spent: spent[position]! };
  }
}
