import { BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import { type ClientRecord, ONLY_SUSPECTS, receiptOf } from '../../job/index.js';
import { costOfAll, costText, jobCost } from './job-cost.js';
import { attemptsJson, receiptPath, recordJson } from './job-view.js';
import { type ProposalSettings, proposal, shellWord } from './proposal.js';
import type { Terminal } from './terminal.js';

/**
 * Prints what came of a job, and of those announced in its place: the answer on stdout, what it cost on stderr.
 * @returns the exit code
 * @throws BitmodelError as {@link notDone}
 */
export function printEnd(
  attempts: readonly ClientRecord[],
  { terminal, settings }: { readonly terminal: Terminal; readonly settings: ProposalSettings },
): number {
  const record = attempts.at(-1)!;
  const { outcome, answer, verdict } = record;
  const json = { ...recordJson(record), ...attemptsJson(attempts) };
  if (outcome === 'settled' || outcome === 'cleared') {
    terminal.result(json, answer?.text ?? '', answer?.text ?? '');
    if (answer?.textFrom === 'watcher') {
      terminal.warn(
        'The model is not here, so the text is as the watcher tells it; only the token ids are known to be the seller’s.',
      );
    }
    tellCost(attempts, terminal);
    tellReceipt(attempts, terminal, settings);
    return verdict?.result === 'abstain' ? EXIT.abstained : EXIT.done;
  }
  if (terminal.json) terminal.result(json, '');
  if (outcome !== 'slashed') {
    tellCost(attempts, terminal);
    tellReceipt(attempts, terminal, settings);
    throw notDone(record, attempts.length, settings);
  }
  terminal.note('The answer was false; the seller paid for it, and your money is back.');
  tellCost(attempts, terminal);
  tellReceipt(attempts, terminal, settings);
  return EXIT.invalid;
}

/** Says what the last job cost, and all of them together. */
function tellCost(attempts: readonly ClientRecord[], terminal: Terminal): void {
  const cost = jobCost(attempts.at(-1)!);
  if (cost) terminal.note(`paid ${costText(cost)}`);
  const all = costOfAll(attempts);
  if (attempts.length > 1 && all > 0n) {
    terminal.note(`all ${attempts.length} attempts together cost ${formatAmount(all)} coins`);
  }
}

/** Says where the latest receipt is and how to check it, how to have it, or why there is none. */
function tellReceipt(
  attempts: readonly ClientRecord[],
  terminal: Terminal,
  settings: ProposalSettings,
): void {
  const record = attempts.findLast((attempt) => receiptOf(attempt) !== undefined);
  const isAsked = attempts.at(-1)!.receiptFile !== undefined;
  if (!record) {
    if (isAsked) terminal.note(`no receipt: ${whyNoReceipt(attempts.at(-1)!)}`);
    return;
  }
  const receipt = receiptPath(record);
  if (receipt === undefined) {
    const keep = proposal(settings, 'job', 'show', record.id.slice(0, 12), '--receipt', 'FILE');
    terminal.note(`no receipt is kept; --receipt FILE keeps one, also now: ${keep}`);
    return;
  }
  const model = record.boughtWith ? ['--model', record.boughtWith.model] : [];
  const check = ['bitmodel', 'verify', receipt, ...model].map(shellWord).join(' ');
  const which = record === attempts.at(-1) ? '' : ` of job ${record.id.slice(0, 12)}`;
  terminal.note(`receipt ${receipt}${which}; check it again with: ${check}`);
}

/** Why a job has no receipt. */
export function whyNoReceipt({ phase, delivery, verdict }: ClientRecord): string {
  if (phase !== 'ended') return 'the answer is not there yet';
  const isSealed = delivery ?? (verdict?.result === 'invalid' && verdict.kind !== 'undelivered');
  return isSealed ? 'the answer did not open' : 'the answer never came';
}

/** What a buyer is told of a job that ended without an answer that can be gone by; code `JOB_NOT_DONE`. */
export function notDone(
  record: ClientRecord,
  attempts: number,
  settings: ProposalSettings,
): BitmodelError {
  const { outcome, why, id, escrow } = record;
  const see = `see ${proposal(settings, 'job', 'show', id.slice(0, 12))}`;
  if (outcome === 'released') {
    return new BitmodelError('JOB_NOT_DONE', paidFor(record), {
      next: `Nothing of it comes back, and submitting it anew costs as much again: then stay until it is settled, or go on with job resume in time; ${see}`,
    });
  }
  if (outcome === 'lapsed') {
    return new BitmodelError('JOB_NOT_DONE', unjudged(record), {
      next: `Submitting it anew costs as much again: then name verifiers that answer (--verifiers); ${see}`,
    });
  }
  const all = attempts > 1 ? ` after ${attempts} attempts` : '';
  const reason = why ? ` (${why})` : '';
  return new BitmodelError(
    'JOB_NOT_DONE',
    `The job ended without an answer${all}: ${outcome}${reason}.`,
    {
      next:
        why === ONLY_SUSPECTS
          ? `Submit it anew later, or with --allow-suspects to buy of them all the same; ${see}`
          : escrow
            ? `Submit it anew, also with --retry N; ${see}`
            : `See that nodes are connected (bitmodel node peers), then submit it anew, with a longer --timeout or a higher --price; ${see}`,
    },
  );
}

/** What a contest came to that nobody judged. */
function unjudged({ verdict }: ClientRecord): string {
  const own = verdict?.result === 'invalid' ? ', though the answer is false' : '';
  return `The job is paid for${own}: the verifiers said nothing while they could, so the seller keeps its price, and your bond is back.`;
}

/** Why a job was paid for that did not settle: its buyer was away. */
function paidFor(record: ClientRecord): string {
  const { verdict, answer, claimedTokens } = record;
  const what = verdict
    ? `the answer is ${verdict.result === 'invalid' ? 'false' : 'one that could not be checked'}`
    : 'the answer is no longer in the pool';
  const tokens = answer?.outputIds.length ?? claimedTokens;
  const cost = jobCost(record);
  const price = cost ? ` with ${formatAmount(cost.price)} coins for ${tokens} tokens` : '';
  return `The job is paid for${price}, since nobody contested it while its dispute window was open, and ${what}.`;
}
