import type { Command } from 'commander';
import { EXIT } from '../base/index.js';
import { action } from './shared/action.js';
import { checkMachine } from './shared/checks.js';

/** Adds `doctor`. */
export function register(program: Command): void {
  program
    .command('doctor')
    .description('check this machine and say how to mend what is missing')
    .option('--install-cuda', "fetch ONNX Runtime's CUDA provider first (from NuGet, some 300 MB)")
    .addHelpText(
      'after',
      '\nEnds with 1 if something fails; a warning is no failure.\n\nExamples:\n  $ bitmodel doctor\n  $ bitmodel doctor --json\n  $ bitmodel doctor --install-cuda',
    )
    .action(
      action<{ readonly installCuda?: boolean }>(async (_args, context) => {
        const { options, settings, terminal } = context;
        if (options.installCuda) {
          const { installCudaProvider } = await import('../model/index.js');
          terminal.note('Fetching the CUDA provider from NuGet …');
          terminal.note(`Installed: ${await installCudaProvider(context.signal)}`);
        }
        const checks = await checkMachine(settings);
        const failed = checks.filter(({ state }) => state === 'fail');
        const lines = checks.flatMap(({ name, state, found, mend }) => [
          `${state.padEnd(4)}  ${name.padEnd(16)}  ${found}`,
          ...(mend ? [`      ${''.padEnd(16)}  mend: ${mend}`] : []),
        ]);
        const brief = failed.map(({ name }) => name).join('\n');
        terminal.result({ ok: failed.length === 0, checks }, lines.join('\n'), brief || 'ok');
        return failed.length === 0 ? EXIT.done : EXIT.failed;
      }),
    );
}
