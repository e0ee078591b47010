import { equalBytes } from '../../base/index.js';
import {
  type ChainClient,
  hashToId,
  idToHash,
  type OutputToken,
  previousTransactions,
  type Transaction,
} from '../../chain/index.js';
import { decodeRoyalty, type RoyaltyTerms } from './royalty.js';

/** How a category of NFTs came into being: nothing that happens later changes it. */
export interface NftBirth {
  /** Printed id of the transaction. */
  readonly txid: string;
  /** The one token that was made, where it was a single immutable NFT: then there can never be another. */
  readonly only?: OutputToken;
  /** What the author is to get on every sale; absent where the transaction does not say it, or says it twice. */
  readonly royalty?: RoyaltyTerms;
}

function isSingle({ amount, nft }: OutputToken): boolean {
  return amount === 0n && nft?.capability === 'none';
}

function birthIn(transaction: Transaction, txid: string, category: Uint8Array): NftBirth {
  const made = transaction.outputs.flatMap(({ token }) =>
    token && equalBytes(token.category, category) ? [token] : [],
  );
  const [only] = made;
  const said = transaction.outputs.flatMap(
    ({ lockingScript }) => decodeRoyalty(lockingScript) ?? [],
  );
  return {
    txid,
    ...(made.length === 1 && only && isSingle(only) ? { only } : {}),
    ...(said.length === 1 ? { royalty: said[0]! } : {}),
  };
}

/**
 * The transaction that a category was born in, its id computed again.
 * @returns undefined for a category that no transaction made, or one that the node shows another birth of
 * @throws BitmodelError `BAD_NODE_ANSWER`, `UNKNOWN_INPUT`
 */
export async function nftBirth(
  client: ChainClient,
  category: Uint8Array,
): Promise<NftBirth | undefined> {
  const info = await client.tokenCategory(category);
  if (!info) return undefined;
  const asked = { outpoint: { hash: idToHash(info.genesis), index: 0 } };
  const input = { ...asked, unlockingScript: new Uint8Array(0), sequence: 0 };
  const [transaction] = await previousTransactions(client, { inputs: [input] });
  const isBirth = transaction!.inputs.some(
    ({ outpoint }) => outpoint.index === 0 && hashToId(outpoint.hash) === hashToId(category),
  );
  return isBirth ? birthIn(transaction!, info.genesis, category) : undefined;
}
