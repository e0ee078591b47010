import type { Command } from 'commander';
import { formatAmount, oneLine, toHex } from '../base/index.js';
import {
  coinName,
  countedPledges,
  findTask,
  formatMetric,
  formatThousandths,
  isSameDelivery,
  type KnownPledge,
  MAXIMUM_PLEDGES,
  minimumPledge,
  nextSteps,
  type PinnedDelivery,
  readProgress,
  readTasks,
  standingPledges,
  type TaskProgress,
  taskState,
  taskSums,
  votedFor,
  windowEnd,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { cutTo } from './shared/columns.js';
import { reflow } from './shared/help-width.js';
import { wholeOption } from './shared/number-options.js';
import { listTable } from './shared/tables.js';
import { nodeClient } from './shared/wallet.js';

interface ListOptions {
  readonly open?: boolean;
  readonly limit: string;
}

/** Rows of text shown of a list that may be long. */
const MOST_ROWS = 20;
/** Columns of a terminal. */
const WIDTH = 80;
const OPEN: ReadonlySet<string> = new Set(['open', 'funded', 'delivered']);

function acceptanceJson({ known }: TaskProgress) {
  const { acceptance } = known.task;
  return acceptance.by === 'backers'
    ? { by: acceptance.by, window: acceptance.window }
    : {
        by: acceptance.by,
        judges: acceptance.judges.map(toHex),
        threshold: acceptance.threshold,
        testSet: toHex(acceptance.testSet),
        metric: formatMetric(acceptance.metric),
      };
}

function summaryJson(progress: TaskProgress) {
  const { known } = progress;
  const { task } = known;
  const { pledged, accepted, refunded } = taskSums(progress);
  return {
    task: known.id,
    title: task.title,
    state: taskState(progress),
    goal: formatAmount(task.goal),
    pledged: formatAmount(pledged),
    accepted: formatAmount(accepted),
    refunded: formatAmount(refunded),
    deadline: task.deadline,
    acceptance: acceptanceJson(progress),
  };
}

function deliveryJson(progress: TaskProgress, delivery: PinnedDelivery) {
  const { known, judgements } = progress;
  const signed = judgements.filter((each) => isSameDelivery(each, delivery));
  return {
    model: toHex(delivery.delivery),
    payee: toHex(delivery.payee),
    pin: delivery.place.pin,
    height: delivery.place.height,
    inTime: delivery.inTime,
    ...(known.task.acceptance.by === 'backers'
      ? { voted: formatAmount(votedFor(progress, delivery)) }
      : {
          judgements: signed.map(({ signer, figure }) => ({
            judge: toHex(signer),
            figureMilli: figure,
          })),
        }),
  };
}

function pledgeJson(pledge: KnownPledge) {
  const { value, backer, state, counts, height } = pledge;
  return {
    pledge: coinName(pledge),
    value: formatAmount(value),
    backer: toHex(backer),
    state,
    counts,
    height,
  };
}

function showJson(progress: TaskProgress) {
  const { known, height, reveal, pledges, deliveries, acceptances } = progress;
  return {
    ...summaryJson(progress),
    description: known.task.description,
    creator: toHex(known.task.creator),
    minimumPledge: formatAmount(minimumPledge(known.task)),
    pin: known.place.pin,
    height,
    pledges: pledges.map(pledgeJson),
    deliveries: deliveries.map((each) => deliveryJson(progress, each)),
    reveal: reveal
      ? { pin: reveal.place.pin, height: reveal.place.height, upTo: reveal.upTo }
      : null,
    acceptances: acceptances.map((each) => ({
      txid: each.txid,
      height: each.height,
      model: toHex(each.delivery),
      payee: toHex(each.payee),
      value: formatAmount(each.value),
      takeableFrom: windowEnd(progress, each) ?? null,
      grants: each.grants.map(({ state, value, backer }) => ({
        state,
        value: formatAmount(value),
        backer: toHex(backer),
      })),
    })),
    next: nextSteps(progress),
  };
}

function rule({ known }: TaskProgress): string {
  const { acceptance } = known.task;
  return acceptance.by === 'backers'
    ? `two thirds of the pledged coins accept; dissenters have ${acceptance.window} blocks to withdraw`
    : `${acceptance.threshold} of ${acceptance.judges.length} judges accept at ${formatMetric(acceptance.metric)}`;
}

/** At most so many lines, and how many more there are. */
function shortened(lines: readonly string[]): string[] {
  const more = lines.length - MOST_ROWS;
  return more > 0 ? [...lines.slice(0, MOST_ROWS), `  … and ${more} more (--json)`] : [...lines];
}

function deliveryLines(progress: TaskProgress): string[] {
  const { known, deliveries, judgements } = progress;
  return deliveries.map((delivery) => {
    const { place, inTime } = delivery;
    const signed = judgements.filter((each) => isSameDelivery(each, delivery));
    const standing =
      known.task.acceptance.by === 'backers'
        ? `${formatAmount(votedFor(progress, delivery))} coins voted for it`
        : `signed by ${signed.length}${signed.map(({ figure }) => `, at ${formatThousandths(figure)}`).join('')}`;
    const late = inTime ? '' : ', too late to count';
    return [
      `  model ${toHex(delivery.delivery)}`,
      ...reflow(`in block ${place.height}${late}; ${standing}`.split(' '), WIDTH, '    '),
      `    pin   ${place.pin}`,
      `    pays  ${toHex(delivery.payee)}`,
    ].join('\n');
  });
}

function acceptanceLines(progress: TaskProgress): string[] {
  return progress.acceptances.map((each) => {
    const end = windowEnd(progress, each);
    const count = (state: string): number =>
      each.grants.filter((grant) => grant.state === state).length;
    const grants =
      each.grants.length === 0
        ? 'paid at once'
        : `of ${each.grants.length} ${each.grants.length === 1 ? 'grant' : 'grants'} ${count('withdrawn')} withdrawn, ${count('taken')} taken`;
    const window = end === undefined ? '' : `, can be taken from block ${end} on`;
    const text = `${formatAmount(each.value)} coins: ${grants}${window}`;
    return [`  ${each.txid}`, ...reflow(text.split(' '), WIDTH, '    ')].join('\n');
  });
}

/** What was pledged and still is: an acceptance takes pledges, but what they came to is still worth telling. */
function pledgedLines(progress: TaskProgress): string[] {
  const { goal } = progress.known.task;
  const { pledged } = taskSums(progress);
  const counted = countedPledges(progress);
  const total = counted.reduce((sum, { value }) => sum + value, 0n);
  return [
    `${formatAmount(total)} of ${formatAmount(goal)} coins pledged, in ${counted.length} ${counted.length === 1 ? 'pledge' : 'pledges'}`,
    ...(total > pledged
      ? [
          `${formatAmount(total - pledged)} of them accepted, ${formatAmount(pledged)} still pledged`,
        ]
      : []),
  ];
}

/** A task for people, in 80 columns. */
export function showText(progress: TaskProgress): string {
  const { known, height, pledges, reveal } = progress;
  const { task, id } = known;
  const standing = standingPledges(progress);
  const small = pledges.filter(({ counts }) => !counts).length;
  const crowd =
    standing.length > MAXIMUM_PLEDGES
      ? [`only the ${MAXIMUM_PLEDGES} largest can be paid by one acceptance`]
      : [];
  const under = (head: string, lines: readonly string[]): string[] =>
    lines.length > 0 ? [head, ...shortened(lines)] : [];
  return [
    `${cutTo(oneLine(task.title), WIDTH - taskState(progress).length - 3)} (${taskState(progress)})`,
    `task         ${id}`,
    `asked for by ${toHex(task.creator)}`,
    // it may have lines that look like ours
    ...(task.description === task.title
      ? []
      : task.description.split('\n').flatMap((line) => reflow(line.split(' '), WIDTH, '  │ '))),
    ...pledgedLines(progress),
    ...(small > 0 ? [`${small} below ${formatAmount(minimumPledge(task))} do not count`] : []),
    ...crowd,
    ...reflow(rule(progress).split(' '), WIDTH, ''),
    `deadline: block ${task.deadline}; the chain is ${height} high`,
    ...(reveal
      ? [
          `test set shown in block ${reveal.place.height}; deliveries up to block ${reveal.upTo} count`,
        ]
      : []),
    ...under('deliveries', deliveryLines(progress)),
    ...under('acceptances', acceptanceLines(progress)),
    ...under(
      'next',
      nextSteps(progress).map(({ who, what, command }) =>
        [...reflow(`${who}: ${what}`.split(' '), WIDTH, '  '), `    ${command}`].join('\n'),
      ),
    ),
  ].join('\n');
}

const show = action(async ([id], { settings, terminal }) => {
  const client = nodeClient(settings);
  const progress = await readProgress(client, await findTask(client, id!));
  terminal.result(showJson(progress), () => showText(progress), progress.known.id);
});

const list = action<ListOptions>(async (_, { options, settings, terminal }) => {
  const limit = wholeOption(options.limit, '--limit', 1, 10_000);
  const client = nodeClient(settings);
  const tasks: TaskProgress[] = [];
  for (const known of (await readTasks(client)).reverse()) {
    if (tasks.length === limit) break;
    const progress = await readProgress(client, known);
    if (!options.open || OPEN.has(taskState(progress))) tasks.push(progress);
  }
  const rows = tasks.map(summaryJson);
  const head = ['task', 'title', 'state', 'pledged', 'goal', 'deadline'];
  const table = await listTable(
    head,
    rows.map(({ task, title, state, pledged, goal, deadline }) => [
      task.slice(0, 8),
      cutTo(oneLine(title), 12),
      state,
      pledged,
      goal,
      String(deadline),
    ]),
  );
  const none = options.open
    ? 'The chain has no task that is open; bitmodel imi list shows the others.'
    : 'The chain has no task yet. Make one: bitmodel imi create --help';
  const text = rows.length > 0 ? table : none;
  terminal.result({ tasks: rows }, text, rows.map(({ task }) => task).join('\n'));
});

/** `imi list|show`. */
export function registerViews(imi: Command): void {
  imi
    .command('list')
    .description('tasks on the chain, the newest first')
    .option('--open', 'only those that can still be pledged to or accepted')
    .option('--limit <count>', 'most that are shown', '50')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi list --open')
    .action(list);
  imi
    .command('show <task>')
    .description('where a task stands: pledges, votes in coins, deliveries, who can do what next')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi show 5f0c1a')
    .action(show);
}
