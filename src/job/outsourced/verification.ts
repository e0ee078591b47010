import type { PeerId } from '../../network/index.js';
import type { NeighbourEvidence, PositionEvidence, Verdict } from '../../rastic/index.js';
import type { ReceiptChecks } from '../receipt.js';

/** What one neighbour was shown, and what it said. */
export interface NeighbourReport {
  readonly neighbour: PeerId;
  readonly numericClass: string;
  readonly weight: number;
  readonly copy: 'whole' | 'cut' | 'planted';
  /** It saw the seller's tokens before this position; 0 where it kept silent. */
  readonly reach: number;
  /** What it said: absent where it kept silent. */
  readonly evidence?: NeighbourEvidence | undefined;
  /** Why it kept silent. */
  readonly silence?: string | undefined;
}

/** The neighbours' word on a receipt, with all it rests on. */
export interface OutsourcedVerification {
  readonly verdict: Verdict;
  /** What holds without any model. */
  readonly checks: ReceiptChecks;
  readonly neighbours: readonly NeighbourReport[];
  /** The last of them may be one that was not settled. */
  readonly positions: readonly PositionEvidence[];
  /** At how many positions enough neighbours were of one mind. */
  readonly settled: number;
  /** Neighbours with the model that were there at first; fewer than `FEWEST_NEIGHBOURS` are asked nothing. */
  readonly found: number;
  /** Whether neighbours were asked about some of the tokens only. */
  readonly sampled: boolean;
  /** Tolerance τ in units of the logits; 0 where nobody was asked. */
  readonly tau: number;
  /** Whether τ is of the calibration that the job names. */
  readonly calibrated: boolean;
  /** Bound of the probability that an honest neighbour misses its planted token. */
  readonly falsePlant: number;
  readonly seconds: number;
}
