import type { LawComparison } from './likelihoodRatio.js';
import type { PowerLaw } from './powerLaw.js';

/** At most so large is the plausibility of a law that is ruled out (Clauset, Shalizi and Newman, section 4). */
const RULED_OUT = 0.1;

function chance(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.01 ? 3 : 2)}`;
}

function plausibilitySentence({ plausibility, rounds }: PowerLaw): string {
  if (plausibility === undefined) {
    return 'Whether a power law is plausible was not worked out (--rounds).';
  }
  const verdict = plausibility <= RULED_OUT ? 'ruled out' : 'plausible';
  return `A power law is ${verdict}: p = ${plausibility.toFixed(2)} in ${rounds} rounds.`;
}

const NAMES = {
  lognormal: 'a lognormal',
  exponential: 'an exponential',
  'power law with a cut-off': 'one with a cut-off',
} as const;

function comparisonSentence({ rival, normalisedRatio, p, better }: LawComparison): string {
  const other = NAMES[rival];
  const figures = `ratio ${normalisedRatio.toFixed(2)}, ${chance(p)}`;
  if (better === 'neither') return `It is not distinguishable from ${other}: ${figures}.`;
  if (better === 'power law') return `It fits better than ${other}: ${figures}.`;
  return `It fits worse than ${other}: ${figures}.`;
}

/** What a fitted power law is worth: whether it is plausible, and how it fares against each other law. A sentence each. */
export function lawSentences(fit: PowerLaw): string[] {
  return [plausibilitySentence(fit), ...fit.comparisons.map(comparisonSentence)];
}
