import { BitmodelError } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import type { CategoryInfo } from '../client/categoryJson.js';
import type { OutputToken } from '../codec/token.js';
import {
  hashToId,
  idToHash,
  type Outpoint,
  type Transaction,
  transactionId,
} from '../codec/transaction.js';
import { hashKey, isUnspendable } from '../consensus/coins.js';

/** A token of a category that a transaction made or moved. */
export interface TokenPlace {
  readonly outpoint: Outpoint;
  readonly lockingScript: Uint8Array;
  readonly token: OutputToken;
}

/** What one transaction did with a category: brought it into being, passed tokens on, or left none of them. */
export interface TokenEvent {
  readonly kind: 'mint' | 'send' | 'burn';
  /** Printed id. */
  readonly txid: string;
  /** 0 in the mempool. */
  readonly height: number;
  /** Where its tokens went. */
  readonly places: readonly TokenPlace[];
}

/** Tokens of a category in a transaction's outputs that can be spent. */
function tokensIn(transaction: Transaction, hash: Uint8Array, category: Uint8Array): TokenPlace[] {
  return transaction.outputs.flatMap(({ token, lockingScript }, index) =>
    token && hashKey(token.category) === hashKey(category) && !isUnspendable(lockingScript)
      ? [{ outpoint: { hash, index }, lockingScript, token }]
      : [],
  );
}

/**
 * What happened to a category, oldest first, each told by its own transaction, whose id is computed again.
 * @param limit most events, the latest
 * @throws BitmodelError `BAD_NODE_ANSWER`
 */
export async function tokenEvents(
  client: ChainClient,
  category: Uint8Array,
  info: CategoryInfo,
  limit: number,
): Promise<TokenEvent[]> {
  return Promise.all(
    info.history.slice(-limit).map(async ({ txid, height }) => {
      const known = await client.transaction(txid);
      if (!known || transactionId(known.transaction) !== txid) {
        throw new BitmodelError('BAD_NODE_ANSWER', `The node does not give transaction ${txid}.`, {
          next: 'Try again, or use a node that you trust more: --rpc URL',
        });
      }
      const { transaction } = known;
      const places = tokensIn(transaction, idToHash(txid), category);
      const isBirth = transaction.inputs.some(
        ({ outpoint }) => outpoint.index === 0 && hashToId(outpoint.hash) === info.category,
      );
      return { kind: isBirth ? 'mint' : places.length > 0 ? 'send' : 'burn', txid, height, places };
    }),
  );
}
