import { BitmodelError, EXIT } from '../../base/index.js';

/** How tokens are drawn. Integers only, so that a job carries them exactly (DESIGN 5.1). */
export interface Sampling {
  /** Temperature in thousandths; 0 is greedy. */
  readonly temperatureMilli: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of tokens holding this probability, in thousandths; 1000 keeps all. */
  readonly topPMilli: number;
}

/** Greedy decoding: the most probable token each time. */
export const GREEDY: Sampling = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };

const RANGES: readonly [keyof Sampling, number, number][] = [
  ['temperatureMilli', 0, 100_000],
  ['topK', 0, 1_000_000],
  ['topPMilli', 1, 1000],
];

/** @throws BitmodelError `BAD_SAMPLING` naming the first field that is not an integer in its range */
export function checkSampling(sampling: Sampling): void {
  for (const [field, least, most] of RANGES) {
    const value = sampling[field];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new BitmodelError(
        'BAD_SAMPLING',
        `${field} must be an integer from ${least} to ${most}.`,
        {
          exitCode: EXIT.usage,
        },
      );
    }
  }
}
