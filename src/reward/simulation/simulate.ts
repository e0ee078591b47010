import type { World } from './grow.js';
import { type Market, runMarket } from './market.js';
import { settingError } from './options.js';
import { type Outcome, outcomeOf, ownersOf } from './outcome.js';
import type { Scheme } from './schemes.js';

/** An owner who earns differently under another rule. */
export interface Change {
  readonly owner: string;
  /** Base units under the first rule and under this one. */
  readonly before: bigint;
  readonly after: bigint;
}

/** What another rule changes against the first one. */
export interface Comparison {
  readonly scheme: string;
  readonly against: string;
  /** Share of all money that goes to other owners, in parts per million, rounded down. */
  readonly movedPpm: number;
  readonly gaining: number;
  readonly losing: number;
  /** The owners who gain most, and those who lose most. */
  readonly gains: readonly Change[];
  readonly losses: readonly Change[];
}

/** What `reward simulate` shows. */
export interface Simulation {
  readonly sources: number;
  readonly edges: number;
  readonly owners: number;
  /** Sources that something was paid for. */
  readonly paidFor: number;
  readonly jobs: number;
  /** Base units. */
  readonly total: bigint;
  /** In the order of the rules. */
  readonly outcomes: readonly Outcome[];
  /** One for each rule after the first. */
  readonly comparisons: readonly Comparison[];
}

/** What is run over a network. */
export interface SimulationSettings {
  readonly market: Market;
  /** 1 to 6 rules, each with another name. */
  readonly schemes: readonly Scheme[];
  readonly seed: string;
  /** How many of the owners who earn, gain and lose most are named; 10 unless stated. */
  readonly top?: number;
}

const MOST_SCHEMES = 6;
const WHOLE = 1_000_000n;

function compare(
  names: readonly string[],
  before: BigUint64Array,
  after: BigUint64Array,
  wanted: number,
): Omit<Comparison, 'scheme' | 'against'> {
  let moved = 0n;
  let total = 0n;
  let gaining = 0;
  let losing = 0;
  for (let i = 0; i < before.length; i++) {
    total += before[i]!;
    if (after[i]! > before[i]!) {
      gaining++;
      moved += after[i]! - before[i]!;
    } else if (after[i]! < before[i]!) losing++;
  }
  const gain = (i: number): bigint => after[i]! - before[i]!;
  const order = Uint32Array.from(names.keys()).sort((a, b) => {
    const [x, y] = [gain(a), gain(b)];
    return x === y ? a - b : x > y ? -1 : 1;
  });
  const change = (i: number): Change => ({
    owner: names[i]!,
    before: before[i]!,
    after: after[i]!,
  });
  return {
    movedPpm: total === 0n ? 0 : Number((moved * WHOLE) / total),
    gaining,
    losing,
    gains: Array.from(order.subarray(0, Math.min(wanted, gaining)), change),
    losses: Array.from(order.subarray(order.length - Math.min(wanted, losing)), change).reverse(),
  };
}

/**
 * Runs demand over a network under one rule for its weights or several, by the exact payout (DESIGN 9): what a community
 * can look at before it votes on weights. The same network, settings and seed give the same result on any machine.
 * @throws BitmodelError `BAD_OPTION` for what is out of bounds; `BAD_GRAPH` where a rule would trap money
 */
export function simulate(world: World, settings: SimulationSettings): Simulation {
  const { market, schemes, seed, top = 10 } = settings;
  if (schemes.length === 0 || schemes.length > MOST_SCHEMES) {
    throw settingError(
      `${schemes.length} rules for weights can't be compared.`,
      `Name 1 to ${MOST_SCHEMES}`,
    );
  }
  if (new Set(schemes.map(({ name }) => name)).size < schemes.length) {
    throw settingError('A rule for weights is named twice.', 'Name each one once');
  }
  const demand = runMarket(world, market, seed);
  const owners = ownersOf(world.graph);
  const runs = schemes.map((scheme) => outcomeOf(world, demand, scheme, owners, top));
  const [first, ...others] = runs;
  return {
    sources: world.graph.ids.length,
    edges: world.graph.parents.length,
    owners: owners.names.length,
    paidFor: demand.reduce((count, units) => count + (units > 0n ? 1 : 0), 0),
    jobs: market.jobs,
    total: first!.outcome.total,
    outcomes: runs.map(({ outcome }) => outcome),
    comparisons: others.map((run) => ({
      scheme: run.outcome.scheme,
      against: first!.outcome.scheme,
      ...compare(owners.names, first!.paidToOwners, run.paidToOwners, top),
    })),
  };
}
