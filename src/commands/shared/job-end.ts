import { BitmodelError, EXIT } from '../../base/index.js';
import type { ClientRecord } from '../../job/index.js';
import { costText, jobCost } from './job-cost.js';
import { attemptsJson, receiptPath, recordJson } from './job-view.js';
import type { Terminal } from './terminal.js';

/**
 * Prints what came of a job, and of those announced in its place: the answer on stdout, what it cost on stderr.
 * @returns the exit code
 * @throws BitmodelError as {@link notDone}
 */
export function printEnd(attempts: readonly ClientRecord[], terminal: Terminal): number {
  const record = attempts.at(-1)!;
  const { outcome, answer } = record;
  const json = { ...recordJson(record), ...attemptsJson(attempts) };
  if (outcome === 'settled' || outcome === 'cleared') {
    terminal.result(json, answer?.text ?? '', answer?.text ?? '');
    tellBill(record, terminal);
    return record.verdict?.result === 'abstain' ? EXIT.abstained : EXIT.done;
  }
  if (terminal.json) terminal.result(json, '');
  if (outcome === 'slashed') {
    terminal.note('The answer was false; the seller paid for it, and your money is back.');
    return EXIT.invalid;
  }
  throw notDone(record, attempts.length);
}

/** Says what the answer cost, and where its receipt is. */
function tellBill(record: ClientRecord, terminal: Terminal): void {
  const cost = jobCost(record);
  if (cost) terminal.note(`paid ${costText(cost)}`);
  const receipt = receiptPath(record);
  if (receipt === undefined) terminal.note('no receipt is kept; --receipt FILE keeps one');
  else terminal.note(`receipt ${receipt}; check it again with: bitmodel verify ${receipt}`);
}

/** What a buyer is told of a job that ended without an answer that can be gone by; code `JOB_NOT_DONE`. */
export function notDone(record: ClientRecord, attempts: number): BitmodelError {
  const { outcome, why, id, escrow } = record;
  const see = `see bitmodel job show ${id.slice(0, 12)}`;
  if (outcome === 'released') {
    return new BitmodelError('JOB_NOT_DONE', paidFor(record), {
      next: `Submit it anew, and stay until it is settled or go on with job resume in time; ${see}`,
    });
  }
  const all = attempts > 1 ? ` after ${attempts} attempts` : '';
  const reason = why ? ` (${why})` : '';
  return new BitmodelError(
    'JOB_NOT_DONE',
    `The job ended without an answer${all}: ${outcome}${reason}.`,
    {
      next: escrow
        ? `Submit it anew, also with --retry N; ${see}`
        : `See that nodes are connected (bitmodel node peers), then submit it anew, with a longer --timeout or a higher --price; ${see}`,
    },
  );
}

/** Why a job was paid for that did not settle: its buyer was away. */
function paidFor({ verdict }: ClientRecord): string {
  const what = verdict
    ? `the answer is ${verdict.result === 'invalid' ? 'false' : 'one that could not be checked'}`
    : 'the answer is no longer in the pool';
  return `The job is paid for, since nobody contested it while its dispute window was open, and ${what}.`;
}
