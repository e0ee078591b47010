import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import { formatOutpoint, hashToId, type Outpoint } from '../codec/transaction.js';
import type { FundedTransaction } from '../wallet/fund.js';
import type { Sent } from '../wallet/requests.js';
import type { Wallet } from '../wallet/Wallet.js';
import { fundFrom, TOKEN_FEES, tokenOutput } from './spend.js';

/** NFTs of one category that are counted. */
const MOST_COUNTED = 1_000;

/** Which NFT: the only one of its category that the wallet holds, or the one in an output. */
export type NftName = { readonly category: Uint8Array } | { readonly outpoint: Outpoint };

/**
 * The coin of the wallet's that holds an NFT.
 * @throws BitmodelError `NFT_NOT_HELD`; `NFT_AMBIGUOUS` when a category names several
 */
export async function heldNft(wallet: Wallet, name: NftName): Promise<Utxo> {
  const isNamed = ({ outpoint, output }: Utxo): boolean =>
    'outpoint' in name
      ? formatOutpoint(outpoint) === formatOutpoint(name.outpoint)
      : toHex(output.token!.category) === toHex(name.category);
  const found: Utxo[] = [];
  for await (const coin of wallet.eachToken()) {
    if (coin.output.token!.nft && isNamed(coin)) found.push(coin);
    if (found.length >= MOST_COUNTED) break;
  }
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new BitmodelError('NFT_NOT_HELD', 'This key holds no such NFT.', {
      next: 'See who holds it, and whether it is on offer, with bitmodel nft show, and what the key holds with bitmodel wallet utxos',
      exitCode: EXIT.notFound,
    });
  }
  const category = hashToId(found[0]!.output.token!.category);
  throw new BitmodelError(
    'NFT_AMBIGUOUS',
    `This key holds ${found.length} NFTs of category ${category}.`,
    {
      next: 'Name one by its output, TXID:VOUT, as bitmodel nft show lists them',
      exitCode: EXIT.usage,
    },
  );
}

/**
 * Makes a transaction that gives an NFT to a locking script: output 0 is the NFT with no more coins than it must
 * have; the rest of those it lay in stays with the wallet, as does a fungible amount beside it (output 1). Not signed,
 * not sent.
 * @throws BitmodelError `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function planNftSend(
  client: ChainClient,
  wallet: Wallet,
  coin: Utxo,
  to: Uint8Array,
): Promise<FundedTransaction> {
  const { category, amount, nft } = coin.output.token!;
  const given = tokenOutput({ category, amount: 0n, nft }, to);
  const kept = amount > 0n ? [tokenOutput({ category, amount }, wallet.changeScript)] : [];
  return fundFrom(client, wallet, coin, [given, ...kept]);
}

/** Signs and sends what {@link planNftSend} made. @throws BitmodelError what the wallet and the node say */
export function sendNft(wallet: Wallet, plan: FundedTransaction): Promise<Sent> {
  return wallet.submit(plan, TOKEN_FEES);
}
