import { BitmodelError, EXIT, equalBytes, formatAmount } from '../../base/index.js';
import {
  type ChainClient,
  createPin,
  DUST,
  encodePin,
  hash160,
  idToHash,
  type KeyPair,
  type Outpoint,
  type PinWrite,
  p2pkhScript,
  type Sent,
  signData,
  type Wallet,
} from '../../chain/index.js';
import { type Delivery, deliveryMessage } from '../contracts/assurance.js';
import { type PayoutSpend, pledgeOutput, unlockPayout } from '../contracts/assuranceSpends.js';
import {
  deliveryPayload,
  judgementPayload,
  pledgePayload,
  revealPayload,
  type Saying,
  type SignedDelivery,
  type SignedJudgement,
  sayingPath,
  votePayload,
} from './pins.js';
import type { TaskProgress } from './progress.js';
import type { TestSetSecret } from './secret.js';
import { countedDeliveries, isJudge } from './state.js';
import { demandTask, type ImiTask, minimumPledge, TASK_PIN_PATH, taskPayload } from './task.js';
import type { PinnedTask } from './tasks.js';

/** Who acts: a key, its coins, and the node that is asked. */
export interface ImiHands {
  readonly chain: ChainClient;
  readonly wallet: Wallet;
  readonly key: KeyPair;
}

const JSON_TYPE = 'application/json';

function refused(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notAllowed });
}

const ownScript = ({ key }: ImiHands): Uint8Array => p2pkhScript(hash160(key.publicKey));

function say(
  hands: ImiHands,
  saying: Saying,
  { terms }: PinnedTask,
  payload: Uint8Array,
): Promise<PinWrite> {
  const content = { contentType: JSON_TYPE, payload };
  return createPin(hands.wallet, sayingPath(saying, terms.task), content, ownScript(hands));
}

/**
 * Pins a task. Where judges accept, the test set must be kept before.
 * @throws BitmodelError `BAD_TASK`, `BAD_TERMS`, `PAST_DEADLINE`, and as `createPin`
 */
export async function createTask(hands: ImiHands, task: ImiTask): Promise<PinWrite> {
  demandTask(task);
  const height = await hands.chain.height();
  if (height >= task.deadline) throw pastDeadline(task.deadline, height);
  const content = { contentType: JSON_TYPE, payload: taskPayload(task) };
  return createPin(hands.wallet, TASK_PIN_PATH, content, ownScript(hands));
}

function pastDeadline(deadline: number, height: number): BitmodelError {
  return refused(
    'PAST_DEADLINE',
    `The deadline ${deadline} is over: the chain is ${height} blocks high.`,
    'Take pledges back with bitmodel imi refund, or make another task',
  );
}

/**
 * Pledges coins to a task, in one transaction with the pin that announces them: the pin's coin is output 0, the pledge
 * output 2. All that is needed to get them back is the key.
 * @param value base units
 * @throws BitmodelError `PLEDGE_TOO_SMALL`, `PAST_DEADLINE`, and as `Wallet.send`
 */
export async function pledgeTo(
  hands: ImiHands,
  { task, terms }: PinnedTask,
  value: bigint,
): Promise<Sent & { readonly outpoint: Outpoint }> {
  const least = minimumPledge(task);
  if (value < least) {
    throw refused(
      'PLEDGE_TOO_SMALL',
      `A pledge to this task counts from ${formatAmount(least)} coins on.`,
      'Pledge more',
    );
  }
  const height = await hands.chain.height();
  if (height >= task.deadline) throw pastDeadline(task.deadline, height);
  const index = 2;
  const payload = pledgePayload(terms.task, index);
  const path = sayingPath('pledge', terms.task);
  const pin = encodePin({ operation: 'create', path, contentType: JSON_TYPE, payload });
  const sent = await hands.wallet.send(
    [
      { value: DUST, lockingScript: ownScript(hands) },
      { value: 0n, lockingScript: pin },
      pledgeOutput(terms, hands.key.publicKey, value),
    ],
    // a small pledge is not worth less than its fee because it can be had back
    { allowHighFee: true },
  );
  return { ...sent, outpoint: { hash: idToHash(sent.txid), index } };
}

/**
 * Delivers a model: pins its id, before anybody is shown the test set.
 * @param delivery whose payee is the key that acts, unless somebody else shall be paid
 * @throws BitmodelError `ALREADY_REVEALED` where it would come too late, and as `createPin`
 */
export async function deliverTo(
  hands: ImiHands,
  progress: TaskProgress,
  delivery: Delivery,
): Promise<PinWrite> {
  if (progress.reveal) {
    throw refused(
      'ALREADY_REVEALED',
      'The test set of this task has been shown: what is delivered now does not count.',
      'Deliver to another task',
    );
  }
  const { terms } = progress.known;
  return say(hands, 'delivery', progress.known, deliveryPayload(terms.task, delivery));
}

function sign(hands: ImiHands, { known }: TaskProgress, delivery: Delivery): SignedDelivery {
  const signature = signData(deliveryMessage(known.terms, delivery), hands.key.privateKey);
  return { ...delivery, signer: hands.key.publicKey, signature };
}

/** Votes for a delivery, as a backer. @throws as `createPin` */
export async function voteFor(
  hands: ImiHands,
  progress: TaskProgress,
  { delivery, payee }: Delivery,
): Promise<{ readonly vote: SignedDelivery; readonly write: PinWrite }> {
  const vote = sign(hands, progress, { delivery, payee });
  const payload = votePayload(progress.known.terms.task, vote);
  return { vote, write: await say(hands, 'vote', progress.known, payload) };
}

/**
 * Signs that a delivery has passed, as a judge.
 * @param figure what it reached, in thousandths
 * @throws BitmodelError `NOT_A_JUDGE`, and as `createPin`
 */
export async function judgeAsPassed(
  hands: ImiHands,
  progress: TaskProgress,
  { delivery, payee }: Delivery,
  figure: number,
): Promise<{ readonly judgement: SignedJudgement; readonly write: PinWrite }> {
  if (!isJudge(progress, hands.key.publicKey)) {
    throw refused(
      'NOT_A_JUDGE',
      'This key is none of the judges of the task.',
      'Name one with --key',
    );
  }
  const judgement = { ...sign(hands, progress, { delivery, payee }), figure };
  const payload = judgementPayload(progress.known.terms.task, judgement);
  return { judgement, write: await say(hands, 'judgement', progress.known, payload) };
}

/**
 * Shows the test set. Deliveries in blocks up to the present one count.
 * @throws BitmodelError `NOT_CREATOR`, `ALREADY_REVEALED`, `NO_DELIVERY` while nothing is delivered, and as `createPin`
 */
export async function revealTestSet(
  hands: ImiHands,
  progress: TaskProgress,
  { salt, testSet }: TestSetSecret,
): Promise<PinWrite> {
  const { known, reveal, height } = progress;
  if (!equalBytes(known.task.creator, hands.key.publicKey)) {
    throw refused(
      'NOT_CREATOR',
      'This key did not make the task.',
      'Name the one that did with --key',
    );
  }
  if (reveal) {
    throw refused(
      'ALREADY_REVEALED',
      `The test set was shown in block ${reveal.place.height}.`,
      'See bitmodel imi show',
    );
  }
  if (countedDeliveries(progress).length === 0) {
    throw refused(
      'NO_DELIVERY',
      'Nothing is delivered yet, and whoever sees the test set could make a model for it.',
      'Wait until a delivery is in a block, and better a few blocks deep',
    );
  }
  const shown = revealPayload(known.terms, { salt, testSet, upTo: height }, hands.key.privateKey);
  return say(hands, 'reveal', known, shown);
}

/**
 * Sends an acceptance: anybody can, with coins for the fee. Who is paid what, the contract holds.
 * @throws what the wallet and the node say
 */
export async function sendAcceptance(
  { wallet }: Pick<ImiHands, 'wallet'>,
  spend: PayoutSpend,
): Promise<Sent> {
  const funded = await wallet.fund(spend);
  const transaction = unlockPayout(funded.transaction, spend);
  return wallet.submit({ ...funded, transaction }, { allowHighFee: true });
}
