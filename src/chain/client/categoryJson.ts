import { badAnswer } from './badAnswer.js';

/** A token category as the node tells of it. Counts are of the chain, without the mempool. */
export interface CategoryInfo {
  /** Printed id. */
  readonly category: string;
  /** Printed id of the transaction that brought it into being. */
  readonly genesis: string;
  /** That transaction's block; 0 in the mempool. */
  readonly height: number;
  /** Fungible amount there is, in whole units. */
  readonly amount: string;
  readonly outputs: number;
  readonly nfts: { readonly none: number; readonly mutable: number; readonly minting: number };
  /** Oldest first; the mempool's, at height 0, last. */
  readonly history: readonly { readonly txid: string; readonly height: number }[];
}

const HASH = /^[0-9a-f]{64}$/;
const AMOUNT = /^\d{1,19}$/;

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPlace(json: unknown): boolean {
  const { txid, height } = (json ?? {}) as { txid?: unknown; height?: unknown };
  return typeof txid === 'string' && HASH.test(txid) && isCount(height);
}

function isCategory(json: unknown): json is CategoryInfo {
  if (typeof json !== 'object' || json === null) return false;
  const { category, genesis, height, amount, outputs, nfts, history } = json as CategoryInfo;
  const texts = [category, genesis, amount].every((text) => typeof text === 'string');
  if (!texts || !HASH.test(category) || !HASH.test(genesis) || !AMOUNT.test(amount)) return false;
  const counts = [height, outputs, nfts?.none, nfts?.mutable, nfts?.minting].every(isCount);
  return counts && Array.isArray(history) && history.every(isPlace);
}

/** The category that a node describes. @throws BitmodelError `BAD_RPC_ANSWER` */
export function categoryFromJson(json: unknown): CategoryInfo {
  if (isCategory(json)) return json;
  throw badAnswer('The node describes no token category.');
}
