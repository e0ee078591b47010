import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { type ClientRecord, ClientRecords, fetchDetached, writeReceipt } from '../job/index.js';
import { action } from './shared/action.js';
import { openDetached, ownReader, settleHome } from './shared/detached.js';
import { printEnd } from './shared/job-end.js';
import { stateOf } from './shared/job-view.js';
import { jobsFolder } from './shared/participant.js';
import { proposal } from './shared/proposal.js';

interface FetchOptions {
  readonly wait?: boolean;
  readonly receipt?: string;
}

/** Milliseconds between two questions while a job is waited for. */
const ASK_AGAIN = 2_000;

function notDetached({ id }: ClientRecord): BitmodelError {
  return new BitmodelError('NOT_DETACHED', 'No watcher has this job: it is driven here.', {
    next: `See it with: bitmodel job show ${id.slice(0, 12)}`,
    exitCode: EXIT.notAllowed,
  });
}

/** `bitmodel job fetch`. */
export function registerFetch(job: Command): void {
  job
    .command('fetch')
    .description('ask the watcher of a detached job how far it is, and get the answer')
    .argument('<id>', 'its id, or the first digits')
    .option('--wait', 'until it has ended')
    .option('--receipt <file>', 'write the receipt here')
    .addHelpText(
      'after',
      '\nExit code: as of job submit once it has ended, 1 while it is under way.\n\nExample:\n  $ bitmodel job fetch 3fa9\n  $ bitmodel job fetch 3fa9 --wait',
    )
    .action(
      action<FetchOptions>(async ([id], context) => {
        const { options, settings, terminal, signal } = context;
        const records = new ClientRecords(jobsFolder(settings));
        let record = records.load(id!);
        if (!record.detached) throw notDetached(record);
        const opened = openDetached(settings, record.detached);
        const read = await ownReader(record, settings);
        try {
          for (let told = ''; ; ) {
            record = await fetchDetached({ ...opened, read }, records, record, signal);
            const { state } = record.detached!;
            if (state === 'over' || (state === 'back' && record.phase === 'ended')) break;
            if (state === 'back') throw notDetached(record);
            if (!options.wait)
              throw underWay(
                record,
                proposal(settings, 'job', 'fetch', record.id.slice(0, 12), '--wait'),
              );
            if (told !== stateOf(record)) terminal.note(`the watcher says: ${stateOf(record)}`);
            told = stateOf(record);
            await setTimeout(ASK_AGAIN, undefined, { signal });
          }
          await settleHome(record.id, opened, context);
          record = records.load(record.id);
          record = withReceiptFile(records, record, options.receipt);
          if (record.receiptFile !== undefined) writeReceipt(record, record.receiptFile);
          const { sentHome } = record.detached!;
          if (sentHome !== undefined)
            terminal.note(`what was left went to your address in ${sentHome}`);
          return printEnd([record], context);
        } finally {
          opened.chain.rpc.close();
        }
      }),
    );
}

/** A job whose receipt goes to another file from now on. */
function withReceiptFile(
  records: ClientRecords,
  record: ClientRecord,
  file: string | undefined,
): ClientRecord {
  if (file === undefined) return record;
  const next = { ...record, receiptFile: resolve(file) };
  records.save(next);
  return next;
}

function underWay(record: ClientRecord, again: string): BitmodelError {
  return new BitmodelError('JOB_UNDER_WAY', `The job has not ended yet: ${stateOf(record)}.`, {
    next: `Wait for it with: ${again}`,
  });
}
