import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  Accuser,
  type ClientRecord,
  JobRecords,
  type KnownJob,
  knownToBuyer,
  knownToSeller,
  type WorkerRecord,
} from '../job/index.js';
import { type ActionContext, action } from './shared/action.js';
import { appealJson, appealText } from './shared/appeal-view.js';
import { eventLine } from './shared/job-events.js';
import { parsePublicKeys } from './shared/models.js';
import { wholeOption } from './shared/number-options.js';
import { jobsFolder, openParticipant } from './shared/participant.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import type { Settings } from './shared/settings.js';

interface RejudgeOptions {
  readonly against: string;
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly blocks: string;
}

/** More blocks than an appeal stands. */
const MOST_BLOCKS = 144;

/** Where appeals lie on disk. */
export function appealsFolder({ datadir, network }: Settings): string {
  return join(datadir, network, 'appeals');
}

/** A job as its buyer or, with the seller's key, its seller knows it; and the key that it was bought or sold with. */
function knownJob(id: string, settings: Settings, key: string | undefined): [KnownJob, string] {
  const sold = join(settings.datadir, settings.network, 'worker', key ?? '');
  if (key !== undefined && existsSync(sold)) {
    const records = new JobRecords<WorkerRecord>(sold);
    if (records.ids().some((each) => each.startsWith(id.toLowerCase()))) {
      return [knownToSeller(records.load(id)), key];
    }
  }
  const record = new JobRecords<ClientRecord>(jobsFolder(settings)).load(id);
  return [knownToBuyer(record), key ?? record.boughtWith?.key ?? 'default'];
}

function accusedKey(text: string): string {
  const keys = parsePublicKeys(text);
  if (keys.length === 1) return keys[0]!;
  throw new BitmodelError('BAD_KEY', 'One verdict is judged again at a time.', {
    next: 'Pass one public key with --against, and call again for another',
    exitCode: EXIT.usage,
  });
}

/** `bitmodel job rejudge`. */
export function registerRejudge(job: Command): void {
  job
    .command('rejudge')
    .description('have a second jury judge the verdict of a drawn verifier again')
    .argument('<id>', 'the job that was judged, or the first digits')
    .requiredOption('--against <key>', 'public key of the verifier whose verdict was wrong')
    .option('--key <name>', 'the key that bought it, or sold it (default: known from then)')
    .option(...PASSPHRASE_OPTION)
    .option('--blocks <n>', 'how long to wait for the jury', String(MOST_BLOCKS))
    .addHelpText(
      'after',
      '\nTwice as many verifiers and one are drawn to judge the verdict. Where two thirds\nfind it wrong, the bond of who gave it burns, less a hundredth for each of them;\nelse nothing happens to anybody. It changes nothing about the job. A coin of\n0.01 or more on your key stands behind it, and stays yours.\n\nExit code: 0 the bond is burnt, 10 the jury upholds the verdict, 11 too few of it\nanswered.\n\nExample:\n  $ bitmodel job rejudge 3fa9 --against 02c0ffee… --key buyer',
    )
    .action(action<RejudgeOptions>(rejudge));
}

async function rejudge([id]: string[], context: ActionContext<RejudgeOptions>): Promise<number> {
  const { options, settings, terminal, signal } = context;
  const accused = accusedKey(options.against);
  const blocks = wholeOption(options.blocks, '--blocks', 1, MOST_BLOCKS);
  const [known, key] = knownJob(id!, settings, options.key);
  const opened = await openParticipant(settings, { ...options, key }, signal);
  try {
    const accuser = new Accuser({ ...opened, models: [], directory: appealsFolder(settings) });
    accuser.on('event', (event) => {
      const line = eventLine(event);
      if (line !== undefined) terminal.note(line);
    });
    const caseId = await accuser.appeal(known, accused);
    const ended = await accuser.follow(caseId, signal, blocks);
    terminal.result(appealJson(ended), appealText(ended), ended.outcome);
    if (ended.outcome === 'burnt') return EXIT.done;
    return ended.outcome === 'upheld' ? EXIT.invalid : EXIT.abstained;
  } finally {
    opened.chain.rpc.close();
  }
}
