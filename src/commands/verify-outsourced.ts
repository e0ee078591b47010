import { setTimeout as delay } from 'node:timers/promises';
import { BitmodelError, EXIT } from '../base/index.js';
import type { RpcClient } from '../chain/index.js';
import {
  type CheckState,
  encodeReceipt,
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

function requestOf({ neighbours, sample, timeout }: OutsourceChoice) {
  return {
    ...(neighbours === undefined
      ? {}
      : { neighbours: wholeOption(neighbours, '--neighbours', 2, 16) }),
    ...(sample === undefined ? {} : { sample: wholeOption(sample, '--sample', 1, 65_536) }),
    ...(timeout === undefined ? {} : { seconds: wholeOption(timeout, '--timeout', 1, 110) }),
  };
}

/**
 * Has the running node ask its peers about a receipt.
 * @returns the check's name at the node, and what came of it
 * @throws BitmodelError `NODE_UNREACHABLE`, `CHECK_FAILED`
 */
export async function askNeighbours(
  rpc: RpcClient,
  receipt: Receipt,
  choice: OutsourceChoice,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly verification: OutsourcedVerification }> {
  const request = requestOf(choice);
  const { id } = await rpc.call<{ id: string }>('startcheck', encodeReceipt(receipt), request);
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

function saidBy({ evidence, silence, copy }: NeighbourReport): string {
  if (!evidence) return `nothing: ${silence ?? ''}`;
  if (evidence.plant === 'missed') return 'missed the wrong token';
  if (evidence.accuses !== undefined) return `wrong at ${evidence.accuses}`;
  return copy === 'planted' ? 'fine, found it' : 'fine';
}

async function neighbourTable(neighbours: readonly NeighbourReport[]): Promise<string> {
  const rows = neighbours.map((one) => [
    `…${one.neighbour.slice(-10)}`,
    one.numericClass,
    one.copy,
    saidBy(one).slice(0, 26),
    one.evidence && one.evidence.dissented > 0 ? 'no' : one.evidence ? 'yes' : '-',
  ]);
  return listTable(['neighbour', 'class', 'copy', 'says', 'with most'], rows);
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
  const { verdict, neighbours, positions, tau, calibrated, checks, sampled } = verification;
  const answered = neighbours.filter(({ evidence }) => evidence).length;
  const table = neighbours.length === 0 ? '' : `\n${await neighbourTable(neighbours)}`;
  const signed = checks.signature ? 'signed by the seller' : 'NOT signed by the seller';
  const share = sampled ? 'a sample' : 'all';
  const asked =
    neighbours.length === 0
      ? 'no neighbour was asked'
      : `${positions.length} of ${receipt.outputIds.length} tokens settled (${share} asked about), tolerance ${tau} logits\n(${calibrated ? 'calibrated' : 'default'})`;
  const worth =
    answered === 0
      ? 'Peers answer whose nodes run with: bitmodel node --check-models DIR'
      : `This is the word of ${answered} neighbours, not a proof: right if most of them are honest.`;
  terminal.result(
    {
      ...verdict,
      outsourced: true,
      assumes: 'an honest majority of the neighbours',
      ...verification,
    },
    `${headline(verdict)}${table}\n${asked}, ${signed}\n${worth}`,
    verdict.result,
  );
}

/** Exit code of a verdict. */
export const EXIT_OF = {
  valid: EXIT.done,
  invalid: EXIT.invalid,
  abstain: EXIT.abstained,
} as const;
