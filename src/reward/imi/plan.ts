import { BitmodelError, EXIT, formatAmount, sha256, toHex, utf8 } from '../../base/index.js';
import type { Delivery } from '../contracts/assurance.js';
import {
  backersAcceptSpend,
  judgesAcceptSpend,
  type PayoutSpend,
  type Vote,
} from '../contracts/assuranceSpends.js';
import {
  isSameDelivery,
  type KnownPledge,
  type PinnedDelivery,
  type TaskProgress,
} from './progress.js';
import { countedDeliveries, standingPledges, votersFor } from './state.js';
import { MAXIMUM_PLEDGES } from './task.js';

/** Why a delivery can't be accepted yet, in whose words `next` says. */
function notReady(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notAllowed });
}

const sum = (coins: readonly { readonly value: bigint }[]): bigint =>
  coins.reduce((total, { value }) => total + value, 0n);

/** The largest first; of equals in the order of their names, so that every node chooses the same. */
function largestFirst(pledges: readonly KnownPledge[]): KnownPledge[] {
  const name = ({ outpoint }: KnownPledge): string => `${toHex(outpoint.hash)}${outpoint.index}`;
  return [...pledges].sort((a, b) =>
    a.value === b.value ? (name(a) < name(b) ? -1 : 1) : a.value > b.value ? -1 : 1,
  );
}

function demandGoal(progress: TaskProgress, pledges: readonly KnownPledge[]): void {
  const { goal } = progress.known.task;
  const pledged = sum(pledges);
  if (pledged >= goal) return;
  throw notReady(
    'GOAL_NOT_REACHED',
    `${formatAmount(pledged)} of ${formatAmount(goal)} coins are pledged.`,
    'Wait for more pledges: below its goal a task pays nobody',
  );
}

/**
 * The transaction by which backers accept a delivery: all that count, or the {@link MAXIMUM_PLEDGES} of them that weigh
 * most, those who voted before the others. These reach the goal, since each is a 500th of it.
 * @throws BitmodelError `GOAL_NOT_REACHED`, `NOT_ENOUGH_VOTES`
 */
export function planBackers(progress: TaskProgress, delivery: Delivery): PayoutSpend {
  const { terms, task } = progress.known;
  if (task.acceptance.by !== 'backers') throw notAccepted('judges');
  const pledges = standingPledges(progress);
  demandGoal(progress, pledges);
  const voters = votersFor(progress, delivery);
  const isVoter = ({ backer }: KnownPledge): boolean => voters.has(toHex(backer));
  const voted = sum(pledges.filter(isVoter));
  const pledged = sum(pledges);
  if (3n * voted < 2n * pledged) {
    throw notReady(
      'NOT_ENOUGH_VOTES',
      `Backers of ${formatAmount(voted)} of ${formatAmount(pledged)} pledged coins have voted for it.`,
      'Wait until two thirds have: votes count once they are in a block',
    );
  }
  const ordered = largestFirst(pledges);
  const chosen = [...ordered.filter(isVoter), ...ordered.filter((each) => !isVoter(each))];
  const votes = chosen.slice(0, MAXIMUM_PLEDGES).map((pledge): Vote => {
    const { outpoint, value, backer } = pledge;
    return { outpoint, value, backer, signature: voters.get(toHex(backer)) };
  });
  return backersAcceptSpend(terms, task.acceptance, votes, delivery);
}

/**
 * The transaction by which judges accept a delivery: it pays all pledges that count, or the {@link MAXIMUM_PLEDGES}
 * largest, to the payee.
 * @throws BitmodelError `GOAL_NOT_REACHED`, `NOT_REVEALED`, `NOT_ENOUGH_JUDGES`
 */
export function planJudges(progress: TaskProgress, delivery: Delivery): PayoutSpend {
  const { terms, task } = progress.known;
  const { acceptance } = task;
  if (acceptance.by !== 'judges') throw notAccepted('backers');
  const { reveal } = progress;
  if (!reveal) throw notRevealed();
  const given = progress.judgements.filter((each) => isSameDelivery(each, delivery));
  const byJudge = new Map(given.map(({ signer, signature }) => [toHex(signer), signature]));
  let missing = acceptance.threshold;
  const signatures = acceptance.judges.map((judge) => {
    const signature = missing > 0 ? byJudge.get(toHex(judge)) : undefined;
    if (signature) missing--;
    return signature;
  });
  if (missing > 0) {
    throw notReady(
      'NOT_ENOUGH_JUDGES',
      `${acceptance.threshold - missing} of the ${acceptance.threshold} judges that it takes have signed.`,
      'Wait until they have: judgements count once they are in a block',
    );
  }
  const pledges = standingPledges(progress);
  demandGoal(progress, pledges);
  const chosen = largestFirst(pledges).slice(0, MAXIMUM_PLEDGES);
  const testSetHash = sha256(utf8(reveal.testSet));
  const judgement = { signatures, salt: reveal.salt, testSetHash };
  return judgesAcceptSpend(terms, acceptance, chosen, delivery, judgement);
}

function notAccepted(by: 'backers' | 'judges'): BitmodelError {
  return new BitmodelError('WRONG_ACCEPTANCE', `This task is accepted by its ${by}.`, {
    next: 'See bitmodel imi show',
    exitCode: EXIT.usage,
  });
}

/** The error where a test set is not on the chain yet. */
export function notRevealed(): BitmodelError {
  return notReady(
    'NOT_REVEALED',
    'The test set of this task has not been shown yet.',
    'Wait for its creator, who shows it once a delivery is pinned: bitmodel imi reveal',
  );
}

/**
 * The delivery that is meant: the only one that counts, or the one that is named.
 * @param name its pin, or the beginning of the model's id
 * @throws BitmodelError `NO_DELIVERY` (exit 3), `LATE_DELIVERY`, `AMBIGUOUS_DELIVERY`
 */
export function chosenDelivery(progress: TaskProgress, name?: string): PinnedDelivery {
  const counted = countedDeliveries(progress);
  const isMeant = ({ place, delivery }: PinnedDelivery): boolean =>
    name === undefined || place.pin === name || toHex(delivery).startsWith(name.toLowerCase());
  const [found, other] = counted.filter(isMeant);
  if (found && !other) return found;
  if (found) {
    throw new BitmodelError('AMBIGUOUS_DELIVERY', 'Several deliveries may be meant.', {
      next: 'Name one by its pin with --delivery; bitmodel imi show lists them',
      exitCode: EXIT.usage,
    });
  }
  if (progress.deliveries.some(isMeant)) {
    throw notReady(
      'LATE_DELIVERY',
      'This was delivered after the test set had been shown.',
      'Judge one that was pinned before: its maker could not know the test set',
    );
  }
  throw new BitmodelError('NO_DELIVERY', 'The chain has no such delivery for this task.', {
    next: 'Wait until one is in a block; bitmodel imi show lists them',
    exitCode: EXIT.notFound,
  });
}
