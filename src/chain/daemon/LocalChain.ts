import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import { hashToId, idToHash, type Outpoint } from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ChainNode } from '../node/ChainNode.js';
import type { PinState } from '../store/PinQueries.js';

type Answer<Name extends 'height' | 'output' | 'spender' | 'transaction'> = Awaited<
  ReturnType<ChainClient[Name]>
>;

const NO_LIMIT = 0xffff_ffff;

/** What a pin said, and the transaction that made it. */
export interface SaidPin {
  readonly txid: string;
  readonly versions: readonly { readonly payload: Uint8Array }[];
}

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

  /** Printed id of the block at a height. @throws BitmodelError where there is none yet */
  async blockId(height: number): Promise<string> {
    const hash = this.#node.store.hashAt(height);
    if (hash) return hashToId(hash);
    throw new BitmodelError('NO_BLOCK', `There is no block at height ${height} yet.`, {
      next: 'See the height of the chain: bitmodel chain info',
      exitCode: EXIT.notFound,
    });
  }

  /** What the pins at a path said up to a block, hidden and revoked ones included. */
  async pins(path: string, { atHeight }: { readonly atHeight: number }): Promise<SaidPin[]> {
    const { pins } = this.#node.store;
    const found: SaidPin[] = [];
    const enough = (state: PinState): boolean => {
      const versions = pins.versions(state);
      const payloads = versions.map(({ data }) => ({ payload: data!.payload }));
      found.push({ txid: hashToId(state.id.hash), versions: payloads });
      return false;
    };
    pins.byPath(path, { atHeight, all: true, limit: NO_LIMIT, enough });
    return found;
  }
}
