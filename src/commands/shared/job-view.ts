import { formatAmount } from '../../base/index.js';
import { type ClientRecord, fullReward } from '../../job/index.js';

/** Where a buyer's job stands, in a word. */
export function stateOf({ phase, outcome }: ClientRecord): string {
  return outcome ?? phase;
}

/** A buyer's job as JSON. What must stay secret (salt, nonce, k) is left out; the receipt has it. */
export function recordJson(record: ClientRecord): Record<string, unknown> {
  const { id, job, escrow, answer, verdict, contest, positions, seconds, why } = record;
  return {
    id,
    state: stateOf(record),
    model: job.model,
    maxReward: formatAmount(fullReward(job)),
    created: job.created,
    expires: job.expires,
    coin: job.coin,
    seller: escrow?.offer.author ?? null,
    pricePerToken: escrow?.offer.body.pricePerToken ?? job.pricePerToken,
    escrow: escrow?.txid ?? null,
    contest: contest?.txid ?? null,
    ...(answer === undefined
      ? {}
      : { text: answer.text, outputTokens: answer.outputIds.length, finish: answer.finish }),
    ...(verdict === undefined ? {} : { verdict, positions, seconds }),
    ...(record.receiptFile === undefined ? {} : { receipt: record.receiptFile }),
    ...(why === undefined ? {} : { why }),
  };
}

/** A buyer's job as lines for people. */
export function recordText(record: ClientRecord): string {
  return Object.entries(recordJson(record))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const shown = typeof value === 'object' ? JSON.stringify(value) : String(value);
      return `${name.padEnd(14)} ${shown}`;
    })
    .join('\n');
}
