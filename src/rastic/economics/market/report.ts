import { formatAmount } from '../../../base/index.js';
import { divideRound } from '../chance.js';
import type { Accounts } from './ledger.js';
import type { SellerKind } from './parameters.js';
import type { MarketResult } from './simulate.js';

/** Points of a series; of longer histories only so many are given. */
const MOST_POINTS = 201;

/** Base units in a thousandth of a coin. */
const THOUSANDTH = 100_000n;

/** Coins with three places, rounded to the nearest as the picture rounds them. */
export function thousandths(amount: bigint): string {
  return formatAmount(divideRound(amount, THOUSANDTH) * THOUSANDTH).slice(0, -5);
}

/** The steps that are reported: all of a short history, evenly spread ones of a long one, the first and last always. */
export function reportedSteps({ history }: MarketResult): number[] {
  const last = history.length - 1;
  const points = Math.min(history.length, MOST_POINTS);
  return Array.from({ length: points }, (_, at) =>
    points === 1 ? last : Math.round((at * last) / (points - 1)),
  );
}

/** What one participant of a group has earned on average, base units, at each reported step. */
export interface IncomeSeries {
  readonly name: SellerKind | 'honest verifier' | 'lazy verifier';
  readonly members: number;
  readonly mean: readonly bigint[];
}

function series(
  result: MarketResult,
  name: IncomeSeries['name'],
  members: number,
  of: (accounts: Accounts) => bigint,
): IncomeSeries {
  const mean = reportedSteps(result).map((step) =>
    divideRound(of(result.history[step]!), BigInt(Math.max(1, members))),
  );
  return { name, members, mean };
}

/** Mean incomes of the sellers, kind by kind; kinds without members are left out. */
export function sellerIncomes(result: MarketResult): IncomeSeries[] {
  return result.kinds
    .filter(({ members }) => members > 0)
    .map(({ kind, members }) => series(result, kind, members, ({ sellers }) => sellers[kind]));
}

/** Mean incomes of the verifiers, honest and lazy. */
export function verifierIncomes(result: MarketResult): IncomeSeries[] {
  const { honestVerifiers, lazyVerifiers } = result;
  return [
    series(result, 'honest verifier', honestVerifiers, (accounts) => accounts.honestVerifiers),
    series(result, 'lazy verifier', lazyVerifiers, (accounts) => accounts.lazyVerifiers),
  ].filter(({ members }) => members > 0);
}

/** The result as JSON: amounts in decimal coins, chances as numbers; the same result gives the same text. */
export function marketJson(result: MarketResult): object {
  const { market, kinds, history } = result;
  const steps = reportedSteps(result);
  const parameters = Object.fromEntries(
    Object.entries(market).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? formatAmount(value) : value,
    ]),
  );
  const listed = (of: (accounts: Accounts) => bigint): string[] =>
    steps.map((step) => formatAmount(of(history[step]!)));
  const incomes = [...sellerIncomes(result), ...verifierIncomes(result)];
  return {
    parameters,
    steps,
    sellers: kinds.map((kind) => ({
      ...kind,
      income: formatAmount(history.at(-1)!.sellers[kind.kind]),
    })),
    verifiers: {
      honest: result.honestVerifiers,
      lazy: result.lazyVerifiers,
      lazyCaught: result.lazyCaught,
    },
    meanIncome: Object.fromEntries(incomes.map(({ name, mean }) => [name, mean.map(formatAmount)])),
    accounts: {
      buyers: listed(({ buyers }) => buyers),
      computing: listed(({ computing }) => computing),
      fees: listed(({ fees }) => fees),
      burnt: listed(({ burnt }) => burnt),
    },
  };
}
