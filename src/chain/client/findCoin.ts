import { formatOutpoint, type Outpoint } from '../codec/transaction.js';
import type { ChainClient, Utxo } from './ChainClient.js';
import type { CoinPageOptions } from './coinPages.js';

/** The coin of this name among those of an address; no more than a page of the others is held, however many there are. */
export async function findCoin(
  client: Pick<ChainClient, 'eachUtxo'>,
  address: string,
  outpoint: Outpoint,
  options?: CoinPageOptions,
): Promise<Utxo | undefined> {
  const name = formatOutpoint(outpoint);
  for await (const coin of client.eachUtxo({ addresses: [address] }, options)) {
    if (formatOutpoint(coin.outpoint) === name) return coin;
  }
  return undefined;
}
