import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import type { NftCapability, OutputToken } from '../codec/token.js';
import { hashToId, idToHash } from '../codec/transaction.js';

/** A token as RPC and our JSON write it, shaped as BCH Node's `tokenData`. */
export interface TokenJson {
  /** Printed as a transaction id. */
  readonly category: string;
  /** Whole units, in text: they go beyond 2^53. */
  readonly amount: string;
  readonly nft?: { readonly capability: string; readonly commitment: string };
}

/** A token as {@link TokenJson}. */
export function tokenView({ category, amount, nft }: OutputToken): TokenJson {
  return {
    category: hashToId(category),
    amount: amount.toString(),
    ...(nft && { nft: { capability: nft.capability, commitment: toHex(nft.commitment) } }),
  };
}

const CAPABILITIES: readonly string[] = ['none', 'mutable', 'minting'] satisfies NftCapability[];

/** Reads {@link TokenJson}. @throws BitmodelError `BAD_TOKEN`, `BAD_HEX` */
export function parseTokenView(json: TokenJson): OutputToken {
  const { category, amount, nft } = json;
  if (!/^\d{1,19}$/.test(amount) || (nft && !CAPABILITIES.includes(nft.capability))) {
    throw new BitmodelError('BAD_TOKEN', 'An amount or a capability of this token is none.');
  }
  const token = { category: idToHash(category), amount: BigInt(amount) };
  if (!nft) return token;
  const capability = nft.capability as NftCapability;
  return { ...token, nft: { capability, commitment: fromHex(nft.commitment) } };
}
