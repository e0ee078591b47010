import { BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import type { NetworkName } from '../../chain/index.js';

/** What the chain must show of a model before its units count as an offering (IMO, DESIGN 9). */
export interface ImoCriteria {
  /** Base units burnt for the model. */
  readonly burnt: bigint;
  /** Distinct coins that burnt at least the network's least burn each. */
  readonly burners: number;
  /** Distinct owners of sources that pay the model as a parent. */
  readonly dependents: number;
  /** Base units that jobs of others paid for it. */
  readonly income: bigint;
}

/** What a network asks of every offering on it. */
export interface ImoRules {
  readonly minimum: ImoCriteria;
  /** A coin that burnt less in all is no burner, so that a false one costs as much as a true one. Base units. */
  readonly leastBurn: bigint;
}

/** Blocks after the height that the figures are of, in which the offering must be mined. */
export const FIGURES_LAST = 100;

const coins = (whole: bigint): bigint => whole * 100_000_000n;

const RULES: Readonly<Record<NetworkName, ImoRules>> = {
  main: {
    minimum: { burnt: coins(100n), burners: 20, dependents: 3, income: coins(50n) },
    leastBurn: coins(1n),
  },
  test: {
    minimum: { burnt: coins(1n), burners: 3, dependents: 1, income: 0n },
    leastBurn: coins(1n) / 100n,
  },
  regtest: {
    minimum: { burnt: 1_000_000n, burners: 2, dependents: 0, income: 0n },
    leastBurn: 100_000n,
  },
};

/** What a network asks; regtest little, so that it can be tried. */
export function imoRules(network: NetworkName): ImoRules {
  return RULES[network];
}

/** The figures that fall short, each as a text that says by how much; none where all are met. */
export function unmet(figures: ImoCriteria, wanted: ImoCriteria): string[] {
  const short: string[] = [];
  const amount = (name: string, is: bigint, least: bigint): void => {
    if (is < least)
      short.push(`${formatAmount(is)} coins ${name} of ${formatAmount(least)} wanted`);
  };
  const count = (name: string, is: number, least: number): void => {
    if (is < least) short.push(`${is} ${name} of ${least} wanted`);
  };
  amount('burnt', figures.burnt, wanted.burnt);
  count('distinct burners', figures.burners, wanted.burners);
  count('dependents', figures.dependents, wanted.dependents);
  amount('of income', figures.income, wanted.income);
  return short;
}

/**
 * Demands that an issuer's own criteria ask no less than the network does.
 * @throws BitmodelError `BAD_CRITERIA`
 */
export function demandStrict(criteria: ImoCriteria, network: NetworkName): void {
  const short = unmet(criteria, imoRules(network).minimum);
  if (short.length === 0) return;
  throw new BitmodelError(
    'BAD_CRITERIA',
    `These criteria ask less than this network does: ${short.join('; ')}.`,
    { next: 'Ask as much, or leave them out', exitCode: EXIT.usage },
  );
}
