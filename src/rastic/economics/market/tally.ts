/** What the sellers of one kind did in one step. */
export interface KindTally {
  /** Jobs sold, and of them those cheated in. */
  sold: number;
  cheated: number;
  slashed: number;
  /** Contested and cleared. */
  cleared: number;
  newNames: number;
}

/** What happened in one step, counted: money follows from it exactly. */
export interface StepTally {
  readonly kinds: readonly KindTally[];
  /** Answers checked. */
  checked: number;
  contested: number;
  /** Planted jobs that enough verifiers judged: only they are paid for. */
  plantsPaid: number;
  honestJudged: number;
  honestPaid: number;
  lazyPaid: number;
  bondsLost: number;
}

/** Nothing has happened yet. */
export function emptyTally(kinds: number): StepTally {
  return {
    kinds: Array.from({ length: kinds }, () => ({
      sold: 0,
      cheated: 0,
      slashed: 0,
      cleared: 0,
      newNames: 0,
    })),
    checked: 0,
    contested: 0,
    plantsPaid: 0,
    honestJudged: 0,
    honestPaid: 0,
    lazyPaid: 0,
    bondsLost: 0,
  };
}
