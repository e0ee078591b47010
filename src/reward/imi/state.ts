import { equalBytes, toHex } from '../../base/index.js';
import type { Delivery } from '../contracts/assurance.js';
import {
  type Acceptance,
  isSameDelivery,
  type KnownPledge,
  type PinnedDelivery,
  type TaskProgress,
} from './progress.js';

/**
 * Where a task stands: `open` below its goal; `funded`; `delivered`, funded and with a delivery to be judged; `accepted`,
 * while dissenters have their window; `takeable`, when it is over; `paid`; `withdrawn`, where all dissented; `expired`,
 * from the deadline on while pledges can be taken back; `ended`, when there is nothing left.
 */
export type TaskState =
  | 'open'
  | 'funded'
  | 'delivered'
  | 'accepted'
  | 'takeable'
  | 'paid'
  | 'withdrawn'
  | 'expired'
  | 'ended';

/** Coins of a task, in base units. */
export interface TaskSums {
  /** Pledged, in blocks, and large enough to count. */
  readonly pledged: bigint;
  /** Paid out by acceptances. */
  readonly accepted: bigint;
  /** Taken back from the deadline on. */
  readonly refunded: bigint;
}

/** Those pledges that an acceptance can pay out now: in a block, unspent, and large enough. */
export function standingPledges({ pledges }: Pick<TaskProgress, 'pledges'>): KnownPledge[] {
  return pledges.filter(({ state, counts, height }) => state === 'pledged' && counts && height > 0);
}

/** Those pledges that counted until an acceptance paid them out, and those that still do. */
export function countedPledges({ pledges }: Pick<TaskProgress, 'pledges'>): KnownPledge[] {
  return pledges.filter(
    ({ state, counts, height }) =>
      counts && (state === 'accepted' || (state === 'pledged' && height > 0)),
  );
}

const sum = (coins: readonly { readonly value: bigint }[]): bigint =>
  coins.reduce((total, { value }) => total + value, 0n);

/** How many coins of a task stand where. */
export function taskSums(progress: TaskProgress): TaskSums {
  return {
    pledged: sum(standingPledges(progress)),
    accepted: sum(progress.acceptances),
    refunded: sum(progress.pledges.filter(({ state }) => state === 'refunded')),
  };
}

/** Whether pledges can be taken back in the next block. */
export function isExpired({ known, height }: Pick<TaskProgress, 'known' | 'height'>): boolean {
  return height >= known.task.deadline;
}

/** Height of the first block in which the payee can take an acceptance's grants; undefined where judges accept. */
export function windowEnd(
  { known }: Pick<TaskProgress, 'known'>,
  { height }: Acceptance,
): number | undefined {
  const { acceptance } = known.task;
  if (acceptance.by === 'judges' || height === 0) return undefined;
  return height + acceptance.window;
}

/** Where a task stands: follows from {@link TaskProgress} alone, so that all nodes agree. */
export function taskState(progress: TaskProgress): TaskState {
  const { known, acceptances, height } = progress;
  if (acceptances.length > 0) {
    if (known.task.acceptance.by === 'judges') return 'paid';
    const grants = acceptances.flatMap((each) => each.grants);
    if (!grants.some(({ state }) => state === 'waiting')) {
      return grants.some(({ state }) => state === 'taken') ? 'paid' : 'withdrawn';
    }
    const isOver = (each: Acceptance): boolean => {
      const end = windowEnd(progress, each);
      return end !== undefined && height + 1 >= end;
    };
    return acceptances.some(isOver) ? 'takeable' : 'accepted';
  }
  const standing = progress.pledges.filter(({ state }) => state === 'pledged');
  if (isExpired(progress)) return standing.length > 0 ? 'expired' : 'ended';
  if (taskSums(progress).pledged < known.task.goal) return 'open';
  return countedDeliveries(progress).length > 0 ? 'delivered' : 'funded';
}

/** Deliveries that can be accepted. */
export function countedDeliveries({ deliveries }: TaskProgress): PinnedDelivery[] {
  return deliveries.filter(({ inTime }) => inTime);
}

/** Base units whose backers voted for a delivery, those that an acceptance paid out since included. */
export function votedFor(progress: TaskProgress, delivery: Delivery): bigint {
  const voters = votersFor(progress, delivery);
  return sum(countedPledges(progress).filter(({ backer }) => voters.has(toHex(backer))));
}

/** Signatures of votes for a delivery, by the backer's key in hex. */
export function votersFor(
  { votes }: Pick<TaskProgress, 'votes'>,
  delivery: Delivery,
): Map<string, Uint8Array> {
  const found = votes.filter((vote) => isSameDelivery(vote, delivery));
  return new Map(found.map(({ signer, signature }) => [toHex(signer), signature]));
}

/** What somebody can do about a task next. */
export interface NextStep {
  readonly who: 'backer' | 'developer' | 'judge' | 'creator' | 'payee';
  readonly what: string;
  /** Verb and what follows it on the command line. */
  readonly command: string;
}

/** What each can do next, the most pressing first. */
export function nextSteps(progress: TaskProgress): NextStep[] {
  const { known, reveal } = progress;
  const { acceptance, deadline } = known.task;
  const id = known.id.slice(0, 16);
  const step = (who: NextStep['who'], what: string, verb: string, rest = ''): NextStep => ({
    who,
    what,
    command: `bitmodel imi ${verb} ${id}${rest}`,
  });
  const had = `pledge coins, which can be had back from block ${deadline + 1} on`;
  const pledge = step('backer', had, 'pledge', ' AMOUNT');
  const deliver = step('developer', 'deliver a model', 'deliver', ' --model MODEL');
  const withdraw = step(
    'backer',
    'take a grant back, to dissent, while it is not taken',
    'withdraw',
  );
  const accept =
    acceptance.by === 'backers'
      ? step('backer', 'vote for a delivery; two thirds of the coins accept it', 'accept')
      : step('judge', 'run the test set, and sign if it is passed', 'accept', ' --model DIR');
  const show = step('creator', 'show the test set', 'reveal');
  const isShown = acceptance.by === 'backers' || reveal !== undefined;
  const steps: Readonly<Partial<Record<TaskState, readonly NextStep[]>>> = {
    open: isShown && reveal ? [pledge] : [pledge, deliver],
    funded: reveal ? [] : [deliver, pledge],
    delivered: isShown ? [accept, pledge] : [show, deliver, pledge],
    accepted: [withdraw],
    takeable: [step('payee', 'take what was granted', 'take'), withdraw],
  };
  const hasPledges = progress.pledges.some(({ state }) => state === 'pledged');
  const refund = step('backer', 'take a pledge back', 'refund');
  return [
    ...(steps[taskState(progress)] ?? []),
    ...(isExpired(progress) && hasPledges ? [refund] : []),
  ];
}

/** Whether a key is one of the task's judges. */
export function isJudge({ known }: Pick<TaskProgress, 'known'>, key: Uint8Array): boolean {
  const { acceptance } = known.task;
  return acceptance.by === 'judges' && acceptance.judges.some((judge) => equalBytes(judge, key));
}
