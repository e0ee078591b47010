import type { ChainClient } from '../client/ChainClient.js';
import { hashToId, idToHash, type Outpoint } from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ChainNode } from '../node/ChainNode.js';

type Answer<Name extends 'height' | 'output' | 'spender' | 'transaction'> = Awaited<
  ReturnType<ChainClient[Name]>
>;

/** What {@link ChainClient} answers over RPC, asked of a node in this very process. */
export class LocalChain {
  readonly #node: ChainNode;

  constructor(node: ChainNode) {
    this.#node = node;
  }

  /** The rules of the node's network. */
  get parameters(): NetworkParameters {
    return this.#node.parameters;
  }

  height(): number {
    return this.#node.tip.height;
  }

  /** An output that is unspent on the chain and in the mempool. */
  output(outpoint: Outpoint): Answer<'output'> {
    return this.#node.unspent(outpoint);
  }

  /** What spent an output, on the chain or in the mempool (height 0). */
  spender(outpoint: Outpoint): Answer<'spender'> {
    const found = this.#node.spender(outpoint);
    if (!found) return undefined;
    return { txid: hashToId(found.hash), inputIndex: found.inputIndex, height: found.height };
  }

  /** A transaction by its printed id, from the chain or the mempool. */
  transaction(txid: string): Answer<'transaction'> {
    const hash = idToHash(txid);
    const stored = this.#node.store.transactionByHash(hash);
    if (stored) {
      const { height, hash: blockHash, header } = stored.block;
      const { transaction } = stored;
      return { transaction, height, blockHash: hashToId(blockHash), time: header.time };
    }
    const waiting = this.#node.mempool.get(hash);
    return waiting && { transaction: waiting.transaction, height: 0, time: waiting.time };
  }
}
