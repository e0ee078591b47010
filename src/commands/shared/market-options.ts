import { formatAmount, parseAmount } from '../../base/index.js';
import {
  chanceNumber,
  DEFAULT_MARKET,
  type MarketParameters,
  parseChance,
} from '../../rastic/index.js';
import { wholeOption } from './number-options.js';

/** A flag of `rastic simulate`. */
export interface MarketOption {
  /** As it is typed, such as `--audit-rate`. */
  readonly flag: string;
  /** What stands for its value in the help. */
  readonly value: string;
  readonly says: string;
  readonly preset: string;
  /** Puts a value into the parameters. @throws BitmodelError where it is none */
  readonly apply: (market: MarketParameters, text: string) => MarketParameters;
}

/** The parameters whose values have one type. */
type KeyOf<Value> = {
  [Key in keyof MarketParameters]: MarketParameters[Key] extends Value ? Key : never;
}[keyof MarketParameters];

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const number = (text: string, flag: string): number => chanceNumber(parseChance(text, flag));

function count(key: KeyOf<number>, says: string): MarketOption {
  const flag = flagOf(key);
  return {
    flag,
    value: '<n>',
    says,
    preset: String(DEFAULT_MARKET[key]),
    apply: (market, text) => ({ ...market, [key]: wholeOption(text, flag, 0) }),
  };
}

function chance(key: KeyOf<number>, says: string): MarketOption {
  const flag = flagOf(key);
  return {
    flag,
    value: '<x>',
    says,
    preset: String(DEFAULT_MARKET[key]),
    apply: (market, text) => ({ ...market, [key]: number(text, flag) }),
  };
}

function money(key: KeyOf<bigint>, says: string): MarketOption {
  return {
    flag: flagOf(key),
    value: '<coins>',
    says,
    preset: formatAmount(DEFAULT_MARKET[key]).replace(/\.?0+$/, ''),
    apply: (market, text) => ({ ...market, [key]: parseAmount(text) }),
  };
}

function share(key: keyof MarketParameters['shares'], says: string): MarketOption {
  const flag = flagOf(key);
  return {
    flag,
    value: '<x>',
    says,
    preset: String(DEFAULT_MARKET.shares[key]),
    apply: (market, text) => ({
      ...market,
      shares: { ...market.shares, [key]: number(text, flag) },
    }),
  };
}

function strategy(key: keyof MarketParameters['strategies'], says: string): MarketOption {
  const flag = `--check-${key}`;
  return {
    flag,
    value: '<x>',
    says,
    preset: String(DEFAULT_MARKET.strategies[key]),
    apply: (market, text) => ({
      ...market,
      strategies: { ...market.strategies, [key]: number(text, flag) },
    }),
  };
}

const leaveErrors: MarketOption = {
  flag: '--leave-error',
  value: '<x>',
  says: 'both error rates of the sequential test that leaves',
  preset: String(DEFAULT_MARKET.leaveErrors[0]),
  apply: (market, text) => {
    const rate = number(text, '--leave-error');
    return { ...market, leaveErrors: [rate, rate] };
  },
};

/** All flags that shape the simulated market. */
export const MARKET_OPTIONS: readonly MarketOption[] = [
  {
    flag: '--seed',
    value: '<text>',
    says: 'fixes all chances',
    preset: DEFAULT_MARKET.seed,
    apply: (market, seed) => ({ ...market, seed }),
  },
  count('sellers', 'how many sell'),
  count('steps', 'jobs that each is asked for'),
  count('buyers', 'how many buy'),
  share('int4', 'share of sellers that always answer with int4'),
  share('sometimes', 'share that does so now and then'),
  share('truncate', 'share that hands over half answers'),
  share('new-name', 'share that comes back under a new name'),
  chance('cheatRate', 'how often “now and then” is'),
  strategy('full', 'share of buyers that check every token'),
  strategy('sample', 'share that checks some tokens'),
  strategy('leave', 'share that checks and leaves, never contests'),
  chance('auditRate', 'share of its jobs that such a buyer checks'),
  count('tokens', 'tokens of an answer'),
  count('samples', 'how many of them a sample has'),
  chance('detection', 'how often checking every token finds int4'),
  chance('falseAccusation', 'how often a check accuses an honest seller'),
  leaveErrors,
  count('verifiers', 'how many are bonded'),
  count('jury', 'how many judge a job'),
  chance('lazy', 'share of verifiers that say “invalid” unseen'),
  chance('planted', 'planted jobs for each contested one'),
  chance('rejudged', 'how often a wrong verdict costs its bond; 0 for undelivered, format'),
  count('wait', 'steps that a new name waits'),
  money('price', 'of an answer'),
  money('cost', 'of computing it'),
  money('int4Cost', 'of computing it with int4'),
  money('stake', 'what a conviction takes'),
  money('newNameCost', 'what a new name costs'),
  money('auditCost', 'what checking an answer costs'),
  money('verifierFee', 'what a verifier gets for a verdict'),
  money('judgingCost', 'what computing one costs'),
  money('verifierBond', 'what a wrong one can cost'),
  money('contestFee', 'transaction fees of a contest'),
];

/** The name that commander gives a flag's value: `--audit-rate` is `auditRate`. */
function optionName(flag: string): string {
  return flag.slice(2).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * The market that the flags describe.
 * @param options as commander gives them, each with a value
 * @throws BitmodelError `BAD_OPTION`, `BAD_CHANCE`, `BAD_AMOUNT`
 */
export function marketOf(options: Readonly<Record<string, unknown>>): MarketParameters {
  return MARKET_OPTIONS.reduce(
    (market, { flag, apply }) => apply(market, String(options[optionName(flag)])),
    DEFAULT_MARKET,
  );
}
