import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, oneLine, parseAmount } from '../base/index.js';
import {
  coinName,
  findTask,
  type ImiHands,
  isExpired,
  type PinnedTask,
  pledgeTo,
  readProgress,
  readTasks,
  refundPledges,
  type TakenBack,
  type TaskProgress,
  withdrawGrants,
} from '../reward/index.js';
import { create } from './imi-create.js';
import { type ActionContext, action } from './shared/action.js';
import { cutTo } from './shared/columns.js';
import { openParticipant } from './shared/participant.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import type { Terminal } from './shared/terminal.js';
import type { WalletChoice } from './shared/wallet.js';

/** Columns that a task's title may take beside what was pledged. */
const TITLE = 40;

/** Opens the key for as long as the body runs. */
export async function withHands<Options extends WalletChoice>(
  { options, settings, signal }: ActionContext<Options>,
  body: (hands: ImiHands) => Promise<void>,
): Promise<void> {
  const hands = await openParticipant(settings, options, signal);
  try {
    await body(hands);
  } finally {
    hands.chain.rpc.close();
  }
}

/** Adds the options that name a key. */
export function keyed(command: Command, what: string): Command {
  return command.option('--key <name>', what, 'default').option(...PASSPHRASE_OPTION);
}

/** Prints what was taken out of contracts. */
export function printTaken(
  terminal: Terminal,
  taken: readonly (TakenBack & { readonly task: string })[],
  nothing: string,
): void {
  const rows = taken.map(({ task, txid, value, coins, fee }) => ({
    task,
    txid,
    value: formatAmount(value),
    coins,
    fee: formatAmount(fee),
  }));
  const lines = rows.map(
    ({ task, txid, value, fee }) =>
      `${value} coins of task ${task.slice(0, 16)}… less a fee of ${fee}, in\n  ${txid}`,
  );
  const text = lines.length > 0 ? lines.join('\n') : nothing;
  terminal.result({ taken: rows }, text, rows.map(({ txid }) => txid).join('\n'));
}

/** The error where a key has nothing to take. */
export function nothingToTake(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notFound });
}

async function pledge([id, amount]: string[], context: ActionContext<WalletChoice>): Promise<void> {
  const value = parseAmount(amount!);
  await withHands(context, async (hands) => {
    const known = await findTask(hands.chain, id!);
    const sent = await pledgeTo(hands, known, value);
    const { deadline, title } = known.task;
    const facts = {
      task: known.id,
      pledge: coinName(sent),
      value: formatAmount(value),
      refundableFrom: deadline + 1,
      txid: sent.txid,
      fee: formatAmount(sent.fee),
    };
    const text = `pledged ${facts.value} coins to "${cutTo(oneLine(title), TITLE)}":\n  ${facts.pledge}\nnot accepted, they can be taken back from block ${deadline + 1} on`;
    context.terminal.result(facts, text, facts.pledge);
  });
}

function ownPledges({ pledges }: TaskProgress, hands: ImiHands) {
  const own = Buffer.from(hands.key.publicKey);
  return pledges.filter(({ backer }) => own.equals(backer));
}

function whyNothing(progress: TaskProgress, hands: ImiHands): BitmodelError {
  const { deadline } = progress.known.task;
  const own = ownPledges(progress, hands);
  if (own.some(({ state }) => state === 'pledged')) {
    return nothingToTake(
      'NOT_YET',
      `A pledge that is not accepted stays until the chain is ${deadline} blocks high; now it is ${progress.height}.`,
      'Wait for the deadline, then bitmodel imi refund',
    );
  }
  if (own.some(({ state }) => state === 'accepted')) {
    return nothingToTake(
      'NO_GRANT',
      'What this key had granted was paid out, or taken back already.',
      'See bitmodel imi show',
    );
  }
  return nothingToTake(
    'NO_PLEDGE',
    'This key has pledged nothing to the task that is still there.',
    'Name the key that did with --key',
  );
}

async function withdraw([id]: string[], context: ActionContext<WalletChoice>): Promise<void> {
  await withHands(context, async (hands) => {
    const progress = await readProgress(hands.chain, await findTask(hands.chain, id!));
    const taken = await withdrawGrants(hands, progress);
    if (taken.length === 0) throw whyNothing(progress, hands);
    const task = progress.known.id;
    printTaken(
      context.terminal,
      taken.map((each) => ({ ...each, task })),
      '',
    );
  });
}

/** What could be taken back of all tasks; one that fails keeps nobody from the others. */
async function refundAll(hands: ImiHands, terminal: Terminal) {
  const taken: (TakenBack & { task: string })[] = [];
  const failures: BitmodelError[] = [];
  const height = await hands.chain.height();
  for (const known of await readTasks(hands.chain)) {
    if (!isExpired({ known, height })) continue;
    try {
      const back = await refundPledges(hands, known);
      taken.push(...back.map((each) => ({ ...each, task: known.id })));
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.exitCode === EXIT.unreachable) throw thrown;
      failures.push(thrown);
      terminal.warn(`pledges to task ${known.id} stay for now: ${thrown.message}`);
    }
  }
  if (taken.length === 0 && failures[0]) throw failures[0];
  return taken;
}

async function refundOf(hands: ImiHands, known: PinnedTask) {
  const taken = await refundPledges(hands, known);
  if (taken.length === 0) throw whyNothing(await readProgress(hands.chain, known), hands);
  return taken.map((each) => ({ ...each, task: known.id }));
}

async function refund([id]: string[], context: ActionContext<WalletChoice>): Promise<void> {
  await withHands(context, async (hands) => {
    const taken =
      id === undefined
        ? await refundAll(hands, context.terminal)
        : await refundOf(hands, await findTask(hands.chain, id));
    printTaken(context.terminal, taken, 'No pledge of this key can be taken back now.');
  });
}

/** `imi create|pledge|withdraw|refund`. */
export function registerFunding(imi: Command): void {
  const made = imi
    .command('create')
    .summary('ask for a model, and say who accepts it')
    .description(
      'Pins a task that backers can pledge coins to. The test set that judges run is kept in the data folder, and shown once something is delivered.',
    )
    .requiredOption('--title <text>', 'what is to be made, in one line')
    .option('--description <text>', 'the same at length (default: the title)')
    .requiredOption('--goal <coins>', 'below it nobody is paid')
    .requiredOption('--deadline <height>', 'when pledges can be taken back; +N: blocks from now')
    .option('--backers', 'two thirds of the pledged coins accept')
    .option('--window <blocks>', 'what dissenters have to withdraw (default: 30)')
    .option('--judges <keys>', 'public keys of judges, separated by commas')
    .option('--threshold <count>', 'how many of them must sign: more than half')
    .option('--test-set <file>', 'JSON lines that judges run')
    .option('--metric <rule>', 'such as perplexity<=120 or exact-match>=80%');
  keyed(made, 'the key that asks, and pays the fee')
    .addHelpText(
      'after',
      `
Examples:
  $ bitmodel imi create --title "Sonnets" --goal 100 --deadline +5000 --backers
  $ bitmodel imi create --title "Sums" --goal 100 --deadline +5000 \\
      --judges 02ab…,03cd…,02ef… --threshold 2 \\
      --test-set sums.jsonl --metric "exact-match>=80%"`,
    )
    .action(action(create));
  keyed(imi.command('pledge <task> <coins>'), 'the key that pledges')
    .description('pledge coins to a task; not accepted, the key has them back at the deadline')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi pledge 5f0c1a 10')
    .action(action(pledge));
  keyed(imi.command('withdraw <task>'), 'the key that pledged')
    .description('dissent: take a grant back after an acceptance, while the payee has not taken it')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi withdraw 5f0c1a')
    .action(action(withdraw));
  keyed(imi.command('refund [task]'), 'the key that pledged')
    .description('take pledges back after the deadline; of all tasks, unless one is named')
    .addHelpText('after', '\nExample:\n  $ bitmodel imi refund --key ann')
    .action(action(refund));
}
