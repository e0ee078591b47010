import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { BitmodelError, equalBytes, messageOf } from '../../base/index.js';
import {
  decodeBlockParts,
  type HeaderRecord,
  hashKey,
  type IncomingBlock,
  mayBeMutated,
  RejectError,
} from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import type { SyncContext } from './SyncContext.js';

/** A block as a peer sent it. */
export interface ArrivedBlock {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly peer: PeerId;
}

/** What became of blocks that were to be connected. */
export interface ConnectOutcome {
  /** How many of them were taken. */
  readonly taken: number;
  /** Why the next one was not: its bytes were at fault, or the block itself, so that the branch ends below it. */
  readonly refused?: 'bytes' | 'block';
}

/** Milliseconds before what failed by no fault of the block's is tried again. */
const RETRY = 1_000;

/** Blocks of branches of which it is remembered who gave them. */
const MOST_GIVEN = 10_000;

/** Hands blocks to the node, and holds what is wrong with them against whoever sent them. */
export class BlockConnector {
  /** Most blocks handed over at a time. */
  static readonly MOST = 512;
  readonly #context: SyncContext;
  /** Branches that can't be gone to, as where the way there was pruned. */
  readonly #hopeless = new Set<string>();
  /** Who gave the blocks that were kept and not connected: what is wrong with them shows later. */
  readonly #givers = new Map<string, PeerId>();

  constructor(context: SyncContext) {
    this.#context = context;
  }

  /** Whether a branch can't be gone to. */
  isHopeless(top: HeaderRecord): boolean {
    return this.#hopeless.has(hashKey(top.hash));
  }

  /**
   * Connects the first of some blocks that stand on each other, as many as go at once.
   * @param target the header that is gone to
   */
  async connect(run: readonly ArrivedBlock[], target: HeaderRecord): Promise<ConnectOutcome> {
    const first = this.#first(run[0]!);
    if (!first) return { taken: 0, refused: 'bytes' };
    try {
      const taken = await this.#context.node.submitBlocks(decoded(first, run));
      this.#noteGivers(run.slice(0, taken));
      // others have their turn between two lots
      await setImmediate();
      return { taken };
    } catch (thrown) {
      const outcome = this.#refused(run[0]!, first, thrown);
      if (outcome) return outcome;
      await this.#giveUpOrWait(thrown, target);
      return { taken: 0, ...(this.isHopeless(target) ? { refused: 'block' as const } : {}) };
    }
  }

  /** What ended a stream of blocks, if it is against the rules. */
  blameStream(peer: PeerId, thrown: unknown): void {
    const { penalties, node } = this.#context;
    // whoever ends a stream itself gives no reason
    if (thrown === undefined) return;
    if (!(thrown instanceof BitmodelError)) {
      node.emit('warning', `A stream of blocks ended: ${messageOf(thrown)}`);
      return;
    }
    if (thrown.code === 'BAD_ENCODING') penalties.penalise(peer, 'garbage', 'blocks/1');
    if (thrown.code === 'STREAM_TIMEOUT') penalties.penalise(peer, 'stall', 'owes blocks');
  }

  #first(block: ArrivedBlock): IncomingBlock | undefined {
    try {
      return decode(block);
    } catch (thrown) {
      this.#blame(block.peer, messageOf(thrown));
      return undefined;
    }
  }

  /** What a block that breaks a rule means; undefined for any other error. */
  #refused(
    { peer, hash }: ArrivedBlock,
    { block }: IncomingBlock,
    thrown: unknown,
  ): ConnectOutcome | undefined {
    if (!(thrown instanceof RejectError)) return undefined;
    const isItself = !thrown.block || equalBytes(thrown.block, hash);
    const giver = isItself ? peer : this.#givers.get(hashKey(thrown.block));
    // a block that was found to be invalid before, or refused by the operator meanwhile, is not this peer's fault
    if (giver && !['duplicate-invalid', 'bad-prevblk'].includes(thrown.reason)) {
      this.#blame(giver, thrown.message);
    }
    this.#context.node.headers.reconsider();
    return { taken: 0, refused: isItself && mayBeMutated(block, thrown) ? 'bytes' : 'block' };
  }

  #noteGivers(taken: readonly ArrivedBlock[]): void {
    const { store } = this.#context.node;
    for (const { hash, peer } of taken) {
      if (store.header(hash)?.status !== 'unchecked') continue;
      this.#givers.set(hashKey(hash), peer);
      const [oldest] = this.#givers.keys();
      if (this.#givers.size > MOST_GIVEN && oldest !== undefined) this.#givers.delete(oldest);
    }
  }

  /** @throws what the store can't go on after */
  async #giveUpOrWait(thrown: unknown, target: HeaderRecord): Promise<void> {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    if (!['REORG_PRUNED', 'SCRIPT_THREAD_FAILED'].includes(thrown.code)) throw thrown;
    this.#context.node.emit('warning', thrown.message);
    if (thrown.code === 'REORG_PRUNED') this.#hopeless.add(hashKey(target.hash));
    else await delay(RETRY);
  }

  #blame(peer: PeerId, detail: string): void {
    this.#context.penalties.penalise(peer, 'invalid-block', detail);
  }
}

function decode({ bytes, hash }: ArrivedBlock): IncomingBlock {
  const parts = decodeBlockParts(bytes);
  return { block: parts.block, hash, encoded: parts };
}

/** Blocks as they are asked for, up to one whose bytes are no block: it is blamed when it is the first. */
function* decoded(
  first: IncomingBlock,
  run: readonly ArrivedBlock[],
): Generator<IncomingBlock, void> {
  yield first;
  for (const arrived of run.slice(1)) {
    let block: IncomingBlock;
    try {
      block = decode(arrived);
    } catch {
      return;
    }
    yield block;
  }
}
