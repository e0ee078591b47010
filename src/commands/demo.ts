import { BitmodelError, EXIT, formatAmount } from '../base/index.js';
import { type DemoOptions, runDemo } from '../demo/index.js';
import { checkSampling } from '../model/index.js';
import { action } from './shared/action.js';
import { DemoStory, demoJson } from './shared/demo-story.js';
import { parseThreads } from './shared/models.js';
import { thousandthsOption, wholeOption } from './shared/number-options.js';
import type { Register } from './shared/register.js';

interface DemoCommandOptions {
  readonly prompt: string;
  readonly cheat?: string;
  readonly maxTokens: string;
  readonly temperature: string;
  readonly threads?: string;
}

const MOST_TOKENS = 256;

function readOptions(options: DemoCommandOptions): Omit<DemoOptions, 'signal' | 'onEvent'> {
  const sampling = {
    temperatureMilli: thousandthsOption(options.temperature, '--temperature'),
    topK: 40,
    topPMilli: 950,
  };
  checkSampling(sampling);
  if (options.prompt.trim() === '') {
    throw new BitmodelError('EMPTY_PROMPT', 'The prompt is empty.', {
      next: 'Pass some text with --prompt',
      exitCode: EXIT.usage,
    });
  }
  const maxTokens = wholeOption(options.maxTokens, '--max-tokens', 1, MOST_TOKENS);
  const tampered = /^tamper:(\d+)$/.exec(options.cheat ?? '')?.[1];
  if (tampered !== undefined) {
    wholeOption(tampered, 'The position of --cheat tamper', 0, maxTokens - 1);
  }
  return {
    prompt: options.prompt,
    maxTokens,
    sampling,
    cheat: options.cheat,
    threads: options.threads === undefined ? undefined : parseThreads(options.threads),
  };
}

/** `bitmodel demo`: the main job from the first step to the last, on a chain of its own. */
export const register: Register = (program) => {
  program
    .command('demo')
    .description('buy an answer, check every token, pay everyone, on a chain of its own')
    .option('--prompt <text>', 'what the model goes on from', 'The American people are')
    .option(
      '--cheat <how>',
      'a dishonest seller, such as tamper:7; all: bitmodel rastic attacks --list',
    )
    .option('--max-tokens <n>', `length of the answer, at most ${MOST_TOKENS}`, '48')
    .option('--temperature <t>', '0 is greedy', '0.8')
    .option('--threads <n>', 'threads of each model (default: all cores)')
    .addHelpText(
      'after',
      '\nNothing is left behind. Exit code: 0 when the honest answer was settled or the cheat was caught, else 1.\n\nExamples:\n  $ bitmodel demo\n  $ bitmodel demo --prompt "Call me Ishmael." --temperature 1\n  $ bitmodel demo --cheat tamper:7\n  $ bitmodel demo --json | jq .shares',
    )
    .action(
      action<DemoCommandOptions>(async (_args, { options, terminal, signal }) => {
        const story = new DemoStory(terminal);
        const result = await runDemo({
          ...readOptions(options),
          signal,
          onEvent: (event) => story.tell(event),
        });
        terminal.result(
          demoJson(result, story.events),
          () => story.ending(result),
          `${result.outcome} ${result.verdict}${result.kind === undefined ? '' : ` ${result.kind}`}${result.position === undefined ? '' : ` ${result.position}`} ${formatAmount(result.balances[0]!.after)}`,
        );
        return result.ok ? EXIT.done : EXIT.failed;
      }),
    );
};
