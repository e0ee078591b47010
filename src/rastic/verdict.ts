/** What a dishonest seller did, as far as the answer shows it (DESIGN 6). */
export type InvalidKind =
  /** The first token does not follow from the prompt. */
  | 'continuity'
  /** A later token does not follow from what stands before it. */
  | 'integrity'
  /** The answer ends where its finish reason does not hold. */
  | 'truncation'
  /** Taken together, the margins are those of another model. */
  | 'substitution'
  /** The prompt is not the one the job names. */
  | 'prompt'
  /** A token that top-k or top-p exclude. */
  | 'sampling'
  /** More tokens than there may be, or another number than was committed. */
  | 'count'
  /** The answer was not delivered, or does not open to what was committed. */
  | 'undelivered'
  /** Something that is no answer at all. */
  | 'format';

/** The model made this output. */
export interface ValidVerdict {
  readonly result: 'valid';
}

/** It did not, and this shows it. */
export interface InvalidVerdict {
  readonly result: 'invalid';
  readonly kind: InvalidKind;
  /** Output position, from 0, that is the evidence. */
  readonly position?: number;
  /** By how much the token there misses, in units of the logits. */
  readonly margin?: number;
  /** What is false, in words, where the kind alone says too little. */
  readonly detail?: string;
  /** Pooled evidence, where there is no single position: −log₁₀ of the probability that an honest seller shows as much. */
  readonly score?: number;
}

/** It can't be said, and why. */
export interface AbstainVerdict {
  readonly result: 'abstain';
  readonly reason: string;
}

/** Never a bare boolean. */
export type Verdict = ValidVerdict | InvalidVerdict | AbstainVerdict;

/** The byte a verifier signs (DESIGN 5.2): 0 for invalid, 1 for valid. An abstention is not signed for money. */
export const VERDICT_BYTE = { invalid: 0, valid: 1 } as const;

const WHAT: Readonly<Record<InvalidKind, string>> = {
  continuity: 'the first token does not follow from the prompt',
  integrity: 'a token does not follow from what stands before it',
  truncation: 'the answer ends where its finish reason does not hold',
  substitution: 'the margins are those of another model',
  prompt: 'the prompt is not the one the job names',
  sampling: 'a token that the sampling excludes',
  count: 'the number of tokens is false',
  undelivered: 'the answer was not delivered as committed',
  format: 'this is not an answer',
};

/** One line for people, such as "invalid: integrity at position 5 (a token …; margin 3.21)". */
export function describeVerdict(verdict: Verdict): string {
  if (verdict.result === 'valid') return 'valid';
  if (verdict.result === 'abstain') return `abstained: ${verdict.reason}`;
  const where = verdict.position === undefined ? '' : ` at position ${verdict.position}`;
  const margin = verdict.margin === undefined ? '' : `; margin ${verdict.margin.toPrecision(3)}`;
  const score = verdict.score === undefined ? '' : `; p below 10^−${Math.floor(verdict.score)}`;
  return `invalid: ${verdict.kind}${where} (${verdict.detail ?? WHAT[verdict.kind]}${margin}${score})`;
}
