import type { AppealOutcome } from '../../job/index.js';

/** How an appeal ended, as JSON. */
export function appealJson(ended: AppealOutcome): object {
  const { caseId, verifier, outcome, txids, findings, needed, seats } = ended;
  return { case: caseId, verifier, outcome, txids, needed, seats, findings };
}

/** How an appeal ended, in one line for people. */
export function appealText({ verifier, outcome, txids, findings, needed, seats }: AppealOutcome) {
  const who = verifier.slice(0, 12);
  const wrong = findings.filter(({ finding }) => finding === 'wrong').length;
  const votes = `${wrong} members found it wrong, and ${needed} of ${seats} seats had to`;
  switch (outcome) {
    case 'burnt':
      return `the bond of ${who} is burnt${txids.length > 0 ? `: ${txids.join(', ')}` : ''}`;
    case 'upheld':
      return `the verdict of ${who} stands, nothing is burnt: ${votes}`;
    case 'lapsed':
      return `too few of the second jury answered, nothing is burnt: ${votes}`;
  }
}
