import type { Command } from 'commander';
import {
  BitmodelError,
  EXIT,
  type ExitCode,
  equalBytes,
  formatAmount,
  toHex,
} from '../base/index.js';
import {
  chosenDelivery,
  findTask,
  formatMetric,
  formatThousandths,
  type ImiHands,
  type ImiMeasurement,
  isJudge,
  isSameDelivery,
  judgeAsPassed,
  measureDelivery,
  notRevealed,
  type PinnedDelivery,
  parseTestSet,
  planBackers,
  planJudges,
  readProgress,
  sendAcceptance,
  standingPledges,
  type TaskProgress,
  voteFor,
} from '../reward/index.js';
import { keyed, withHands } from './imi-fund.js';
import { type ActionContext, action } from './shared/action.js';
import { parseThreads } from './shared/number-options.js';
import { progressLine } from './shared/progress.js';
import { nodeClient, type WalletChoice } from './shared/wallet.js';

interface ModelOptions {
  readonly model?: string;
  readonly delivery?: string;
  readonly threads?: number;
}
type AcceptOptions = WalletChoice & ModelOptions;

const VERDICT_EXIT: Readonly<Record<ImiMeasurement['verdict'], ExitCode>> = {
  passes: EXIT.done,
  fails: EXIT.invalid,
  unclear: EXIT.abstained,
};

function measurementJson({ verdict, figure, items, tau, numericClass }: ImiMeasurement) {
  return { verdict, figureMilli: figure, items, tau, numericClass };
}

function measurementText(
  progress: TaskProgress,
  { verdict, figure, tau, numericClass }: ImiMeasurement,
) {
  const { acceptance } = progress.known.task;
  const rule = acceptance.by === 'judges' ? formatMetric(acceptance.metric) : '';
  const [value, low, high] = [figure.value, figure.low, figure.high].map(formatThousandths);
  return `${verdict}: ${value} (other machines ${low} to ${high}) for ${rule}, ${numericClass} within ${tau} of the logits`;
}

/** Runs the test set that was shown against a model of this machine. */
async function measure(
  progress: TaskProgress,
  folder: string,
  { options, settings, signal }: ActionContext<ModelOptions>,
): Promise<ImiMeasurement> {
  const { acceptance } = progress.known.task;
  if (acceptance.by !== 'judges' || !progress.reveal) throw notRevealed();
  const testSet = parseTestSet(progress.reveal.testSet, acceptance.metric);
  const { openWithShares } = await import('./shared/shares.js');
  // a stranger's graph
  const isolated = { isolate: true, ...(options.threads && { threads: options.threads }) };
  const model = await openWithShares(folder, isolated, []);
  const line = progressLine('judging', settings, (rate) => `${rate.toFixed(1)} items/s`);
  try {
    return await measureDelivery(model, testSet, acceptance.metric, {
      signal,
      onItem: line.update,
    });
  } finally {
    line.end();
    await model.close();
  }
}

async function locate(context: ActionContext<ModelOptions>, delivery: PinnedDelivery | undefined) {
  const { locateModel } = await import('./shared/models.js');
  const { model = delivery && toHex(delivery.delivery) } = context.options;
  return locateModel(model!, context.settings);
}

async function check([id]: string[], context: ActionContext<ModelOptions>): Promise<ExitCode> {
  const { settings, terminal, options } = context;
  const chain = nodeClient(settings);
  const progress = await readProgress(chain, await findTask(chain, id!));
  if (!progress.reveal) throw notRevealed();
  const named =
    options.model === undefined ? chosenDelivery(progress, options.delivery) : undefined;
  const model = await locate(context, named);
  const delivered = progress.deliveries.find((each) => toHex(each.delivery) === model.id);
  if (!delivered?.inTime) {
    terminal.warn(
      delivered
        ? 'this model was delivered too late to count'
        : 'this model was not delivered for the task',
    );
  }
  const measured = await measure(progress, model.folder, context);
  const facts = {
    task: progress.known.id,
    model: model.id,
    delivered: delivered?.place.pin ?? null,
    inTime: delivered?.inTime ?? false,
    ...measurementJson(measured),
  };
  terminal.result(facts, measurementText(progress, measured), measured.verdict);
  return VERDICT_EXIT[measured.verdict];
}

/** Votes where the key is a backer that has not yet; its own vote counts before it is in a block. */
async function withVote(hands: ImiHands, progress: TaskProgress, delivery: PinnedDelivery) {
  const own = hands.key.publicKey;
  const isBacker = standingPledges(progress).some(({ backer }) => equalBytes(backer, own));
  const hasVoted = progress.votes.some(
    (vote) => equalBytes(vote.signer, own) && isSameDelivery(vote, delivery),
  );
  if (!isBacker || hasVoted) return { progress, pin: undefined, isSigner: isBacker };
  const { vote, write } = await voteFor(hands, progress, delivery);
  const voted = { ...progress, votes: [...progress.votes, vote] };
  return { progress: voted, pin: write.pin, isSigner: true };
}

/** Judges where the key is a judge that has not yet; signs only what passes on every machine of its class. */
async function withJudgement(
  hands: ImiHands,
  progress: TaskProgress,
  delivery: PinnedDelivery,
  context: ActionContext<AcceptOptions>,
) {
  const own = hands.key.publicKey;
  const isSigner = isJudge(progress, own);
  const hasJudged = progress.judgements.some(
    (each) => equalBytes(each.signer, own) && isSameDelivery(each, delivery),
  );
  if (!isSigner || hasJudged) return { progress, pin: undefined, isSigner };
  if (!progress.reveal) throw notRevealed();
  const { folder, id } = await locate(context, delivery);
  if (id !== toHex(delivery.delivery)) {
    throw new BitmodelError(
      'NOT_DELIVERED',
      `The model in ${folder} is not the one that was delivered.`,
      {
        next: `Fetch it with: bitmodel model pull ${toHex(delivery.delivery)}`,
        exitCode: EXIT.notFound,
      },
    );
  }
  const measured = await measure(progress, folder, context);
  context.terminal.note(measurementText(progress, measured));
  if (measured.verdict !== 'passes') {
    const isUnclear = measured.verdict === 'unclear';
    throw new BitmodelError(
      isUnclear ? 'UNCLEAR_FIGURE' : 'TEST_FAILED',
      `Nothing is signed. ${measurementText(progress, measured)}.`,
      {
        next: isUnclear
          ? 'Another machine may see it on the other side of the limit: only what passes on all is signed'
          : 'Judge another delivery, or leave it: backers have their coins back at the deadline',
        exitCode: VERDICT_EXIT[measured.verdict],
      },
    );
  }
  const { judgement, write } = await judgeAsPassed(
    hands,
    progress,
    delivery,
    measured.figure.value,
  );
  const judged = { ...progress, judgements: [...progress.judgements, judgement] };
  return { progress: judged, pin: write.pin, isSigner: true };
}

/** Codes that say that others have to act first. */
const WAITING = new Set(['NOT_ENOUGH_VOTES', 'NOT_ENOUGH_JUDGES', 'GOAL_NOT_REACHED']);

async function accept([id]: string[], context: ActionContext<AcceptOptions>): Promise<void> {
  await withHands(context, async (hands) => {
    const before = await readProgress(hands.chain, await findTask(hands.chain, id!));
    const { known } = before;
    const { by } = known.task.acceptance;
    const delivery = chosenDelivery(before, context.options.delivery);
    const { progress, pin, isSigner } =
      by === 'backers'
        ? await withVote(hands, before, delivery)
        : await withJudgement(hands, before, delivery, context);
    const about = {
      task: known.id,
      model: toHex(delivery.delivery),
      ...(pin === undefined ? {} : { pin }),
    };
    const signed = pin === undefined ? '' : `signed as pin ${pin}\n`;
    try {
      const plan =
        by === 'backers' ? planBackers(progress, delivery) : planJudges(progress, delivery);
      const sent = await sendAcceptance(hands, plan);
      const facts = { ...about, accepted: true, txid: sent.txid, fee: formatAmount(sent.fee) };
      context.terminal.result(facts, `${signed}accepted in ${sent.txid}`, sent.txid);
    } catch (thrown) {
      const isWaiting = thrown instanceof BitmodelError && WAITING.has(thrown.code);
      if (!isWaiting || !isSigner) throw thrown;
      const { message } = thrown;
      context.terminal.result(
        { ...about, accepted: false, waitsFor: message },
        `${signed}${message}`,
        pin ?? '',
      );
    }
  });
}

/** `imi accept|check`. */
export function registerAccept(imi: Command): void {
  const onModel = (command: Command, what: string): Command =>
    command
      .option('--model <model>', what)
      .option('--delivery <pin>', 'which delivery, where there are several')
      .option('--threads <count>', 'threads of the model (default: all cores)', parseThreads);
  keyed(
    onModel(imi.command('accept <task>'), 'where a judge has the model (default: by its id)'),
    'a backer, a judge, or whoever sends the acceptance',
  )
    .description(
      'vote as a backer, or judge and sign as a judge; send the acceptance once enough have',
    )
    .addHelpText('after', '\nExample:\n  $ bitmodel imi accept 5f0c1a --key ann')
    .action(action(accept));
  onModel(imi.command('check <task>'), 'folder, name or id of a model (default: the delivered one)')
    .description(
      'run the test set that was shown against a model; exit code 10: fails, 11: unclear',
    )
    .addHelpText('after', '\nExample:\n  $ bitmodel imi check 5f0c1a --model ./sonnets')
    .action(action(check));
}
