import { formatAmount, parseAmount } from '../../base/index.js';
import { type ClientRecord, fullReward, receiptOf } from '../../job/index.js';
import { describeVerdict } from '../../rastic/index.js';
import { costJson, costOfAll, costText, jobCost } from './job-cost.js';

/** Where a buyer's job stands, in a word. */
export function stateOf({ phase, outcome }: ClientRecord): string {
  return outcome ?? phase;
}

/** The most that a job costs, base units: at the chosen seller's price, before that at the job's own. */
export function rewardAtMost({ job, escrow }: ClientRecord): bigint {
  const price = escrow?.offer.body.pricePerToken;
  return fullReward(job, price === undefined ? undefined : parseAmount(price));
}

/** Where a job's receipt is, or will be; undefined where none was asked for, or there will be none. */
export function receiptPath(record: ClientRecord): string | undefined {
  return record.phase === 'ended' && !receiptOf(record) ? undefined : record.receiptFile;
}

/** A buyer's job as JSON. What must stay secret (salt, nonce, k) is left out; the receipt has it. */
export function recordJson(record: ClientRecord): Record<string, unknown> {
  const { id, job, escrow, answer, verdict, contest, positions, seconds, why } = record;
  const { claimedTokens } = record;
  const cost = jobCost(record);
  const receipt = receiptPath(record);
  return {
    id,
    state: stateOf(record),
    model: job.model,
    maxReward: formatAmount(rewardAtMost(record)),
    created: job.created,
    expires: job.expires,
    coin: job.coin,
    seller: escrow?.offer.author ?? null,
    pricePerToken: escrow?.offer.body.pricePerToken ?? job.pricePerToken,
    ...(job.feePerJob === undefined ? {} : { feePerJob: job.feePerJob }),
    escrow: escrow?.txid ?? null,
    contest: contest?.txid ?? null,
    ...(answer === undefined
      ? {}
      : { text: answer.text, outputTokens: answer.outputIds.length, finish: answer.finish }),
    ...(answer?.textFrom === undefined ? {} : { textFrom: answer.textFrom }),
    ...(answer || claimedTokens === undefined ? {} : { outputTokens: claimedTokens }),
    ...(verdict === undefined
      ? {}
      : { verdict, positions, seconds: Number((seconds ?? 0).toFixed(3)) }),
    ...(record.verdicts && { verdicts: verdictsJson(record) }),
    ...(cost && { cost: costJson(cost) }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(why === undefined ? {} : { why }),
    ...(record.detached && { watcher: record.detached.watcher, detached: record.detached.state }),
    ...(record.retry === undefined
      ? {}
      : { attempt: record.retry.attempt, retriesLeft: record.retry.left }),
    ...(record.retry?.previous === undefined ? {} : { previous: record.retry.previous }),
  };
}

/** What the verifiers of a dispute said, as the pool held it at the end: against each of these there may be an appeal. */
function verdictsJson({ verdicts = [] }: ClientRecord) {
  return verdicts.map(({ author, body: { verdict, kind, position, reason } }) => ({
    verifier: author,
    verdict,
    ...(kind === undefined ? {} : { kind }),
    ...(position === undefined ? {} : { position }),
    ...(reason === undefined ? {} : { reason }),
  }));
}

/** One line for each verifier that spoke. */
function verdictsText(record: ClientRecord): string {
  const lines = verdictsJson(record).map(({ verifier, verdict, kind, reason }) =>
    [verifier, verdict, kind ?? reason].filter((part) => part !== undefined).join(' '),
  );
  return lines.join(`\n${' '.repeat(15)}`);
}

/** What became of each job of a submission, where it may be more than one. */
export function attemptsJson(attempts: readonly ClientRecord[]): Record<string, unknown> {
  if (attempts.at(-1)?.retry === undefined) return {};
  return {
    attempts: attempts.map((record) => {
      const cost = jobCost(record);
      return {
        id: record.id,
        state: stateOf(record),
        seller: record.escrow?.offer.author ?? null,
        ...(cost && { cost: costJson(cost) }),
        ...(record.why === undefined ? {} : { why: record.why }),
      };
    }),
    costOfAll: formatAmount(costOfAll(attempts)),
  };
}

/** A buyer's job as lines for people. */
export function recordText(record: ClientRecord): string {
  return Object.entries(recordJson(record))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const shown = textOf(name, record) ?? String(value);
      return `${name.padEnd(14)} ${shown}`;
    })
    .join('\n');
}

/** A field of {@link recordJson} that is no plain value, as people read it. */
function textOf(name: string, record: ClientRecord): string | undefined {
  switch (name) {
    case 'verdict':
      return describeVerdict(record.verdict!);
    case 'verdicts':
      return verdictsText(record);
    case 'cost':
      return costText(jobCost(record)!);
    default:
      return undefined;
  }
}
