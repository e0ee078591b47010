import { setTimeout as delay } from 'node:timers/promises';
import { BitmodelError, EXIT } from '../base/index.js';
import type { RpcClient } from '../chain/index.js';
import {
  type CheckState,
  encodeReceipt,
  FEWEST_NEIGHBOURS,
  type NeighbourReport,
  type OutsourcedVerification,
  type Receipt,
} from '../job/index.js';
import { describeVerdict, type Verdict } from '../rastic/index.js';
import { wholeOption } from './shared/number-options.js';
import { listTable } from './shared/tables.js';
import type { Terminal } from './shared/terminal.js';

/** Options of `bitmodel verify --outsource`. */
export interface OutsourceChoice {
  readonly neighbours?: string;
  readonly sample?: string;
  readonly timeout?: string;
}

/** Milliseconds between two looks at how far a check is. */
const LOOK_AGAIN = 200;

/** What `startcheck` is called with. */
export interface CheckOptions {
  readonly neighbours?: number;
  readonly sample?: number;
  readonly seconds?: number;
}

/** What the node is told to ask, as far as it can be judged without the receipt. @throws BitmodelError `BAD_OPTION` */
export function checkOptionsOf({ neighbours, sample, timeout }: OutsourceChoice): CheckOptions {
  return {
    ...(neighbours === undefined
      ? {}
      : { neighbours: wholeOption(neighbours, '--neighbours', FEWEST_NEIGHBOURS, 16) }),
    ...(sample === undefined ? {} : { sample: wholeOption(sample, '--sample', 1, 65_536) }),
    ...(timeout === undefined ? {} : { seconds: wholeOption(timeout, '--timeout', 1, 110) }),
  };
}

/** @throws BitmodelError `BAD_OPTION` where neighbours were asked about more tokens than there are */
export function refuseLargeSample({ sample }: CheckOptions, { outputIds }: Receipt): void {
  if (sample !== undefined) {
    wholeOption(String(sample), '--sample', 1, Math.max(outputIds.length, 1));
  }
}

/**
 * Has the running node ask its peers about a receipt.
 * @returns the check's name at the node, and what came of it
 * @throws BitmodelError `NODE_UNREACHABLE`, `CHECK_FAILED`
 */
export async function askNeighbours(
  rpc: RpcClient,
  receipt: Receipt,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly verification: OutsourcedVerification }> {
  const { id } = await rpc.call<{ id: string }>('startcheck', encodeReceipt(receipt), options);
  for (;;) {
    const state = await rpc.callWith<CheckState>({ signal }, 'getcheck', id);
    if (state.state === 'done') return { id, verification: state.verification };
    if (state.state === 'failed') {
      throw new BitmodelError('CHECK_FAILED', `The node could not ask: ${state.reason}.`, {
        next: 'Try again, or verify with the model itself: bitmodel verify RECEIPT --model DIR',
      });
    }
    await delay(LOOK_AGAIN, undefined, { signal });
  }
}

function saidBy({ evidence, copy }: NeighbourReport): string {
  if (!evidence) return 'nothing';
  if (evidence.plant === 'missed') return 'missed the wrong token';
  if (evidence.accuses !== undefined) return `wrong at ${evidence.accuses}`;
  return copy === 'planted' ? 'fine, found it' : 'fine';
}

async function neighbourTable(neighbours: readonly NeighbourReport[]): Promise<string> {
  const rows = neighbours.map((one) => [
    `…${one.neighbour.slice(-10)}`,
    one.numericClass,
    one.copy,
    saidBy(one),
    one.evidence && one.evidence.dissented > 0 ? 'no' : one.evidence ? 'yes' : '-',
  ]);
  return listTable(['neighbour', 'class', 'copy', 'says', 'with most'], rows);
}

const neighboursIn = (count: number): string => `${count} neighbour${count === 1 ? '' : 's'}`;

/** Why neighbours said nothing, a line for each reason; the table has no room for it. */
function silences(neighbours: readonly NeighbourReport[]): string {
  const counts = new Map<string, number>();
  for (const { evidence, silence } of neighbours) {
    if (evidence || silence === undefined) continue;
    counts.set(silence, (counts.get(silence) ?? 0) + 1);
  }
  const lines = [...counts].map(([why, count]) => `\n${neighboursIn(count)} said nothing. ${why}`);
  return lines.join('');
}

/** What helps where there is no verdict; with a code where nobody was asked for want of others. */
function helpFor({ verdict, neighbours, found }: OutsourcedVerification): {
  readonly code?: string;
  readonly next?: string;
} {
  if (verdict.result !== 'abstain') return {};
  if (found < FEWEST_NEIGHBOURS) {
    const next = 'Connect to more peers that run with: bitmodel node --check-models DIR';
    return { code: 'TOO_FEW_NEIGHBOURS', next };
  }
  if (neighbours.length === 0) return {};
  const next =
    'Ask others or later (each answers a few questions about a job in a day), or\ncheck with the model: bitmodel verify RECEIPT --model DIR';
  return { next };
}

/** What a verdict is worth. */
function worthOf({ verdict, neighbours }: OutsourcedVerification): string {
  const answered = neighbours.filter(({ evidence }) => evidence).length;
  if (verdict.result === 'abstain' || answered === 0) return '';
  return `\nThis is the word of ${neighboursIn(answered)}, not a proof: right if most of them are honest.`;
}

/** The verdict in words, on two lines where one is too long for a terminal. */
function headline(verdict: Verdict): string {
  const line = describeVerdict(verdict);
  return line.length > 80 ? line.replace(' (', '\n(') : line;
}

/** The neighbours' verdict, as one object and as text for people. */
export async function showNeighbours(
  verification: OutsourcedVerification,
  receipt: Receipt,
  terminal: Terminal,
): Promise<void> {
  const { verdict, neighbours, settled, tau, calibrated, checks, sampled } = verification;
  const table = neighbours.length === 0 ? '' : `\n${await neighbourTable(neighbours)}`;
  const signed = checks.signature ? 'signed by the seller' : 'NOT signed by the seller';
  const share = sampled ? 'a sample' : 'all';
  const asked =
    neighbours.length === 0
      ? 'no neighbour was asked'
      : `${settled} of ${receipt.outputIds.length} tokens settled (${share} asked about), tolerance ${tau} logits\n(${calibrated ? 'calibrated' : 'default'})`;
  const { code, next } = helpFor(verification);
  terminal.result(
    {
      ...verdict,
      ...(code === undefined ? {} : { code }),
      ...(next === undefined ? {} : { next: next.replace('\n', ' ') }),
      outsourced: true,
      assumes: 'an honest majority of the neighbours',
      ...verification,
    },
    `${headline(verdict)}${table}${silences(neighbours)}\n${asked}, ${signed}${worthOf(verification)}${next === undefined ? '' : `\n${next}`}`,
    verdict.result,
  );
}

/** Exit code of a verdict. */
export const EXIT_OF = {
  valid: EXIT.done,
  invalid: EXIT.invalid,
  abstain: EXIT.abstained,
} as const;
