import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { BitmodelError, EXIT, sha256, utf8 } from '../base/index.js';
import { ALL_ATTACKS, type AnyAttack, AttackBench } from '../job/index.js';
import { checkSampling, type GenerateRequest, type LanguageModel } from '../model/index.js';
import { type AttackRun, attackNamed, NO_ROOM } from '../rastic/index.js';
import { action } from './shared/action.js';
import { type AttackModelChoice, withAttackPlan } from './shared/attack-bench.js';
import { collect } from './shared/collect.js';
import { thousandthsOption, wholeOption } from './shared/number-options.js';

interface AttackFlags extends AttackModelChoice {
  readonly prompt: string;
  readonly tokens: string;
  readonly temperature: string;
  readonly topK: string;
  readonly topP: string;
  readonly stop?: readonly string[];
  readonly seedNonce?: string;
}

const MOST_TOKENS = 65_536;

function requestOf(flags: AttackFlags, { tokenizer }: LanguageModel): GenerateRequest {
  const sampling = {
    temperatureMilli: thousandthsOption(flags.temperature, '--temperature'),
    topK: wholeOption(flags.topK, '--top-k', 0),
    topPMilli: thousandthsOption(flags.topP, '--top-p'),
  };
  checkSampling(sampling);
  const { prompt, seedNonce, stop = [] } = flags;
  return {
    promptIds: tokenizer.hasChatTemplate
      ? tokenizer.applyChatTemplate([{ role: 'user', content: prompt }])
      : tokenizer.encode(prompt),
    sampling,
    seed: sha256(seedNonce === undefined ? new Uint8Array(randomBytes(32)) : utf8(seedNonce)),
    maxTokens: wholeOption(flags.tokens, '--tokens', 1, MOST_TOKENS),
    stop,
  };
}

const MEANING: Readonly<Record<AttackRun['result'], string>> = {
  caught: 'Caught',
  allowed: 'As it must be: called valid',
  'within tolerance': 'Nothing that single margins show: each token lies within the tolerance',
  wins: 'As it is known to be: it gets its way',
  missed: 'MISSED',
  'same output': 'Nothing to catch: it handed over the honest answer',
  'no room': 'There was no room for it',
};

function story(about: AnyAttack, run: AttackRun, tau: number): string {
  const { result, expects, came, positions, tokens } = run;
  const seen = positions === undefined ? '' : ` after ${positions} of ${tokens} positions`;
  return [
    `${about.name}: ${about.description}`,
    `  gains     ${about.gains}`,
    `  expected  ${expects}`,
    `  came      ${came}`,
    `${MEANING[result]}${seen} (tolerance ${tau} logits).`,
  ].join('\n');
}

/** `rastic attack`. */
export function registerAttack(rastic: Command): void {
  rastic
    .command('attack')
    .description('let one cheat play its game, and see what comes of it')
    .argument('<name>', 'as `rastic attacks --list` has it, or tamper:POSITION')
    .option('--model <model>', 'folder, id or name (default: the bundled model)')
    .option('--file <file>', 'ONNX file inside the folder')
    .option('--prompt <text>', 'what the buyer asks', 'The state of the Union is')
    .option('--tokens <n>', 'most tokens of the answer', '32')
    .option('--temperature <t>', '0 is greedy', '0.8')
    .option('--top-k <k>', 'draw from the k most probable tokens; 0 for all', '40')
    .option('--top-p <p>', 'draw from the tokens that hold this probability', '0.95')
    .option('--stop <text>', 'end the answer at this text (may be repeated)', collect)
    .option('--seed-nonce <text>', "fixes the buyer's seed (default: a fresh one)")
    .option('--threads <n>', 'threads to compute with (default: all cores)')
    .addHelpText(
      'after',
      '\nWhat an attack needs to have room (a temperature, a stop text) is added to the request.\n\nExit code: 0 when what had to come came, or nothing was wrong with the answer; else 1.\n\nExamples:\n  $ bitmodel rastic attack tamper:12\n  $ bitmodel rastic attack int4 --tokens 128 --seed-nonce whale\n  $ bitmodel rastic attack neighbour-lazy --json',
    )
    .action(
      action<AttackFlags>(async ([name], { options, settings, terminal, signal }) => {
        const about = ALL_ATTACKS.find((known) => known.name === name) ?? attackNamed(name!);
        return withAttackPlan(options, settings, signal, async (plan) => {
          const bench = new AttackBench(plan);
          try {
            const run = await bench.run(name!, requestOf(options, plan.own.model));
            if (run.result === 'no room') {
              const next = 'Ask for more tokens, another prompt or another sampling';
              throw new BitmodelError(NO_ROOM, run.came, { next, exitCode: EXIT.usage });
            }
            const { description, gains } = about;
            const { tau } = plan;
            const object = { ...run, name, description, gains, tau };
            terminal.result(object, story({ ...about, name: name! }, run, tau), run.result);
            return run.result === 'missed' ? EXIT.failed : EXIT.done;
          } finally {
            await bench.close();
          }
        });
      }),
    );
}
