import { Option } from 'commander';
import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import { JobVerifier, type VerifierDishonesty, verifierCheat } from '../job/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { parseThreads, servedModels } from './shared/models.js';
import type { Register } from './shared/register.js';
import { playRole, type RoleChoice, tellRole } from './shared/role.js';
import type { Settings } from './shared/settings.js';
import { SHARE_OPTION } from './shared/shares.js';
import { WALLET_OPTIONS } from './shared/wallet.js';
import { registerAudit } from './verifier-audit.js';
import { registerBondVerbs } from './verifier-bond.js';

interface VerifierCommandOptions extends RoleChoice {
  readonly fee: string;
  readonly cheat?: string;
}

/** A dishonest verifier, to see it found out; only where coins are worth nothing. */
function cheatOf({ network }: Settings, name: string | undefined): VerifierDishonesty | undefined {
  if (name === undefined) return undefined;
  if (network === 'regtest') return verifierCheat(name);
  throw new BitmodelError('NO_CHEATING', `On ${network} a verifier can't be told to cheat.`, {
    next: 'Try it on regtest',
    exitCode: EXIT.notAllowed,
  });
}

/** `bitmodel verifier`: judges disputed jobs that list its key, until it is stopped. */
export const register: Register = (program) => {
  const command = program
    .command('verifier')
    .description('judge disputed jobs for a fee, until stopped')
    .option('--model <model>', 'folder, id or name of a model it judges; may be repeated', collect)
    .option('--fee <coins>', 'what it asks for a verdict', '0.0005')
    .option('--threads <n>', 'threads of each model', parseThreads)
    .option(...SHARE_OPTION)
    .addOption(new Option('--cheat <how>').hideHelp());
  const [key, passphrase] = WALLET_OPTIONS;
  command.option(...key, 'default').option(...passphrase);
  registerBondVerbs(command);
  registerAudit(command);
  command
    .addHelpText(
      'after',
      '\nIt announces its key, and judges contested jobs that list it, or, once it is\nbonded, draw it. Where it is drawn into a second jury, it judges the\nverdict of another one again. A few coins on its address let it end disputes\nitself; without them others do. Ctrl-C stops it, and nothing is lost.\n\nExample:\n  $ bitmodel verifier --key judge --model fixtures/bitmodel-tiny --fee 0.0005',
    )
    .action(
      action<VerifierCommandOptions>(async (_, context) => {
        const { options, settings, terminal, signal } = context;
        const fee = parseAmount(options.fee);
        const dishonesty = cheatOf(settings, options.cheat);
        return playRole('verifier', context, async (desk) => {
          const verifier = new JobVerifier({
            ...{ ...desk, fee },
            ...(dishonesty === undefined ? {} : { dishonesty }),
          });
          tellRole(verifier, terminal);
          const { publicKey } = verifier;
          const served = servedModels(desk.models);
          terminal.result(
            { publicKey, address: desk.key.address, fee: formatAmount(fee), models: served.list },
            `verifier ${publicKey} asks ${formatAmount(fee)} coins a verdict; Ctrl-C stops it\n${served.text}`,
            publicKey,
          );
          await verifier.run(signal).catch((thrown: unknown) => {
            // what it was waiting for ends with the signal: that is how it is stopped
            const isStopped = signal.aborted && (thrown as Error).name === 'AbortError';
            if (!isStopped) throw thrown;
          });
          terminal.note('The verifier has stopped.');
          return EXIT.done;
        });
      }),
    );
};
