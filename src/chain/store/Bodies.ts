import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import { type Block, blockHash, decodeBlock } from '../codec/block.js';
import { decodeTransaction, hashToId, type Transaction } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import { damaged } from './damage.js';
import type { Marks } from './Marks.js';
import { decodeUndo, encodeUndo, type TransactionLocation } from './records.js';
import type { Table, Tables } from './tables.js';

/** The bytes of blocks and what undoes them, with their sum: what pruning drops. Written within the store's transactions. */
export class Bodies {
  readonly #blocks: Table;
  readonly #undo: Table;
  readonly #marks: Marks;

  constructor(tables: Tables, marks: Marks) {
    this.#blocks = tables.blocks;
    this.#undo = tables.undo;
    this.#marks = marks;
  }

  /** A block; undefined when its bytes are not kept. @throws BitmodelError `STORE_DAMAGED` */
  block(hash: Uint8Array): Block | undefined {
    const bytes = this.#blocks.getBinary(hash);
    if (!bytes) return undefined;
    const block = this.#decode(hash, bytes);
    if (equalBytes(blockHash(block.header), hash)) return block;
    throw damaged(`block ${hashToId(hash)} has another header`);
  }

  blockBytes(hash: Uint8Array): Uint8Array | undefined {
    return this.#blocks.getBinary(hash);
  }

  /** A transaction out of a block. @throws BitmodelError `BLOCK_PRUNED`, `STORE_DAMAGED` */
  transactionAt({ blockHash: hash, offset, length }: TransactionLocation): Transaction {
    // the view of the block is LMDB's own memory: only the transaction is copied
    const body = this.#blocks.getBinaryFast(hash);
    if (!body) {
      throw new BitmodelError('BLOCK_PRUNED', 'Block not available (pruned data)', {
        next: 'Ask a node that keeps all blocks: --rpc URL',
      });
    }
    const copy = Uint8Array.from(body.subarray(offset, offset + length));
    try {
      return decodeTransaction(copy);
    } catch (thrown) {
      throw damaged(`a transaction of block ${hashToId(hash)} can't be read`, thrown);
    }
  }

  /** Coins that a block of the active chain spent, per transaction and input. @throws BitmodelError `STORE_DAMAGED` */
  undo(hash: Uint8Array): Coin[][] {
    const bytes = this.#undo.getBinary(hash);
    if (!bytes) throw damaged(`undo data of block ${hashToId(hash)} are missing`);
    return decodeUndo(bytes);
  }

  putBlock(hash: Uint8Array, bytes: Uint8Array): void {
    this.#blocks.putSync(hash, bytes);
    this.#marks.addBodyBytes(bytes.length);
  }

  /**
   * Keeps what undoes a block.
   * @param bytes the block itself, where it is not kept yet
   */
  putUndo(hash: Uint8Array, spent: readonly (readonly Coin[])[], bytes?: Uint8Array): void {
    const undo = encodeUndo(spent);
    if (bytes) this.#blocks.putSync(hash, bytes);
    this.#undo.putSync(hash, undo);
    this.#marks.addBodyBytes(undo.length + (bytes?.length ?? 0));
  }

  removeBlock(hash: Uint8Array): void {
    this.#remove(this.#blocks, hash);
  }

  removeUndo(hash: Uint8Array): void {
    this.#remove(this.#undo, hash);
  }

  #decode(hash: Uint8Array, bytes: Uint8Array): Block {
    try {
      return decodeBlock(bytes);
    } catch (thrown) {
      throw damaged(`block ${hashToId(hash)} can't be read (${messageOf(thrown)})`, thrown);
    }
  }

  #remove(table: Table, hash: Uint8Array): void {
    const length = table.getBinary(hash)?.length ?? 0;
    table.removeSync(hash);
    this.#marks.addBodyBytes(-length);
  }
}
