import { juryThreshold, secondJurySize } from '../secondJury.js';

/** Whose keys are drawn: each seat is another leaf, and where a key lies its owner can't choose, so it is a draw without putting back. */
export interface DrawOdds {
  /** Keys in the registry; as many as one likes, so that drawing one changes nothing, unless stated. */
  readonly size?: number;
  /** Share of them in one hand, 0 to 1. */
  readonly share: number;
}

/**
 * How probable it is that one hand holds so many seats of a draw, or more: the hypergeometric tail, or the binomial one for
 * a registry without bound.
 * @param seats that are drawn
 * @param atLeast of them
 */
export function chanceOfSeats({ size, share }: DrawOdds, seats: number, atLeast: number): number {
  let sum = 0;
  for (let held = Math.max(0, atLeast); held <= seats; held++) {
    sum +=
      size === undefined ? binomial(share, seats, held) : hypergeometric(size, share, seats, held);
  }
  return Math.min(1, sum);
}

function binomial(share: number, seats: number, held: number): number {
  return choose(seats, held) * share ** held * (1 - share) ** (seats - held);
}

function hypergeometric(size: number, share: number, seats: number, held: number): number {
  const theirs = Math.round(share * size);
  if (held > theirs || seats - held > size - theirs) return 0;
  // a product of quotients: the binomial coefficients of large registries don't fit a number
  let chance = choose(seats, held);
  for (let i = 0; i < held; i++) chance *= (theirs - i) / (size - i);
  for (let i = 0; i < seats - held; i++) chance *= (size - theirs - i) / (size - held - i);
  return chance;
}

function choose(of: number, taken: number): number {
  let ways = 1;
  for (let i = 1; i <= taken; i++) ways = (ways * (of - taken + i)) / i;
  return ways;
}

/** What a share of the bonded keys can do with one dispute. */
export interface DisputeOdds {
  /** It decides the dispute: it holds the threshold of the first draw. */
  readonly decides: number;
  /**
   * It keeps a second jury from burning a verdict that can be shown to be wrong: it holds more than a third of that. Per
   * signature: a liar can make others of the same verdict, each of which draws another jury, so that one in 1 / shields will do.
   */
  readonly shields: number;
  /** It burns the bond of one who was right: it holds two thirds of a second jury. Per verdict: nobody can search for it. */
  readonly burns: number;
  /**
   * It clears a seller of false tokens, and no bond of its burns for that: it decides and shields, the draws taken as
   * independent, and nobody searching its signatures.
   */
  readonly clearsUnpunished: number;
  /**
   * It takes an honest seller's stake, and no bond of its burns for that: whenever it decides, since it can say that the
   * answer was not delivered, which nobody can see later.
   */
  readonly slashesUnpunished: number;
}

/** The odds of one dispute before `count` drawn verifiers, of whom `threshold` decide. */
export function disputeOdds(draw: DrawOdds, count: number, threshold: number): DisputeOdds {
  const seats = secondJurySize(count);
  const needed = juryThreshold(seats);
  const decides = chanceOfSeats(draw, count, threshold);
  // the accused holds one of its hand's seats in the first jury; that it may not sit in the second is left out
  const shields = chanceOfSeats(draw, seats, seats - needed + 1);
  const burns = chanceOfSeats(draw, seats, needed);
  return {
    decides,
    shields,
    burns,
    clearsUnpunished: decides * shields,
    slashesUnpunished: decides,
  };
}
