import { type Accounts, NO_MONEY, settle } from './ledger.js';
import { Market } from './Market.js';
import { type MarketParameters, SELLER_KINDS, type SellerKind } from './parameters.js';

/** What became of the sellers of one kind. */
export interface KindResult {
  readonly kind: SellerKind;
  readonly members: number;
  readonly sold: number;
  readonly cheated: number;
  readonly slashed: number;
  readonly cleared: number;
  /** How many of them may still sell. */
  readonly active: number;
}

/** A market's history. */
export interface MarketResult {
  readonly market: MarketParameters;
  readonly kinds: readonly KindResult[];
  readonly honestVerifiers: number;
  readonly lazyVerifiers: number;
  /** Lazy ones whose bond was taken. */
  readonly lazyCaught: number;
  /** The accounts before the first step, and after each. */
  readonly history: readonly Accounts[];
}

/**
 * Simulates a market. The same parameters give the same history on every machine.
 * @throws BitmodelError `BAD_MARKET`
 */
export function simulateMarket(parameters: MarketParameters): MarketResult {
  const market = new Market(parameters);
  const lazyVerifiers = market.lazyVerifiers;
  const history: Accounts[] = [NO_MONEY];
  const totals = SELLER_KINDS.map(() => ({ sold: 0, cheated: 0, slashed: 0, cleared: 0 }));
  for (let step = 0; step < parameters.steps; step++) {
    const tally = market.step();
    history.push(settle(history.at(-1)!, tally, parameters));
    tally.kinds.forEach((kind, at) => {
      const total = totals[at]!;
      total.sold += kind.sold;
      total.cheated += kind.cheated;
      total.slashed += kind.slashed;
      total.cleared += kind.cleared;
    });
  }
  const active = market.active;
  return {
    market: parameters,
    kinds: SELLER_KINDS.map((kind, at) => ({
      kind,
      members: market.members[at]!,
      ...totals[at]!,
      active: active[at]!,
    })),
    honestVerifiers: market.honestVerifiers,
    lazyVerifiers,
    lazyCaught: lazyVerifiers - market.lazyVerifiers,
    history,
  };
}
