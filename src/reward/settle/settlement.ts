import type { TransactionOutput } from '../../chain/index.js';
import { parseHolderScript } from '../contracts/holder.js';
import type { Published } from '../declared/registry.js';
import { parseSplitScript } from '../split/split.js';
import type { WeighedSpend } from './weigh.js';

/** One output of a settlement. */
export interface SettledShare {
  /** Id of the parent, or of the source itself for what it keeps. */
  readonly id: string;
  /** Whether it went to another split contract (and from there on), to an NFT's holder, or to an address. */
  readonly to: 'split' | 'holder' | 'address';
  readonly lockingScript: Uint8Array;
  /** Base units. */
  readonly amount: bigint;
}

/** One transaction that paid out what lay in a split contract. */
export interface Settlement {
  readonly txid: string;
  /** Id and name of the source whose contract it was. */
  readonly id: string;
  readonly name: string;
  /** Base units that lay in the contract, in this many coins. */
  readonly amount: bigint;
  readonly coins: number;
  readonly shares: readonly SettledShare[];
  /** Base units that the wallet paid; of a planned one, what it would pay about. */
  readonly fee: bigint;
}

/** A settlement that was not made. */
export type PlannedSettlement = Omit<Settlement, 'txid'>;

/** Ids of those that the outputs of a source's contract pay, in order. */
export function payees(source: Published, count: number): string[] {
  const paid = source.parents.filter(({ ppm }) => ppm > 0).map(({ id }) => id);
  return paid.length === count ? paid : [...paid, source.id];
}

function kindOf(lockingScript: Uint8Array): SettledShare['to'] {
  if (parseSplitScript(lockingScript)) return 'split';
  return parseHolderScript(lockingScript) ? 'holder' : 'address';
}

/** What a settlement's outputs pay to whom. */
function sharesPaid(source: Published, outputs: readonly TransactionOutput[]): SettledShare[] {
  const ids = payees(source, outputs.length);
  return outputs.map(({ value, lockingScript }, i) => ({
    id: ids[i]!,
    to: kindOf(lockingScript),
    lockingScript,
    amount: value,
  }));
}

/** What a transaction paid out of a source's contract. @param paid its id, and its fee in base units */
export function settlementOf(
  source: Published,
  { spend, amount }: WeighedSpend,
  paid: { readonly txid: string; readonly fee: bigint },
): Settlement {
  const { id, name } = source;
  const shares = sharesPaid(source, spend.outputs);
  return { txid: paid.txid, fee: paid.fee, id, name, amount, coins: spend.coins.length, shares };
}
