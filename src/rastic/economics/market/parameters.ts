import { BitmodelError, EXIT } from '../../../base/index.js';

/** Kinds of sellers in the simulated market. */
export type SellerKind =
  /** Never cheats. */
  | 'honest'
  /** Answers every job with an int4 model. */
  | 'int4'
  /** Answers some jobs with an int4 model. */
  | 'sometimes'
  /** Ends every answer half way. */
  | 'truncate'
  /** As `int4`, and comes back under a new name whenever it was convicted. */
  | 'new-name';

/** The kinds in the order in which they are numbered, listed and drawn. */
export const SELLER_KINDS: readonly SellerKind[] = [
  'honest',
  'int4',
  'sometimes',
  'truncate',
  'new-name',
];

/** What a buyer does about the answers it gets. */
export type Strategy =
  /** Never checks. */
  | 'none'
  /** Checks every token, contests what it finds. */
  | 'full'
  /** Checks k positions and the end, contests what it finds. */
  | 'sample'
  /** Checks every token, never contests, leaves a seller when a sequential test over its jobs says so. */
  | 'leave';

/** Everything that a simulated market depends on; shares and chances from 0 to 1, money in base units. */
export interface MarketParameters {
  /** Any text; the same text gives the same market. */
  readonly seed: string;
  readonly steps: number;
  readonly sellers: number;
  readonly buyers: number;
  readonly verifiers: number;
  /** Shares of the sellers; the rest is honest. */
  readonly shares: Readonly<Record<Exclude<SellerKind, 'honest'>, number>>;
  /** Shares of the buyers; the rest checks nothing. */
  readonly strategies: Readonly<Record<Exclude<Strategy, 'none'>, number>>;
  /** Share of its jobs that a checking buyer checks. */
  readonly auditRate: number;
  /** How often `sometimes` cheats. */
  readonly cheatRate: number;
  /** Tokens of an answer, and how many of them `sample` looks at. */
  readonly tokens: number;
  readonly samples: number;
  /** How often the full check of one answer finds the int4 model. */
  readonly detection: number;
  /** How often a check accuses an honest seller. */
  readonly falseAccusation: number;
  /** Error rates of the sequential test: of leaving an honest seller, of staying with a cheat. */
  readonly leaveErrors: readonly [number, number];
  /** Share of the verifiers that say "invalid" without looking. */
  readonly lazy: number;
  /** Verifiers of a job; more than half of them decide. */
  readonly jury: number;
  /** For each contested job, so many planted ones are judged. */
  readonly planted: number;
  /** How often a wrong verdict costs its bond; 0 where its reason is one that no second jury can judge. */
  readonly rejudged: number;
  /** Steps that a new name waits for its first job. */
  readonly wait: number;
  readonly price: bigint;
  readonly cost: bigint;
  /** What a job costs that is answered with the int4 model. */
  readonly int4Cost: bigint;
  readonly stake: bigint;
  readonly newNameCost: bigint;
  readonly auditCost: bigint;
  readonly verifierFee: bigint;
  readonly judgingCost: bigint;
  readonly verifierBond: bigint;
  /** Transaction fees of a contest. */
  readonly contestFee: bigint;
}

/** The market that is simulated unless something else is asked for. */
export const DEFAULT_MARKET: MarketParameters = {
  seed: '1',
  steps: 200,
  sellers: 10_000,
  buyers: 200,
  verifiers: 300,
  shares: { int4: 0.05, sometimes: 0.05, truncate: 0.05, 'new-name': 0.05 },
  strategies: { full: 0.3, sample: 0.3, leave: 0.2 },
  auditRate: 0.5,
  cheatRate: 0.1,
  tokens: 256,
  samples: 16,
  detection: 0.99,
  falseAccusation: 0,
  leaveErrors: [0.001, 0.001],
  lazy: 0.2,
  jury: 3,
  planted: 0.1,
  rejudged: 0.5,
  wait: 5,
  price: 1_000_000n,
  cost: 600_000n,
  int4Cost: 300_000n,
  stake: 2_000_000n,
  newNameCost: 100_000n,
  auditCost: 50_000n,
  verifierFee: 50_000n,
  judgingCost: 20_000n,
  verifierBond: 100_000_000n,
  contestFee: 2_000n,
};

/** Most sellers × steps, and most sellers × buyers that keep a book of them: bounds of time and memory. */
const MOST_TURNS = 50_000_000;

function demand(holds: boolean, message: string): void {
  if (holds) return;
  throw new BitmodelError('BAD_MARKET', `There is no such market: ${message}.`, {
    next: 'Change the numbers; `bitmodel rastic simulate --help` lists them',
    exitCode: EXIT.usage,
  });
}

const isShare = (value: number): boolean => value >= 0 && value <= 1;
const isCount = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

function demandShares(shares: Readonly<Record<string, number>>, of: string): void {
  const values = Object.values(shares);
  demand(values.every(isShare), `a share of the ${of} is not from 0 to 1`);
  const sum = values.reduce((a, b) => a + b, 0);
  demand(sum <= 1 + 1e-9, `the shares of the ${of} are more than all of them`);
}

/** @throws BitmodelError `BAD_MARKET` where the numbers contradict each other or are too large to simulate */
export function checkMarket(market: MarketParameters): void {
  const { steps, sellers, buyers, verifiers, jury, tokens, samples, wait } = market;
  demand(isCount(sellers, 1, 1_000_000), 'sellers are 1 to 1,000,000');
  demand(isCount(steps, 1, 100_000), 'steps are 1 to 100,000');
  demand(isCount(buyers, 1, 10_000), 'buyers are 1 to 10,000');
  demand(sellers * Math.max(steps, buyers) <= MOST_TURNS, 'it is too large to simulate');
  demand(isCount(jury, 1, 15), 'a jury has 1 to 15 verifiers');
  demand(isCount(verifiers, jury, 1_000_000), 'there are fewer verifiers than a jury has');
  demand(isCount(tokens, 2, 65_536) && isCount(samples, 0, tokens), 'more samples than tokens');
  demand(isCount(wait, 0, 100_000), 'a new name waits 0 to 100,000 steps');
  demandShares(market.shares, 'sellers');
  demandShares(market.strategies, 'buyers');
  const { auditRate, cheatRate, detection, falseAccusation, lazy, planted, rejudged } = market;
  const chances = { auditRate, cheatRate, detection, falseAccusation, lazy, planted, rejudged };
  for (const [name, chance] of Object.entries(chances)) {
    demand(isShare(chance), `${name} is not from 0 to 1`);
  }
  demand(
    market.leaveErrors.every((rate) => rate > 0 && rate < 0.5),
    'the error rates of the sequential test lie between 0 and 0.5',
  );
  const { price, stake, verifierFee } = market;
  demand(price > 0n, 'answers cost nothing');
  demand(
    stake >= price + verifierFee * BigInt(jury),
    'the stake is below the price and all verifiers’ fees',
  );
}
