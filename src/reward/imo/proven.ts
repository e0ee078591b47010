import { BitmodelError } from '../../base/index.js';
import { type ChainClient, type Transaction, transactionId } from '../../chain/index.js';

/**
 * A transaction that the node has just named, its id computed again: it can be withheld, but not be another one.
 * @throws BitmodelError `BAD_NODE_ANSWER`
 */
export async function provenTransaction(client: ChainClient, txid: string): Promise<Transaction> {
  const known = await client.transaction(txid);
  if (known && transactionId(known.transaction) === txid) return known.transaction;
  throw new BitmodelError('BAD_NODE_ANSWER', `The node does not give transaction ${txid}.`, {
    next: 'Try again, or use a node that you trust more: --rpc URL',
  });
}
