import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, toHex } from '../base/index.js';
import {
  type BoughtWith,
  type ClientRecord,
  isContestable,
  JobClient,
  JobRecords,
  SellerBook,
  writeReceipt,
} from '../job/index.js';
import { ModelRegistry } from '../model/index.js';
import { registerFetch } from './job-fetch.js';
import { registerRejudge } from './job-rejudge.js';
import { driveToEnd, followToEnd, registerSubmit, tellEvents } from './job-submit.js';
import { registerWatch } from './job-watch.js';
import { type ActionContext, action } from './shared/action.js';
import { openDetached, regain, settleHome } from './shared/detached.js';
import { printEnd, whyNoReceipt } from './shared/job-end.js';
import { recordJson, recordText, rewardAtMost, stateOf } from './shared/job-view.js';
import { closeModels, openJobModels, parseThreads } from './shared/models.js';
import { jobsFolder, type OpenParticipant, openParticipant } from './shared/participant.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import type { Register } from './shared/register.js';
import type { Settings } from './shared/settings.js';
import { SHARE_OPTION } from './shared/shares.js';
import type { WalletChoice } from './shared/wallet.js';

interface ResumeOptions extends Partial<WalletChoice> {
  readonly model?: string;
  readonly threads?: number;
  readonly share?: string[];
}

/** A job of this buyer, with all that it takes to go on with it. */
interface OpenJob {
  readonly client: JobClient;
  readonly record: ClientRecord;
  readonly opened: OpenParticipant;
  readonly used: BoughtWith;
}

const recordsOf = (settings: Settings) => new JobRecords<ClientRecord>(jobsFolder(settings));

/** What a job is gone on with: as told, else what it was submitted with, else what commands take by themselves. */
function usedFor(
  { boughtWith, job }: ClientRecord,
  { key, model }: ResumeOptions,
  { datadir }: Settings,
): BoughtWith {
  const registry = new ModelRegistry(datadir);
  const isThere = boughtWith !== undefined && existsSync(boughtWith.model);
  return {
    key: key ?? boughtWith?.key ?? 'default',
    model: registry.resolve(model ?? (isThere ? boughtWith.model : job.model)),
  };
}

/** Opens a job's buyer with the key that made it, and the model it needs to check the answer. */
async function withClient<T>(
  id: string,
  { options, settings, terminal, signal }: ActionContext<ResumeOptions>,
  use: (job: OpenJob) => Promise<T>,
): Promise<T> {
  let record = recordsOf(settings).load(id);
  const used = usedFor(record, options, settings);
  const { detached } = record;
  const opened = detached
    ? openDetached(settings, detached)
    : await openParticipant(settings, { ...options, key: used.key }, signal);
  if (toHex(opened.key.publicKey) !== record.job.client) {
    throw new BitmodelError('OTHER_KEY', `The job is not that of the key ${used.key}.`, {
      next: 'Pass the key that submitted it with --key',
      exitCode: EXIT.notAllowed,
    });
  }
  const models = await openJobModels([used.model], settings, {
    file: record.job.file,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.share === undefined ? {} : { share: options.share }),
  });
  try {
    const client = new JobClient({
      ...opened,
      models,
      directory: jobsFolder(settings),
      sellers: SellerBook.of(settings.datadir, settings.network),
    });
    tellEvents(client, terminal);
    if (!detached) return await use({ client, record, opened, used });
    const read = (ids: readonly number[]) => models[0]!.model.text(ids);
    record = await regain(record, opened, read, { settings, terminal, signal });
    try {
      return await use({ client, record, opened, used });
    } finally {
      await settleHome(record.id, opened, { settings, terminal, signal });
    }
  } finally {
    await closeModels(models);
    opened.chain.rpc.close();
  }
}

function withKey(command: Command): Command {
  return command
    .option('--key <name>', 'the key that submitted it (default: known from then)')
    .option(...PASSPHRASE_OPTION)
    .option('--model <model>', 'folder of the model (default: known from then)')
    .option('--threads <n>', 'threads to check with', parseThreads)
    .option(...SHARE_OPTION);
}

function registerList(job: Command): void {
  job
    .command('list')
    .description('your jobs')
    .addHelpText('after', '\nExample:\n  $ bitmodel job list')
    .action(
      action(async (_, { settings, terminal }) => {
        const records = recordsOf(settings)
          .all()
          .sort((a, b) => a.job.created - b.job.created);
        const lines = records.map(
          (record) =>
            `${record.id.slice(0, 16)}  ${stateOf(record).padEnd(10)} ${formatAmount(rewardAtMost(record)).padStart(14)}  block ${record.job.created}`,
        );
        terminal.result(
          { jobs: records.map(recordJson) },
          lines.length > 0 ? lines.join('\n') : 'no jobs yet',
          records.map(({ id }) => id).join('\n'),
        );
        return EXIT.done;
      }),
    );
}

function registerShow(job: Command): void {
  job
    .command('show')
    .description('one of your jobs')
    .argument('<id>', 'its id, or the first digits')
    .option('--receipt <file>', 'write its receipt here')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel job show 3fa9\n  $ bitmodel job show 3fa9 --receipt receipt.json',
    )
    .action(
      action<{ readonly receipt?: string }>(async ([id], { options, settings, terminal }) => {
        const record = recordsOf(settings).load(id!);
        const { receipt } = options;
        if (receipt !== undefined && !writeReceipt(record, resolve(receipt))) {
          throw new BitmodelError(
            'NO_RECEIPT',
            `This job has no receipt: ${whyNoReceipt(record)}.`,
            {
              next: `See how it stands: bitmodel job show ${record.id.slice(0, 12)}`,
              exitCode: EXIT.notFound,
            },
          );
        }
        terminal.result(recordJson(record), recordText(record), stateOf(record));
        return EXIT.done;
      }),
    );
}

function registerResume(job: Command): void {
  withKey(job.command('resume'))
    .description('go on with a job after its buyer was stopped, to the answer or the refund')
    .argument('<id>', 'its id, or the first digits')
    .addHelpText('after', '\nExample:\n  $ bitmodel job resume 3fa9')
    .action(
      action<ResumeOptions>(async ([id], context) =>
        withClient(id!, context, ({ client, record, opened, used }) =>
          followToEnd(client, record.id, opened, context, used),
        ),
      ),
    );
}

function registerCancel(job: Command): void {
  withKey(job.command('cancel'))
    .description('give up a job that no money is locked for yet')
    .argument('<id>', 'its id, or the first digits')
    .addHelpText('after', '\nExample:\n  $ bitmodel job cancel 3fa9')
    .action(
      action<ResumeOptions>(async ([id], context) =>
        withClient(id!, context, async ({ client, record }) => {
          const ended = await client.cancel(record.id);
          context.terminal.result(recordJson(ended), 'cancelled', ended.id);
          return EXIT.done;
        }),
      ),
    );
}

function registerContest(job: Command): void {
  withKey(job.command('contest'))
    .description('have the verifiers judge an answer, whatever your own check says')
    .argument('<id>', 'its id, or the first digits')
    .addHelpText(
      'after',
      '\nIt costs the verifiers’ fees where they find the answer good.\n\nExample:\n  $ bitmodel job contest 3fa9',
    )
    .action(
      action<ResumeOptions>(async ([id], context) =>
        withClient(id!, context, async ({ client, record, opened, used }) => {
          const { chain, params } = opened;
          const now = client.show(record.id);
          // nobody is asked for a yes to what can't be done
          if (now.escrow) {
            if (!(await isContestable(chain, now, params))) throw notContested(now);
            await context.terminal.confirm('Lock a bond and have this answer judged?');
          }
          client.accuse(record.id);
          const attempts = await driveToEnd(client, record.id, opened, context, used);
          const ended = client.show(record.id);
          const isJudged = CONTESTED.includes(ended.outcome!);
          if (!isJudged) throw notContested(ended);
          return printEnd(attempts, context);
        }),
      ),
    );
}

/** Ends that only a contested job has. */
const CONTESTED: readonly string[] = ['slashed', 'cleared', 'lapsed'];

function notContested({ id, outcome }: ClientRecord): BitmodelError {
  const end = outcome === undefined ? '' : `the job ended as ${outcome}, and `;
  return new BitmodelError(
    'NOT_CONTESTED',
    `Nothing was contested: ${end}the seller's stake is no longer locked.`,
    { next: `See bitmodel job show ${id.slice(0, 12)}`, exitCode: EXIT.notAllowed },
  );
}

/** `bitmodel job`. */
export const register: Register = (program) => {
  const job = program.command('job').description('buy inference and follow it');
  registerSubmit(job);
  registerList(job);
  registerShow(job);
  registerWatch(job);
  registerCancel(job);
  registerContest(job);
  registerRejudge(job);
  registerResume(job);
  registerFetch(job);
};
