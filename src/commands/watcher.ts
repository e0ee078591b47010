import { EXIT, formatAmount, parseAmount } from '../base/index.js';
import { Watcher } from '../job/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { parseThreads, servedModels } from './shared/models.js';
import { wholeOption } from './shared/number-options.js';
import type { Register } from './shared/register.js';
import { playRole, type RoleChoice, tellRole } from './shared/role.js';
import { SHARE_OPTION } from './shared/shares.js';
import { WALLET_OPTIONS } from './shared/wallet.js';
import { watcherName } from './shared/watcher-name.js';

interface WatcherCommandOptions extends RoleChoice {
  readonly price: string;
  readonly maxJobs: string;
}

const MOST_JOBS = 256;

/** `bitmodel watcher`: drives jobs for buyers that have gone away, until it is stopped. */
export const register: Register = (program) => {
  const command = program
    .command('watcher')
    .description('watch, check and contest jobs for buyers that name it, until stopped')
    .option('--model <model>', 'folder, id or name of a model it checks; may be repeated', collect)
    .option('--price <coins>', 'what it keeps of each job', '0.0005')
    .option('--max-jobs <n>', 'most jobs that it drives at once', '16')
    .option('--threads <n>', 'threads of each model', parseThreads)
    .option(...SHARE_OPTION);
  const [key, passphrase] = WALLET_OPTIONS;
  command.option(...key, 'default').option(...passphrase);
  command
    .addHelpText(
      'after',
      '\nBuyers name it by what it prints (bitmodel job submit --detach --watcher KEY@NODE). It gets a key made\nfor each job alone, sees prompt and answer, and sends what is left back when the job is over.\nCtrl-C stops it; started again, it goes on with what it had.\n\nExample:\n  $ bitmodel watcher --key watch --model fixtures/bitmodel-tiny --price 0.0005',
    )
    .action(
      action<WatcherCommandOptions>(async (_, context) => {
        const { options, terminal, signal } = context;
        const price = parseAmount(options.price);
        const maxJobs = wholeOption(options.maxJobs, '--max-jobs', 1, MOST_JOBS);
        return playRole('watcher', context, async (desk) => {
          const watcher = new Watcher({ ...desk, price, maxJobs });
          tellRole(watcher, terminal);
          const named = await watcher.address();
          const name = watcherName(named);
          const served = servedModels(desk.models);
          terminal.result(
            { watcher: name, ...named, price: formatAmount(price), models: served.list },
            `watcher ${name} keeps ${formatAmount(price)} coins of a job; Ctrl-C stops it\n${served.text}`,
            name,
          );
          await watcher.run(signal);
          terminal.note('The watcher has stopped.');
          return EXIT.done;
        });
      }),
    );
};
