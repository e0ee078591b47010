import { formatAmount } from '../../base/index.js';
import { Random } from '../network/Random.js';
import type { World } from './grow.js';
import { assertWhole, settingError } from './options.js';
import { Wheel, zipfWeights } from './Wheel.js';

/** What is paid for a job, in base units. */
export interface Prices {
  /** Every price in between as likely, or the lowest most often and each doubling of it half as often as the one before. */
  readonly spread: 'uniform' | 'halving';
  readonly least: bigint;
  readonly most: bigint;
}

/** Which sources jobs are for: all alike, by Zipf's law in an order drawn by chance, or by Zipf's law from the newest on. */
export const POPULARITIES = ['uniform', 'zipf', 'newest'] as const;
/** One of {@link POPULARITIES}. */
export type Popularity = (typeof POPULARITIES)[number];

/** The jobs that are run. */
export interface Market {
  readonly jobs: number;
  readonly prices: Prices;
  readonly popularity: Popularity;
  /** Kind of the sources that jobs are for; undefined for models, or for every source where there are no models. */
  readonly paidKind?: string | undefined;
}

/** Most jobs that are run. */
export const MOST_JOBS = 10_000_000;
/** Most that one job may cost: a price of more than 90 million coins would not fit a double. */
const MOST_PRICE = 2n ** 53n - 1n;
const LIMIT = 1n << 63n;

function assertPrices({ least, most }: Prices, jobs: number): void {
  if (least < 1n || most < least || most > MOST_PRICE) {
    throw settingError(
      `Prices can't lie between ${formatAmount(least)} and ${formatAmount(most)}.`,
      'Pass prices above 0, the lower first',
    );
  }
  if (BigInt(jobs) * most >= LIMIT) {
    throw settingError(
      `${jobs} jobs of up to ${formatAmount(most)} could cost more than can exist.`,
      'Run fewer jobs, or cheaper ones',
    );
  }
}

/** Draws the price of one job, in base units. */
function priceOf({ spread, least, most }: Prices): (random: Random) => number {
  const low = Number(least);
  const high = Number(most);
  if (spread === 'uniform') return (random) => low + random.below(high - low + 1);
  return (random) => {
    let price = low;
    while (price * 2 <= high && random.word() % 2 === 1) price *= 2;
    return price;
  };
}

/** Numbers of the sources that jobs can be for, the oldest first. */
function paidSources({ graph, byAge }: World, paidKind: string | undefined): Uint32Array {
  if (graph.ids.length === 0) {
    throw settingError('The network has no sources.', 'Grow one, or name a graph that has some');
  }
  const isModel = (i: number): boolean => graph.kinds[i] === (paidKind ?? 'model');
  const chosen = byAge.filter(isModel);
  if (chosen.length > 0) return chosen;
  if (paidKind === undefined) return byAge.slice();
  throw settingError(
    `The network has no source of the kind "${paidKind.slice(0, 40)}".`,
    'Name a kind that it has, or leave the option out',
  );
}

/** Fisher and Yates's shuffle, in place. */
function shuffle(list: Uint32Array, random: Random): Uint32Array {
  for (let last = list.length - 1; last > 0; last--) {
    const place = random.below(last + 1);
    const moved = list[last]!;
    list[last] = list[place]!;
    list[place] = moved;
  }
  return list;
}

/** The sources in the order of their popularity. */
function ranked(sources: Uint32Array, popularity: Popularity, seed: string): Uint32Array {
  if (popularity === 'newest') return sources.reverse();
  return popularity === 'zipf' ? shuffle(sources, new Random(`popularity ${seed}`)) : sources;
}

/**
 * Runs the jobs: what is paid for each source, in base units, by number. The same settings and seed give the same
 * amounts on any machine.
 * @throws BitmodelError `BAD_OPTION` for what is out of bounds, or a kind that no source is of
 */
export function runMarket(world: World, market: Market, seed: string): BigUint64Array {
  const { jobs, prices, popularity, paidKind } = market;
  assertWhole(jobs, 1, MOST_JOBS, 'The number of jobs');
  assertPrices(prices, jobs);
  const sources = ranked(paidSources(world, paidKind), popularity, seed);
  const wheel = popularity === 'uniform' ? undefined : new Wheel(zipfWeights(sources.length));
  const random = new Random(`jobs ${seed}`);
  const price = priceOf(prices);
  const demand = new BigUint64Array(world.graph.ids.length);
  for (let job = 0; job < jobs; job++) {
    const place = wheel ? wheel.turn(random) : random.below(sources.length);
    demand[sources[place]!]! += BigInt(price(random));
  }
  return demand;
}
