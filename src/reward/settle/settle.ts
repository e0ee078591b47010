import type { ChainClient, Wallet } from '../../chain/index.js';
import { readRegistry } from '../declared/registry.js';
import type { ContractChoice } from './contracts.js';
import type { SpareCoins } from './feeCoins.js';
import { Settling } from './Settling.js';
import type { PlannedSettlement, Settlement } from './settlement.js';
import type { LeftAlone } from './weigh.js';

/** What was paid out, in order, and what stays in contracts. */
export interface SettleResult {
  readonly settled: readonly Settlement[];
  readonly left: readonly LeftAlone[];
}

/** What is settled, what is left alone, and who can end it. */
export interface SettleOptions extends ContractChoice {
  /** Settle what comes to at least this much (base units), whatever it costs; see `weighContract` for the default. */
  readonly minimum?: bigint | undefined;
  /**
   * Wait for a block where the mempool takes no more of the chain of transactions, and go on; for six blocks in which
   * nothing could be settled.
   */
  readonly wait?: boolean;
  /** Leave coins alone that are not in a block yet. */
  readonly minedOnly?: boolean;
  /** Pay fees only from coins that can be spared, see `SpareCoins`: the wallet has other things to pay at any moment. */
  readonly spareOnly?: boolean;
  /** What was taken of them; filled and used by several runs that count as one walk. */
  readonly spare?: SpareCoins;
  /** Base units of fees that all settlements together cost at most; no bound where undefined. */
  readonly maxFees?: bigint | undefined;
  /**
   * Base units that were paid to bring a coin into its contract, by the coin's transaction and index; filled and used by
   * several runs that count as one walk.
   */
  readonly ways?: Map<string, bigint>;
  readonly signal?: AbortSignal;
  /** Told of each transaction when the node has it. */
  readonly onSettled?: (settlement: Settlement) => void;
}

/** Base units of fees after which a stranger's contracts are not worth more, unless somebody says otherwise: 0.01 coins. */
export const DEFAULT_MAX_FEES = 1_000_000n;
/**
 * Pays out what lies in split contracts, then what that brought to the contracts that they pay, and so on until all lies
 * at addresses: a tree of transactions, one or more for each contract. Anybody may do this, with a wallet that pays the
 * fees; where the money goes is fixed. What would be dust or cost more than it pays is left where it is, for what comes
 * later (DESIGN 9). One contract that can't be settled is left, and holds up no other.
 * @throws BitmodelError `UNKNOWN_SOURCE`; `INSUFFICIENT_FUNDS` when nothing could be paid; and what the node says
 */
export async function settleSplits(
  client: ChainClient,
  wallet: Wallet,
  options: SettleOptions = {},
): Promise<SettleResult> {
  return new Settling(client, await readRegistry(client), wallet, options).run();
}

/** What {@link settleSplits} would do now, at about which fees; nothing is sent. */
export async function planSettlement(
  client: ChainClient,
  options: Omit<SettleOptions, 'onSettled' | 'wait'> = {},
): Promise<{ planned: PlannedSettlement[]; left: readonly LeftAlone[] }> {
  const registry = await readRegistry(client);
  const { settled, left } = await new Settling(client, registry, undefined, options).run();
  return { planned: settled.map(({ txid: _, ...planned }) => planned), left };
}
