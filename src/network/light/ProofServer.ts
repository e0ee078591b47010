import { BitmodelError } from '../../base/index.js';
import {
  type ChainNode,
  decodeTransaction,
  MAX_FEE_TARGET,
  RejectError,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import type { Penalties } from '../peers/offences.js';
import { encodeAnswer } from './answer.js';
import { answerQuestion } from './answerQuestion.js';
import { BlockTrees } from './BlockTrees.js';
import { FEES, PROOFS, SUBMIT } from './protocols.js';
import { decodeQuestion } from './question.js';
import {
  decodeFeeQuestion,
  encodeFeeAnswer,
  encodeSubmitAnswer,
  type SubmitAnswer,
} from './smallMessages.js';

/** What is answered from. */
export interface ProofServerOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly node: ChainNode;
}

/** Keys looked up for one peer, per second and at once: a wallet of a thousand addresses asks 40 times at once. */
const KEYS = { perSecond: 2_000, burst: 40_000 };
/** Bytes of blocks hashed for one peer, and for all of them together. */
const BLOCKS = { perSecond: 4_000_000, burst: 200_000_000 };
const ALL_BLOCKS = { perSecond: 20_000_000, burst: 400_000_000 };
/** Transactions taken from one peer: each runs scripts. */
const TRANSACTIONS = { perSecond: 5, burst: 100 };
/** Smallest block that counts: finding one costs something, too. */
const LEAST_BLOCK = 5_000;

function tooMuch(): BitmodelError {
  return new BitmodelError('PEER_TOO_FAST', 'A peer asks for more than its share of proofs.');
}

/**
 * Answers light nodes: what the chain holds, proven by its Merkle trees, and what transactions should pay; and takes
 * their transactions. For nodes that keep all blocks.
 */
export class ProofServer {
  readonly #options: ProofServerOptions;
  readonly #trees: BlockTrees;
  readonly #keys = new RateLimit(KEYS);
  readonly #blocks = new RateLimit(BLOCKS);
  readonly #allBlocks = new RateLimit(ALL_BLOCKS);
  readonly #transactions = new RateLimit(TRANSACTIONS);
  #closed = false;

  constructor(options: ProofServerOptions) {
    const { host, node } = options;
    this.#options = options;
    this.#trees = new BlockTrees(node.store);
    host.answer(PROOFS.answering, (frame, peer) => this.#prove(frame, peer));
    host.answer(SUBMIT.answering, (frame, peer) => this.#take(frame, peer));
    host.answer(FEES.answering, (frame, peer) => this.#fees(frame, peer));
  }

  /** Whether a node can answer: one that drops old blocks can't prove what was in them. */
  static canServe({ pruneBytes, store }: ChainNode): boolean {
    return pruneBytes === undefined && store.marks.pruneHeight === undefined;
  }

  close(): void {
    this.#closed = true;
  }

  async #prove(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const question = this.#decoded(peer, () => decodeQuestion(frame));
    this.#spend(this.#keys, peer, question.keys.length);
    const answer = await answerQuestion(this.#options.node, this.#trees, question, (size) => {
      if (this.#closed) throw new BitmodelError('NODE_CLOSED', 'The node is closing.');
      const bytes = Math.max(size, LEAST_BLOCK);
      this.#spend(this.#blocks, peer, bytes);
      // what others ask for is no fault of this one
      if (!this.#allBlocks.take('all', bytes)) throw tooMuch();
    });
    return encodeAnswer(answer);
  }

  async #take(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const transaction = this.#decoded(peer, () => decodeTransaction(frame));
    if (!this.#transactions.take(peer)) return encodeSubmitAnswer({ fate: 'busy', reason: '' });
    return encodeSubmitAnswer(await submit(this.#options.node, transaction));
  }

  #fees(frame: Uint8Array, peer: PeerId): Uint8Array {
    const target = this.#decoded(peer, () => decodeFeeQuestion(frame));
    this.#spend(this.#keys, peer, 1);
    const { admission, tip } = this.#options.node;
    const minimum = admission.minimumFee;
    const isTarget = target >= 1 && target <= MAX_FEE_TARGET;
    const estimate = isTarget
      ? admission.estimator.estimate(target, tip.height, CONFIDENCE).feeRate
      : undefined;
    return encodeFeeAnswer(estimate === undefined ? { minimum } : { estimate, minimum });
  }

  #decoded<T>(peer: PeerId, decode: () => T): T {
    try {
      return decode();
    } catch (thrown) {
      this.#options.penalties.penalise(peer, 'garbage', 'a question about the chain');
      throw thrown;
    }
  }

  #spend(limit: RateLimit, peer: PeerId, amount: number): void {
    if (limit.take(peer, amount)) return;
    this.#options.penalties.penalise(peer, 'flood', 'questions about the chain');
    throw tooMuch();
  }
}

/** As in `estimatesmartfee`'s middle question. */
const CONFIDENCE = 0.85;

async function submit(node: ChainNode, transaction: Transaction): Promise<SubmitAnswer> {
  const hash = transactionHash(transaction);
  if (node.store.hasTransaction(hash)) return { fate: 'mined', reason: '' };
  if (node.mempool.get(hash)) return { fate: 'known', reason: '' };
  try {
    await node.submitTransaction(transaction);
    return { fate: 'taken', reason: '' };
  } catch (thrown) {
    if (!(thrown instanceof RejectError)) throw thrown;
    return { fate: 'refused', reason: thrown.reason };
  }
}
