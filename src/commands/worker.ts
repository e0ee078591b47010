import { Option } from 'commander';
import { BitmodelError, EXIT, formatAmount, messageOf, parseAmount, toHex } from '../base/index.js';
import { type AcceptedVerifiers, JobWorker, WORKER_BATCH } from '../job/index.js';
import { MOST_BATCH } from '../model/index.js';
import { type Attack, sellableAttack } from '../rastic/index.js';
import { DEFAULT_MAX_FEES, type WatchEvent, watchSettlements } from '../reward/index.js';
import { type ActionContext, action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { parsePublicKeys, parseThreads, servedModels } from './shared/models.js';
import { wholeOption } from './shared/number-options.js';
import type { Register } from './shared/register.js';
import { playRole, type RoleChoice, type RoleDesk, tellRole } from './shared/role.js';
import type { Settings } from './shared/settings.js';
import { tellWatch } from './shared/settle-watch.js';
import { SHARE_OPTION } from './shared/shares.js';
import { WALLET_OPTIONS } from './shared/wallet.js';

interface WorkerCommandOptions extends RoleChoice {
  readonly price: string;
  readonly acceptVerifiers?: string;
  readonly maxStake?: string;
  readonly maxJobs?: string;
  readonly batch: number;
  readonly cheat?: string;
  readonly settle?: boolean;
}

/** More than a seller could answer before they expire. */
const MOST_JOBS = 10_000;

/** A whole number of jobs. @throws BitmodelError `BAD_OPTION` */
function parseBatch(text: string): number {
  return wholeOption(text, '--batch', 1, MOST_BATCH);
}

/** A dishonest worker, to see it caught; only where coins are worth nothing. */
function cheatOf({ network }: Settings, name: string | undefined): Attack | undefined {
  if (name === undefined) return undefined;
  if (network === 'regtest') return sellableAttack(name);
  throw new BitmodelError('NO_CHEATING', `On ${network} a worker can't be told to cheat.`, {
    next: 'Try it on regtest',
    exitCode: EXIT.notAllowed,
  });
}

/** Public keys, or `any`. @throws BitmodelError `BAD_KEY` */
function acceptedVerifiers(text: string): AcceptedVerifiers {
  return text === 'any' ? text : parsePublicKeys(text);
}

/** What a seller should know of who can take its stake. */
function judgedBy({ acceptVerifiers }: WorkerCommandOptions): string {
  if (acceptVerifiers === undefined) {
    return 'It takes only jobs whose verifiers are drawn; to be judged by those that a buyer lists: --accept-verifiers KEY,KEY';
  }
  if (acceptVerifiers !== 'any') return 'It takes only jobs that list no verifiers but these.';
  return 'It lets any buyer choose who judges it: a buyer who lists its own keys can take its stake.';
}

/**
 * Sells while the contracts of the models at the desk are settled after each block. Only what ends the selling ends both:
 * settling that fails is told of, and given up.
 */
async function besideSettling(
  { chain, wallet, models }: RoleDesk,
  { settings, terminal, signal }: Pick<ActionContext<unknown>, 'settings' | 'terminal' | 'signal'>,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const onEvent = (event: WatchEvent): void => {
    // blocks and a node that is away are no news of settling, nor is dust that waits for more
    if (['block', 'away', 'back'].includes(event.event)) return;
    if (event.event === 'left' && event.left.reason === 'dust') return;
    tellWatch(event, terminal, settings);
  };
  const ids = models.map(({ id }) => id);
  const settling = watchSettlements(chain, wallet, {
    ids,
    skipUnknown: true,
    maxFees: DEFAULT_MAX_FEES,
    spareOnly: true,
    signal: both,
    onEvent,
  }).catch((thrown: unknown) => onEvent({ event: 'problem', detail: messageOf(thrown) }));
  try {
    await body(signal);
  } finally {
    stop.abort();
    await settling;
  }
}

/** What the seller should know of the fees that it pays for others. */
function settlesBy({ settle }: WorkerCommandOptions): string {
  if (settle === false)
    return 'It settles nothing: what its jobs bring waits in the contracts of its models.';
  return `It settles what its jobs bring the contracts of its models, for at most ${formatAmount(DEFAULT_MAX_FEES)} coins of fees a day; --no-settle leaves that to others`;
}

/** `bitmodel worker`: sells inference until it is stopped. */
export const register: Register = (program) => {
  const command = program
    .command('worker')
    .description('sell inference, until stopped')
    .option('--model <model>', 'folder, id or name of a model it runs; may be repeated', collect)
    .option('--price <coins>', 'what it asks for one output token', '0.00001')
    .option(
      '--accept-verifiers <keys>',
      'also be judged by verifiers that a buyer lists: these public keys, separated by commas, or any (default: drawn ones only)',
    )
    .option('--max-stake <coins>', 'most it stakes on one job (default: 12 times what it brings)')
    .option('--max-jobs <n>', 'most jobs it takes before it has answered them (16)')
    .option(
      '--batch <n>',
      'most jobs it computes at once; 1 for one after another',
      parseBatch,
      WORKER_BATCH,
    )
    .option('--threads <n>', 'threads of each model', parseThreads)
    .option(
      '--settle',
      'pay out what its jobs bring the contracts of its models, once it is in a block; the fees are its own (the default)',
    )
    .option('--no-settle', 'leave that to others')
    .option(...SHARE_OPTION)
    .addOption(new Option('--cheat <attack>').hideHelp());
  const [key, passphrase] = WALLET_OPTIONS;
  command.option(...key, 'default').option(...passphrase);
  command
    .addHelpText(
      'after',
      '\nIts key holds the coins it stakes, and is paid. Ctrl-C stops it; started again, it goes on with what it had.\n\nExample:\n  $ bitmodel worker --key seller --model fixtures/bitmodel-tiny --price 0.00001',
    )
    .action(
      action<WorkerCommandOptions>(async (_, context) => {
        const { options, settings, terminal, signal } = context;
        const price = parseAmount(options.price);
        const dishonesty = cheatOf(settings, options.cheat);
        return playRole('worker', context, async (desk) => {
          const worker = new JobWorker({
            ...desk,
            price,
            batch: options.batch,
            ...(options.acceptVerifiers === undefined
              ? {}
              : { acceptVerifiers: acceptedVerifiers(options.acceptVerifiers) }),
            ...(options.maxStake === undefined ? {} : { maxStake: parseAmount(options.maxStake) }),
            ...(options.maxJobs === undefined
              ? {}
              : { maxJobs: wholeOption(options.maxJobs, '--max-jobs', 1, MOST_JOBS) }),
            ...(dishonesty === undefined ? {} : { dishonesty }),
          });
          tellRole(worker, terminal);
          const publicKey = toHex(desk.key.publicKey);
          const served = servedModels(desk.models);
          terminal.result(
            {
              publicKey,
              address: desk.key.address,
              price: formatAmount(price),
              models: served.list,
            },
            `worker ${publicKey} asks ${formatAmount(price)} coins a token; Ctrl-C stops it\n${served.text}`,
            publicKey,
          );
          terminal.note(judgedBy(options));
          terminal.note(settlesBy(options));
          await (options.settle === false
            ? worker.run(signal)
            : besideSettling(desk, context, (stopped) => worker.run(stopped)));
          terminal.note('The worker has stopped.');
          return EXIT.done;
        });
      }),
    );
};
