import {
  BitmodelError,
  EXIT,
  formatAmount,
  fromHex,
  parseAmount,
  toHex,
} from '../../base/index.js';
import type { JobRecords } from '../JobRecords.js';
import type { ClientOutcome, ClientRecord, RetryPlan } from './record.js';
import type { JobQuote, JobRequest } from './request.js';

/** Ends after which the buyer has its money and no answer. */
const UNANSWERED: readonly (ClientOutcome | undefined)[] = [
  'refunded',
  'cancelled',
  'slashed',
  'closed',
];

/** Whether a job ended so that it is to be announced anew, as far as its own record shows. */
export function mayRetry({ phase, outcome, retry, givenUp }: ClientRecord): boolean {
  return phase === 'ended' && !givenUp && UNANSWERED.includes(outcome) && (retry?.left ?? 0) > 0;
}

/** What the first job of a submission keeps for those that may follow it. */
export function firstPlan(
  request: JobRequest,
  { reward, bond, verifiersAre }: Pick<JobQuote, 'reward' | 'bond' | 'verifiersAre'>,
): RetryPlan | undefined {
  const { retries = 0, verifiers, threshold, confirmations, lifetime, nonce } = request;
  if (retries === 0) return undefined;
  return {
    attempt: 1,
    left: retries,
    reward: formatAmount(reward),
    bond: formatAmount(bond),
    passedOver: [],
    // what was agreed to were bonded judges: none without a bond takes their place
    verifiers: verifiers === 'auto' && verifiersAre === 'drawn' ? 'drawn' : verifiers,
    ...(threshold === undefined ? {} : { threshold }),
    ...(confirmations === undefined ? {} : { confirmations }),
    ...(lifetime === undefined ? {} : { lifetime }),
    ...(request.verifierFee === undefined
      ? {}
      : { verifierFee: formatAmount(request.verifierFee) }),
    ...(request.stake === undefined ? {} : { stake: formatAmount(request.stake) }),
    ...(nonce === undefined ? {} : { nonce: toHex(nonce) }),
  };
}

/** The plan of the job that follows one: its seller is not chosen again. */
export function nextPlan({ id, retry, escrow }: ClientRecord): RetryPlan {
  const plan = retry!;
  const seller = escrow ? [escrow.offer.author] : [];
  return {
    ...plan,
    attempt: plan.attempt + 1,
    left: plan.left - 1,
    previous: id,
    passedOver: [...plan.passedOver, ...seller],
  };
}

/** What is asked for again. */
export function requestAgain(ended: ClientRecord): JobRequest {
  const { job, promptIds, retry, receiptFile, boughtWith, sellers, allowSuspects } = ended;
  const plan = retry!;
  const { threshold, confirmations, lifetime } = plan;
  return {
    model: job.model,
    promptIds,
    sampling: job.sampling,
    maxTokens: job.maxTokens,
    stop: job.stop,
    pricePerToken: parseAmount(job.pricePerToken),
    verifiers: plan.verifiers,
    ...(threshold === undefined ? {} : { threshold }),
    ...(confirmations === undefined ? {} : { confirmations }),
    ...(lifetime === undefined ? {} : { lifetime }),
    ...(plan.verifierFee === undefined ? {} : { verifierFee: parseAmount(plan.verifierFee) }),
    ...(plan.stake === undefined ? {} : { stake: parseAmount(plan.stake) }),
    ...(plan.nonce === undefined ? {} : { nonce: fromHex(plan.nonce, 32) }),
    ...(receiptFile === undefined ? {} : { receiptFile }),
    ...(boughtWith && { boughtWith }),
    ...(sellers && { sellers }),
    ...(allowSuspects && { allowSuspects }),
  };
}

/** @throws BitmodelError `RETRY_TOO_DEAR` where another try would lock more than was agreed to */
export function assertAsAgreed({ reward, bond }: JobQuote, plan: RetryPlan): void {
  if (reward <= parseAmount(plan.reward) && bond <= parseAmount(plan.bond)) return;
  throw new BitmodelError(
    'RETRY_TOO_DEAR',
    `Another try would lock ${formatAmount(reward + bond)} coins, more than the ${formatAmount(parseAmount(plan.reward) + parseAmount(plan.bond))} that were agreed to.`,
    { next: 'Submit it anew with bitmodel job submit', exitCode: EXIT.notAllowed },
  );
}

/** The first job of the submission that a job belongs to. @throws BitmodelError `UNKNOWN_JOB` */
export function firstOf(records: JobRecords<ClientRecord>, id: string): ClientRecord {
  let first = records.load(id);
  while (first.retry?.previous !== undefined) first = records.load(first.retry.previous);
  return first;
}

/** All jobs of the submission that a job belongs to, the first one first, each of them with a record of its own. */
export function attemptsOf(records: JobRecords<ClientRecord>, id: string): ClientRecord[] {
  const first = firstOf(records, id);
  const attempts = [first];
  for (let last = first; ; ) {
    const next = records.successor(last.id);
    if (!next) return attempts;
    // a job stands from the moment its predecessor names it: its own record may not have been written before a crash
    if (!records.ids().includes(next.id)) records.save(next);
    last = records.load(next.id);
    attempts.push(last);
  }
}
