/** Seats of the draw that judges a draw's verdict again: twice the first one's and one. */
export function secondJurySize(count: number): number {
  return 2 * count + 1;
}

/**
 * Seats of the smallest draw that a bonded verifier of ours signs in. Over a smaller one a second jury would be of three or
 * five, and some share of the bonded would hold two thirds of that too often: see the odds in docs/rastic.md.
 */
export const SMALLEST_DRAW = 3;

/** How many of a second jury with so many seats must agree: two thirds, rounded up. */
export function juryThreshold(seats: number): number {
  return Math.ceil((2 * seats) / 3);
}

/** How many must agree of the second jury over a first draw of `count`. */
export function secondJuryThreshold(count: number): number {
  return juryThreshold(secondJurySize(count));
}

/** {@link secondJurySize} in a script. Stack: count → seats */
export const SECOND_JURY_SIZE = 'OP_2MUL OP_1ADD';

/** {@link juryThreshold} in a script. Stack: seats → seats threshold */
export const JURY_THRESHOLD = 'OP_DUP OP_2MUL 2 OP_ADD 3 OP_DIV';
