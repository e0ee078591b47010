import { DRAW, type Draw, drawsOf } from './chances.js';
import { findingChance, type LeaveTest, leaveTest } from './detection.js';
import { judge, type Panel } from './jury.js';
import {
  checkMarket,
  type MarketParameters,
  SELLER_KINDS,
  type SellerKind,
  type Strategy,
} from './parameters.js';
import { emptyTally, type KindTally, type StepTally } from './tally.js';

/** How many of `total` each share is, in order; what is left belongs to the first. */
function counted(total: number, shares: readonly number[]): number[] {
  const rest = shares.map((share) => Math.round(share * total));
  return [total - rest.reduce((a, b) => a + b, 0), ...rest];
}

/** A list with so many of each. */
function repeated<T>(values: readonly T[], counts: readonly number[]): T[] {
  return values.flatMap((value, at) => Array<T>(Math.max(0, counts[at]!)).fill(value));
}

const STRATEGIES: readonly Strategy[] = ['none', 'full', 'sample', 'leave'];

/** No seller that waits or was convicted waits longer. */
const FOR_EVER = Number.POSITIVE_INFINITY;

/**
 * A market of sellers, buyers and verifiers, step by step: in each one, every seller that still sells is asked for one job by
 * a buyer drawn at random, unless that buyer has left it. All chances come from the seed, each by its own counter.
 */
export class Market {
  readonly members: readonly number[];
  readonly #market: MarketParameters;
  readonly #draw: Draw;
  readonly #kinds: readonly SellerKind[];
  readonly #strategies: readonly Strategy[];
  /** First buyer that keeps a book; those after it do, too. */
  readonly #firstLeaver: number;
  /** Log-likelihood ratios of the sellers, book by book; infinite once left. */
  readonly #books: Float32Array;
  readonly #test: LeaveTest;
  /** Step from which each seller sells. */
  readonly #sellsFrom: Float64Array;
  readonly #finding = new Map<string, number>();
  #lazy: number;
  readonly #honestVerifiers: number;
  #step = 0;

  /** @throws BitmodelError `BAD_MARKET` */
  constructor(market: MarketParameters) {
    checkMarket(market);
    const { sellers, buyers, shares, strategies, verifiers, lazy } = market;
    this.#market = market;
    this.#draw = drawsOf(market.seed);
    const { int4, sometimes, truncate, 'new-name': renamed } = shares;
    // in the order of SELLER_KINDS
    this.members = counted(sellers, [int4, sometimes, truncate, renamed]);
    this.#kinds = repeated(SELLER_KINDS, this.members);
    const { full, sample, leave } = strategies;
    const strategyCounts = counted(buyers, [full, sample, leave]);
    this.#strategies = repeated(STRATEGIES, strategyCounts);
    this.#firstLeaver = buyers - strategyCounts[3]!;
    this.#books = new Float32Array(strategyCounts[3]! * sellers);
    this.#test = leaveTest(market);
    this.#sellsFrom = new Float64Array(sellers);
    this.#lazy = Math.round(lazy * verifiers);
    this.#honestVerifiers = verifiers - this.#lazy;
  }

  /** Lazy verifiers that still have their bond. */
  get lazyVerifiers(): number {
    return this.#lazy;
  }

  get honestVerifiers(): number {
    return this.#honestVerifiers;
  }

  /** How many sellers of each kind may still sell, now or after a wait. */
  get active(): number[] {
    const counts = SELLER_KINDS.map(() => 0);
    this.#kinds.forEach((kind, seller) => {
      if (this.#sellsFrom[seller] !== FOR_EVER) counts[SELLER_KINDS.indexOf(kind)]!++;
    });
    return counts;
  }

  /** Goes one step on. */
  step(): StepTally {
    const tally = emptyTally(SELLER_KINDS.length);
    for (let seller = 0; seller < this.#kinds.length; seller++) {
      if (this.#sellsFrom[seller]! <= this.#step) this.#turn(seller, tally);
    }
    this.#step++;
    return tally;
  }

  /** A number from 0 to below 1. */
  #chance(seller: number, use: number): number {
    return this.#draw(this.#step, seller, use);
  }

  #cheats(kind: SellerKind, seller: number): boolean {
    if (kind === 'sometimes') return this.#chance(seller, DRAW.cheats) < this.#market.cheatRate;
    return kind !== 'honest';
  }

  #findingChance(kind: SellerKind, cheats: boolean, strategy: Strategy): number {
    const name = `${kind} ${cheats} ${strategy}`;
    const known = this.#finding.get(name);
    if (known !== undefined) return known;
    const chance = findingChance(this.#market, kind, cheats, strategy);
    this.#finding.set(name, chance);
    return chance;
  }

  #turn(seller: number, tally: StepTally): void {
    const kind = this.#kinds[seller]!;
    const buyer = Math.floor(this.#chance(seller, DRAW.buyer) * this.#strategies.length);
    const strategy = this.#strategies[buyer]!;
    const page = (buyer - this.#firstLeaver) * this.#kinds.length + seller;
    if (strategy === 'leave' && this.#books[page] === FOR_EVER) return;
    const own = tally.kinds[SELLER_KINDS.indexOf(kind)]!;
    const cheats = this.#cheats(kind, seller);
    own.sold++;
    if (cheats) own.cheated++;
    if (strategy === 'none' || this.#chance(seller, DRAW.checked) >= this.#market.auditRate) return;
    tally.checked++;
    const found = this.#chance(seller, DRAW.found) < this.#findingChance(kind, cheats, strategy);
    if (strategy === 'leave') this.#note(page, found);
    else if (found) this.#contest(seller, kind, cheats, own, tally);
  }

  /** Writes what was found into a buyer's book, and leaves the seller where that is enough. */
  #note(page: number, found: boolean): void {
    const ratio = Math.max(0, this.#books[page]! + (found ? this.#test.found : this.#test.clean));
    this.#books[page] = ratio >= this.#test.leaveAt ? FOR_EVER : ratio;
  }

  #contest(
    seller: number,
    kind: SellerKind,
    isInvalid: boolean,
    own: KindTally,
    tally: StepTally,
  ): void {
    tally.contested++;
    const panel = this.#panel(seller, isInvalid, DRAW.jury, tally);
    if (panel.verdict === 'invalid') this.#convict(seller, kind, own);
    else if (panel.verdict === 'valid') own.cleared++;
    if (this.#chance(seller, DRAW.planted) < this.#market.planted) this.#plant(seller, tally);
  }

  #panel(seller: number, isInvalid: boolean, firstSeat: number, tally: StepTally): Panel {
    const lazyShare = this.#lazy / (this.#lazy + this.#honestVerifiers);
    const panel = judge(this.#market, isInvalid, lazyShare, (index) =>
      this.#chance(seller, firstSeat + index),
    );
    tally.honestJudged += panel.honest;
    tally.honestPaid += panel.paidHonest;
    tally.lazyPaid += panel.paidLazy;
    return panel;
  }

  #convict(seller: number, kind: SellerKind, own: KindTally): void {
    own.slashed++;
    if (kind !== 'new-name') {
      this.#sellsFrom[seller] = FOR_EVER;
      return;
    }
    own.newNames++;
    this.#sellsFrom[seller] = this.#step + 1 + this.#market.wait;
    // nobody knows the new name
    for (let page = seller; page < this.#books.length; page += this.#kinds.length) {
      this.#books[page] = 0;
    }
  }

  /** A planted job: its answer is known beforehand, and in half of them "invalid" is wrong. */
  #plant(seller: number, tally: StepTally): void {
    const isInvalid = this.#chance(seller, DRAW.plantIsValid) < 0.5;
    const { lazy, verdict } = this.#panel(seller, isInvalid, DRAW.plantJury, tally);
    if (verdict !== undefined) tally.plantsPaid++;
    if (isInvalid) return;
    for (let index = 0; index < lazy && this.#lazy > 0; index++) {
      if (this.#chance(seller, DRAW.rejudged + index) >= this.#market.rejudged) continue;
      tally.bondsLost++;
      this.#lazy--;
    }
  }
}
