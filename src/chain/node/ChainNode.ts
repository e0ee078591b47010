import { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type BitmodelError, equalBytes } from '../../base/index.js';
import { type Block, blockHash, type EncodedBlock } from '../codec/block.js';
import { hashToId, type Outpoint, type Transaction } from '../codec/transaction.js';
import { secondsNow } from '../consensus/clock.js';
import type { Coin } from '../consensus/coins.js';
import { type HeaderEntry, medianTimePast } from '../consensus/headers.js';
import { type NetworkParameters, networkParameters } from '../consensus/parameters.js';
import { ScriptVerifier } from '../consensus/ScriptVerifier.js';
import { Admission } from '../mempool/Admission.js';
import { Mempool } from '../mempool/Mempool.js';
import { MempoolFile } from '../mempool/MempoolFile.js';
import type { ChainStore } from '../store/ChainStore.js';
import { Pruner } from '../store/Pruner.js';
import type { Spender } from '../store/records.js';
import { BlockAcceptance, type IncomingBlock } from './BlockAcceptance.js';
import type { Branches } from './Branches.js';
import { ChainMove } from './ChainMove.js';
import type { ChainNodeOptions } from './ChainNodeOptions.js';
import { HeaderAcceptance } from './HeaderAcceptance.js';
import { assembleBlock, solve } from './miner.js';
import { Overruling } from './Overruling.js';
import { openChain } from './openChain.js';
import { findOutput, findSpender, findUnspent } from './outputs.js';
import { TurnQueue } from './TurnQueue.js';
import { unspentOf } from './unspent.js';

/** The top of the active chain. */
export interface Tip {
  readonly height: number;
  /** Printed block id. */
  readonly hash: string;
  /** The block's time, seconds since 1970. */
  readonly time: number;
}

interface Events {
  /** The tip changed, by one block or by a reorganisation: the new tip. */
  block: [tip: Tip];
  /** The mempool took a transaction. */
  transaction: [transaction: Transaction, txid: string];
  /** A reorganisation left blocks with these transactions; the mempool holds those that are valid and in no block. */
  freed: [transactions: readonly Transaction[]];
  /** Something went wrong that the node can go on without, in one sentence. */
  warning: [message: string];
  /** The store can't be used any more: a full disk, a damaged record. The node must be closed. */
  failure: [error: BitmodelError];
}

/** Seconds. */
const FAR_BEHIND = 24 * 3_600;

/**
 * A validating node: the chain on disk, the mempool, and the rules between them. A block is connected in one go, and a
 * reorganisation is shown when it is done, so that nobody meets either half-way.
 */
export class ChainNode extends EventEmitter<Events> {
  readonly parameters: NetworkParameters;
  readonly store: ChainStore;
  readonly mempool = new Mempool();
  /** Decides what the mempool takes. */
  readonly admission: Admission;
  /** Keeps the mempool over restarts. */
  readonly mempoolFile: MempoolFile;
  /** Folder of this network. */
  readonly folder: string;
  readonly scripts: ScriptVerifier;
  /** Takes headers whose blocks have not come yet. */
  readonly headers: HeaderAcceptance;
  /** The operator's word on single blocks. */
  readonly overruling: Overruling;
  readonly #acceptance: BlockAcceptance;
  readonly #blocks = new TurnQueue();
  readonly #pruner: Pruner;
  #closed = false;

  private constructor(
    options: ChainNodeOptions,
    opened: {
      store: ChainStore;
      scripts: ScriptVerifier;
      branches: Branches;
    },
  ) {
    super();
    // long polls and peers that wait for a block listen, too, as many as there are
    this.setMaxListeners(0);
    this.parameters = networkParameters(options.network);
    this.folder = networkFolder(options);
    this.store = opened.store.face();
    this.scripts = opened.scripts;
    const moving = {
      store: opened.store,
      branches: opened.branches,
      moves: new ChainMove(this.store, async (freed, show) => {
        await this.admission.reorganised(freed, opened.store, show);
        this.emit('freed', freed);
      }),
      onTip: () => this.#tipChanged(),
    };
    this.headers = new HeaderAcceptance(this.store, this.parameters);
    this.overruling = new Overruling({ ...moving, turns: this.#blocks });
    this.#acceptance = new BlockAcceptance({
      ...moving,
      parameters: this.parameters,
      onConnected: ({ height }, { block, hashes }) =>
        this.admission.blockConnected(height, block.transactions, hashes),
    });
    this.#pruner = new Pruner(opened.store, options.pruneBytes);
    this.store.onFailure = (error) => this.emit('failure', error);
    this.admission = new Admission({
      mempool: this.mempool,
      store: this.store,
      parameters: this.parameters,
      scripts: this.scripts,
      medianTimeAt: (height) => this.medianTimeAt(height),
      now: secondsNow,
      bytes: options.mempoolBytes,
      expiry: options.mempoolExpiry,
    });
    this.mempoolFile = new MempoolFile({
      path: join(this.folder, 'mempool.dat'),
      mempool: this.mempool,
      admission: this.admission,
      warn: (message) => this.emit('warning', message),
    });
  }

  /**
   * Opens the node of a data folder, verifies the chain there, and takes up what was cut off: a reorganisation, or a
   * rebuilding.
   * @throws BitmodelError `DATADIR_LOCKED`, `WRONG_CHAIN`, `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_FAILED`,
   * `DISK_FULL`, `REINDEX_PRUNED`
   */
  static async open(options: ChainNodeOptions): Promise<ChainNode> {
    const parameters = networkParameters(options.network);
    const scripts = new ScriptVerifier(options.threads ?? availableParallelism());
    try {
      const opened = await openChain(networkFolder(options), parameters, scripts, options);
      return new ChainNode(options, { ...opened, scripts });
    } catch (thrown) {
      await scripts.close();
      throw thrown;
    }
  }

  get tip(): Tip {
    const { height, hash, header } = this.store.tip();
    return { height, hash: hashToId(hash), time: header.time };
  }

  /**
   * Whether the chain is far behind the headers that are known, so that what the node says of it is old: by a day of
   * blocks, as in Bitcoin Core's `initialblockdownload`.
   */
  get isFarBehind(): boolean {
    return (
      this.headers.best.height - this.store.tip().height >=
      FAR_BEHIND / this.parameters.blockSpacing
    );
  }

  /** Most bytes that old blocks take; undefined when all are kept. */
  get pruneBytes(): number | undefined {
    return this.#pruner.target;
  }

  /** Median time past of a block on any branch (BIP113). */
  medianTimeOf(entry: HeaderEntry): number {
    return medianTimePast(entry, this.store);
  }

  /** An output of the chain or of the mempool (height 0), whether it is spent or not. */
  output(outpoint: Outpoint): Coin | undefined {
    return findOutput(this, outpoint);
  }

  /** What spent an output, on the chain or in the mempool (height 0). */
  spender(outpoint: Outpoint): Spender | undefined {
    return findSpender(this, outpoint);
  }

  /** An unspent output; with the mempool, what is made there counts and what is spent there doesn't. */
  unspent(outpoint: Outpoint, withMempool = true): Coin | undefined {
    return findUnspent(this, outpoint, withMempool);
  }

  /** Unspent outputs with this locking script, the mempool taken into account, those worth most first. */
  unspentOf(lockingScript: Uint8Array): { outpoint: Outpoint; coin: Coin }[] {
    return unspentOf(this, lockingScript);
  }

  /** Median time past of the active chain's block at a height (BIP113). */
  medianTimeAt(height: number): number {
    return medianTimePast(this.store.headerAt(height)!, this.store);
  }

  /**
   * Takes a block: onto the active chain, or onto a branch, which becomes the active chain when it has more work; one
   * that is known already is taken up again then. Returns whether it was new or became the tip. Blocks are taken one
   * after the other; while the scripts of a large one run, or the chain goes to another branch, all else goes on with the
   * chain as it was before.
   * @param encoded its bytes, where `decodeBlockParts` read them
   * @throws RejectError `BLOCK_REJECTED` or `TX_REJECTED` with Bitcoin's reason
   * @throws BitmodelError `SCRIPT_THREAD_FAILED`, `REORG_PRUNED`; the chain is what it was before
   */
  submitBlock(block: Block, encoded?: EncodedBlock): Promise<boolean> {
    return this.#blocks.run(() => this.#acceptance.submit({ block, encoded }));
  }

  /**
   * Takes blocks whose headers are known, each on top of the last, as many as are soon connected; small ones share a
   * transaction of the store, and those who listen are told of the last. Returns how many were taken, at least one if
   * there is any.
   * @throws as {@link submitBlock}, of the first one
   */
  submitBlocks(blocks: Iterable<IncomingBlock>): Promise<number> {
    return this.#blocks.run(() => this.#acceptance.submitSome(blocks));
  }

  /**
   * Demands that a block on the tip would be valid, its proof of work aside. Changes nothing.
   * @throws RejectError
   */
  testBlock(block: Block): Promise<void> {
    return this.#blocks.run(async () => this.#acceptance.test(block));
  }

  /**
   * Takes a transaction into the mempool and returns its printed id.
   * @throws RejectError `TX_REJECTED` with Bitcoin's reason
   */
  async submitTransaction(transaction: Transaction): Promise<string> {
    const { hash } = this.admission.submit(transaction);
    const txid = hashToId(hash);
    this.emit('transaction', transaction, txid);
    return txid;
  }

  /**
   * Mines blocks on the tip out of the mempool; each pays to the locking script. Returns their printed ids: one that did
   * not come onto the chain, because another was there before, is mined anew.
   * @throws the signal's reason when it is aborted between two tries
   */
  async mine(count: number, lockingScript: Uint8Array, signal?: AbortSignal): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      // the chain may be on its way to another tip than the one that is shown
      await this.#blocks.settled();
      const candidate = assembleBlock(this, lockingScript);
      const header = await solve(candidate.header, () => {
        signal?.throwIfAborted();
        return !this.#closed && equalBytes(this.store.tip().hash, candidate.header.previousHash);
      });
      if (this.#closed) break;
      // another block came first, or every nonce failed: begin anew on what is the tip now
      if (!header) continue;
      await this.submitBlock({ header, transactions: candidate.transactions });
      const hash = blockHash(header);
      if (!this.store.isActive(this.store.header(hash)!)) continue;
      ids.push(hashToId(hash));
      if (ids.length % 16 === 0) await setImmediate();
    }
    return ids;
  }

  /** Writes everything out and gives the data folder back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // a move of the chain may take longer than whoever stops the node waits
    this.mempoolFile.saveIfChanged();
    // at its end the transactions that it sets free come to the mempool
    await this.#blocks.close();
    this.mempoolFile.close();
    await this.mempoolFile.loaded;
    await this.scripts.close();
    await this.store.close();
  }

  #tipChanged(): void {
    this.#pruner.afterBlock();
    this.emit('block', this.tip);
  }
}

function networkFolder(options: ChainNodeOptions): string {
  return join(options.datadir, options.network);
}
