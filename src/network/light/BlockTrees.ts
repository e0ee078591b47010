import { setImmediate } from 'node:timers/promises';
import {
  ByteReader,
  type ChainStore,
  hashToId,
  merkleLevels,
  readTransaction,
  transactionHash,
} from '../../chain/index.js';

/** A block's Merkle tree, and where its transactions' bytes are. */
export interface BlockTree {
  /** Leaves first. */
  readonly levels: readonly (readonly Uint8Array[])[];
  /** Place of a transaction in the block, by its printed id. */
  readonly places: ReadonlyMap<string, number>;
  /** Where each transaction's bytes begin in the block's; one more for where the last ends. */
  readonly offsets: readonly number[];
}

const HEADER_SIZE = 80;
/** Transactions hashed before others have their turn. */
const TURN = 500;
/** Transactions of all trees that are kept: about 60 MB. */
const MOST_KEPT = 200_000;

/** Merkle trees of blocks of late asked for: to prove one transaction, all of its block must be hashed. */
export class BlockTrees {
  readonly #store: ChainStore;
  readonly #trees = new Map<string, Promise<BlockTree | undefined>>();
  readonly #sizes = new Map<string, number>();
  #kept = 0;

  constructor(store: ChainStore) {
    this.#store = store;
  }

  /** Transactions that all kept trees hold together. */
  get kept(): number {
    return this.#kept;
  }

  /** The tree of a block; undefined when its bytes are not kept. */
  get(hash: Uint8Array): Promise<BlockTree | undefined> {
    const key = hashToId(hash);
    const known = this.#trees.get(key);
    if (known) {
      // the one used last is dropped last
      this.#trees.delete(key);
      this.#trees.set(key, known);
      return known;
    }
    const made = this.#make(hash, key);
    this.#trees.set(key, made);
    return made;
  }

  async #make(hash: Uint8Array, key: string): Promise<BlockTree | undefined> {
    try {
      const tree = await this.#build(hash);
      if (!tree) this.#drop(key);
      else this.#keep(key, tree.offsets.length - 1);
      return tree;
    } catch (thrown) {
      this.#drop(key);
      throw thrown;
    }
  }

  async #build(hash: Uint8Array): Promise<BlockTree | undefined> {
    const bytes = this.#store.blockBytes(hash);
    if (!bytes) return undefined;
    // LMDB may reuse what it handed out once others have their turn
    const reader = new ByteReader(Uint8Array.from(bytes));
    reader.bytes(HEADER_SIZE);
    const count = reader.varInt();
    const leaves: Uint8Array[] = [];
    const offsets = [reader.offset];
    while (leaves.length < count) {
      leaves.push(transactionHash(readTransaction(reader)));
      offsets.push(reader.offset);
      if (leaves.length % TURN === 0) await setImmediate();
    }
    const places = new Map(leaves.map((leaf, index) => [hashToId(leaf), index]));
    return { levels: merkleLevels(leaves), places, offsets };
  }

  #keep(key: string, size: number): void {
    this.#sizes.set(key, size);
    this.#kept += size;
    for (const oldest of this.#trees.keys()) {
      if (this.#kept <= MOST_KEPT) return;
      // one that is still being made has no size yet, and is wanted
      if (this.#sizes.has(oldest)) this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#trees.delete(key);
    this.#kept -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
  }
}
