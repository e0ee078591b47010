import { formatAmount, oneLine } from '../../base/index.js';
import type { JobEvent, JobStep } from '../../job/index.js';

const brief = (hex: string | undefined): string => (hex === undefined ? '?' : hex.slice(0, 12));
const coins = (units: bigint | undefined): string => `${formatAmount(units ?? 0n)} coins`;

/** What each step says, in a few words. Steps that are left out are not worth a line. */
const WORDS: Partial<Record<JobStep, (event: JobEvent) => string>> = {
  ready: ({ party, amount }) => `ready as ${party}, for ${coins(amount)} a verdict`,
  announced: ({ amount }) => `announced, for ${coins(amount)} at most`,
  offered: ({ role, party, amount }) =>
    role === 'client'
      ? `offer of ${brief(party)}: ${coins(amount)} a token`
      : `offered, for ${coins(amount)} a token`,
  suspect: ({ party, txid, untilHeight, allowed }) =>
    `offer of ${brief(party)}: a suspect, slashed in block ${untilHeight} by ${brief(txid)}; ${allowed ? 'allowed all the same' : 'not taken'}`,
  avoided: ({ party }) =>
    `offer of ${brief(party)}: its margins over earlier jobs are those of another model; not taken`,
  chosen: ({ party }) => `seller ${brief(party)} is chosen`,
  escrowed: ({ amount, txid }) => `${coins(amount)} locked in escrow ${brief(txid)}`,
  accepted: () => 'the prompt is with the seller; waiting for the answer',
  started: ({ count }) => `working on a prompt of ${count} tokens`,
  'self-checked': ({ count, seconds }) =>
    `${count} tokens in ${seconds?.toFixed(2)} s, checked by itself`,
  committed: ({ count }) => `committed to ${count} tokens`,
  claimed: ({ amount, txid }) => `claimed ${coins(amount)} in ${brief(txid)}; the stake is locked`,
  withdrawn: ({ detail }) => `withdrawn: ${detail}`,
  opened: ({ count }) => `answer of ${count} tokens opened; checking each`,
  checked: ({ detail, count, seconds }) =>
    count === undefined
      ? `checked: ${detail}`
      : `checked ${count} positions in ${seconds?.toFixed(2)} s: ${detail}`,
  left: ({ party, count }) =>
    `the margins of ${brief(party)} over ${count} jobs are those of another model; nothing more is bought of it`,
  settled: () => 'settled',
  contested: ({ amount, txid }) => `contested in ${brief(txid)} with a bond of ${coins(amount)}`,
  counterproof: () => 'accused; answered with the counter-proof',
  judged: ({ detail }) => `judged ${detail}`,
  appealed: ({ party }) => `the verdict of ${brief(party)} is before a second jury`,
  rejudged: ({ role, party, detail }) =>
    role === 'accuser'
      ? `${brief(party)} of the second jury finds it ${detail}`
      : `judged the verdict of ${brief(party)} again: ${detail}`,
  burnt: ({ party, amount, txid }) =>
    `the bond of ${brief(party)}, ${coins(amount)}, burns in ${brief(txid)}`,
  slashed: ({ txid }) => `the seller's stake is slashed in ${brief(txid)}`,
  cleared: ({ txid }) => `the seller is cleared in ${brief(txid)}`,
  lapsed: ({ txid }) => `the contest lapsed in ${brief(txid)}`,
  released: ({ role, amount, txid }) =>
    role === 'client'
      ? `the seller keeps its price: nobody contested in time, and its stake is back in ${brief(txid)}`
      : `stake of ${coins(amount)} taken back in ${brief(txid)}`,
  cancelled: () => 'cancelled; the money is back',
  refunded: () => 'refunded; the money is back',
  closed: ({ detail }) => `closed${detail ? `: ${detail}` : ''}`,
  handed: ({ amount }) => `taken over for its buyer, for ${coins(amount)}`,
  'given-back': () => 'given back to its buyer',
  'sent-home': ({ detail, txid }) => `${detail} in ${brief(txid)}`,
  retrying: ({ count, total, detail }) =>
    `attempt ${count} of ${total}, after one that was ${detail}`,
  waiting: ({ untilHeight, detail }) => `waiting for block ${untilHeight}: ${detail}`,
  back: () => 'the node answers again',
  problem: ({ detail }) => `problem: ${detail}`,
};

/** One line for people, whatever the other side put into its texts, or undefined for what needs none. */
export function eventLine(event: JobEvent): string | undefined {
  const words = WORDS[event.step]?.(event);
  if (words === undefined) return undefined;
  return oneLine(event.jobId === undefined ? words : `job ${brief(event.jobId)}: ${words}`);
}

/** The event as JSON: amounts as decimal strings. */
export function eventJson(event: JobEvent): Record<string, unknown> {
  const amounts = Object.entries(event).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? formatAmount(value) : value,
  ]);
  return Object.fromEntries(amounts) as Record<string, unknown>;
}
