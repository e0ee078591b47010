import { BitmodelError, equalBytes } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import type { Block } from '../codec/block.js';
import type { Outpoint, Transaction } from '../codec/transaction.js';
import type { Coin, CoinSource } from '../consensus/coins.js';
import type { HeaderEntry, HeaderSource } from '../consensus/headers.js';
import { Ancestors } from './Ancestors.js';
import { Bodies } from './Bodies.js';
import { damaged } from './damage.js';
import type { HeaderTree } from './HeaderTree.js';
import { heightKey, utxoKey } from './keys.js';
import { Marks } from './Marks.js';
import { PinQueries } from './PinQueries.js';
import { decodeCoin, decodeLocation, type HeaderRecord } from './records.js';
import type { Snapshot } from './Snapshot.js';
import type { StoreFile } from './StoreFile.js';
import type { Tables } from './tables.js';

/** What a store is read through. */
interface StoreView {
  readonly tables: Tables;
  readonly pins: PinQueries;
  readonly marks: Marks;
  readonly bodies: Bodies;
}

function viewOf(tables: Tables, parameters: AddressParameters): StoreView {
  const marks = new Marks(tables);
  const pins = new PinQueries(tables, parameters);
  return { tables, pins, marks, bodies: new Bodies(tables, marks) };
}

/** A transaction of the chain, and the block that holds it. */
export interface StoredTransaction {
  readonly transaction: Transaction;
  readonly block: HeaderRecord;
}

/** What the chain on disk says: now, or as it was at the moment at which it is held still. */
export abstract class ChainView implements CoinSource, HeaderSource {
  /** The headers of every branch, which are shared by all faces of a store. */
  protected readonly tree: HeaderTree;
  readonly #file: StoreFile;
  readonly #parameters: AddressParameters;
  readonly #ancestors = new Ancestors(this);
  #view: StoreView;
  /** The moment that this face is held at. */
  #held: Snapshot | undefined;

  protected constructor(
    file: StoreFile,
    parameters: AddressParameters,
    tables: Tables,
    tree: HeaderTree,
  ) {
    this.#file = file;
    this.#parameters = parameters;
    this.#view = viewOf(tables, parameters);
    this.tree = tree;
  }

  /**
   * Shows the active chain as it is now, whatever is written meanwhile, until the function that is returned is called.
   * This face must not move the chain itself meanwhile.
   * @throws BitmodelError `STORE_HELD` when it is held already: it can be held at one moment only
   */
  hold(): () => void {
    if (this.#held) throw new BitmodelError('STORE_HELD', 'The store is held still already.');
    const view = this.#view;
    const held = this.#file.snapshot();
    this.#view = viewOf(held.tables(), this.#parameters);
    this.#held = held;
    return () => {
      this.#view = view;
      this.#held = undefined;
      held.done();
    };
  }

  get tables(): Tables {
    return this.#view.tables;
  }

  get pins(): PinQueries {
    return this.#view.pins;
  }

  get marks(): Marks {
    return this.#view.marks;
  }

  protected get bodies(): Bodies {
    return this.#view.bodies;
  }

  /** Runs reads of the tables; damage that they meet ends the node. */
  read<T>(body: () => T): T {
    return this.#file.read(body);
  }

  /** The tables as they are now; give it back soon. */
  snapshot(): Snapshot {
    return this.#held?.share() ?? this.#file.snapshot();
  }

  /** Block at the top of the active chain. */
  tip(): HeaderRecord {
    const tip = this.header(this.marks.tip);
    if (!tip) throw damaged("the tip's header is missing");
    return tip;
  }

  /** Header by hash, on any branch. */
  header(hash: Uint8Array): HeaderRecord | undefined {
    return this.read(() => this.tree.get(hash));
  }

  /** Every header known, on any branch, in no order. */
  headers(): Generator<HeaderRecord> {
    return this.tree.all();
  }

  /** Blocks that are kept and not on the active chain, most work first. */
  inactive(): Generator<HeaderRecord> {
    return this.tree.inactive();
  }

  parent(entry: HeaderEntry): HeaderRecord | undefined {
    return entry.height === 0 ? undefined : this.header(entry.header.previousHash);
  }

  ancestor(entry: HeaderEntry, height: number): HeaderEntry {
    return this.#ancestors.find(entry, height);
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

  /**
   * A block by hash, on any branch; undefined when its body is not kept (it is invalid, or was pruned).
   * @throws BitmodelError `STORE_DAMAGED`
   */
  block(hash: Uint8Array): Block | undefined {
    return this.read(() => this.bodies.block(hash));
  }

  /** A block's bytes by hash, on any branch. */
  blockBytes(hash: Uint8Array): Uint8Array | undefined {
    return this.bodies.blockBytes(hash);
  }

  coin(outpoint: Outpoint): Coin | undefined {
    const bytes = this.tables.utxos.getBinary(utxoKey(outpoint));
    return bytes && this.read(() => decodeCoin(bytes));
  }

  /** Whether the active chain holds a transaction with this hash. */
  hasTransaction(hash: Uint8Array): boolean {
    return this.tables.transactions.doesExist(hash);
  }

  /**
   * A transaction of the active chain by its hash.
   * @throws BitmodelError `BLOCK_PRUNED`, `STORE_DAMAGED`
   */
  transactionByHash(hash: Uint8Array): StoredTransaction | undefined {
    const bytes = this.tables.transactions.getBinary(hash);
    if (!bytes) return undefined;
    return this.read(() => {
      const location = decodeLocation(bytes);
      const transaction = this.bodies.transactionAt(location);
      return { transaction, block: this.header(location.blockHash)! };
    });
  }

  /** Coins that a block of the active chain spent, per transaction and input. */
  undo(hash: Uint8Array): Coin[][] {
    return this.read(() => this.bodies.undo(hash));
  }
}
