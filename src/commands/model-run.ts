import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { BitmodelError, EXIT, fromHex, sha256, toHex, utf8 } from '../base/index.js';
import { type Device, ModelRegistry, type Sampling } from '../model/index.js';
import { action } from './shared/action.js';
import { readPipedText } from './shared/input.js';
import { parseThreads, thousandthsOption, wholeOption } from './shared/number-options.js';
import { openToRun, readShares, SHARE_OPTION } from './shared/shares.js';

interface RunFlags {
  readonly file?: string;
  readonly maxTokens: string;
  readonly temperature: string;
  readonly topK: string;
  readonly topP: string;
  readonly seed?: string;
  readonly stop?: string[];
  readonly raw?: boolean;
  readonly threads?: string;
  readonly share?: string[];
  readonly device: string;
}

const DEVICES: readonly Device[] = ['cpu', 'cuda', 'auto'];

function badOption(option: string, value: string, wanted: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', `--${option} ${value} is not ${wanted}.`, {
    next: 'See: bitmodel model run --help',
    exitCode: EXIT.usage,
  });
}

function samplingOf(flags: RunFlags): Sampling {
  return {
    temperatureMilli: thousandthsOption(flags.temperature, '--temperature'),
    topK: wholeOption(flags.topK, '--top-k', 0),
    topPMilli: thousandthsOption(flags.topP, '--top-p'),
  };
}

/** 64 hex digits are the seed itself; any other text is hashed to one. */
function seedOf(text: string | undefined): Uint8Array {
  if (text === undefined) return new Uint8Array(randomBytes(32));
  return /^[0-9a-f]{64}$/i.test(text) ? fromHex(text, 32) : sha256(utf8(text));
}

async function readPrompt(given: string | undefined): Promise<string> {
  const fromPipe = given === '-' || (given === undefined && !process.stdin.isTTY);
  const prompt = fromPipe ? await readPipedText() : given;
  if (prompt) return prompt;
  throw new BitmodelError('EMPTY_PROMPT', 'There is no prompt.', {
    next: 'Give it as an argument, or pipe it in and write - for it',
    exitCode: EXIT.usage,
  });
}

/** `model run`. */
export function registerRun(model: Command): void {
  model
    .command('run')
    .description('continue a prompt, or answer it where the model has a chat template')
    .argument('<model>', 'folder, id or name')
    .argument('[prompt]', 'text, or - for standard input')
    .option('--file <file>', 'ONNX file inside the folder, such as onnx/model_q4.onnx')
    .option('--max-tokens <n>', 'most tokens of the answer', '256')
    .option('--temperature <t>', '0 takes the most probable token each time', '0')
    .option('--top-k <k>', 'draw from the k most probable tokens; 0 for all', '0')
    .option('--top-p <p>', 'draw from the tokens that hold this probability', '1')
    .option('--seed <seed>', 'text or 64 hex digits; the same seed gives the same answer')
    .option(
      '--stop <text>',
      'end the answer at this text (may be repeated)',
      (text: string, earlier: string[] = []) => [...earlier, text],
    )
    .option('--raw', "give the prompt as it is, without the model's chat template")
    .option('--threads <n>', 'threads to compute with (default: all cores)')
    .option(...SHARE_OPTION)
    .option('--device <device>', 'cpu, cuda or auto', 'auto')
    .addHelpText(
      'after',
      '\nExamples:\n  $ bitmodel model run ./my-model "The American people"\n  $ echo "Call me" | bitmodel model run my-model - --temperature 0.8 --seed whale',
    )
    .action(
      action<RunFlags>(async ([asked, given], { options, settings, terminal, signal }) => {
        if (!DEVICES.includes(options.device as Device)) {
          throw badOption('device', options.device, 'cpu, cuda or auto');
        }
        const sampling = samplingOf(options);
        const seed = seedOf(options.seed);
        const maxTokens = wholeOption(options.maxTokens, '--max-tokens', 1);
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const prompt = await readPrompt(given);
        const opened = await openToRun(
          dir,
          {
            ...(options.file === undefined ? {} : { file: options.file }),
            ...(options.threads === undefined ? {} : { threads: parseThreads(options.threads) }),
            device: options.device as Device,
          },
          await readShares(options.share),
          terminal,
        );
        try {
          const { tokenizer } = opened;
          const chat = tokenizer.hasChatTemplate && options.raw !== true;
          const promptIds = chat
            ? tokenizer.applyChatTemplate([{ role: 'user', content: prompt }])
            : tokenizer.encode(prompt);
          const output = await opened.generate(
            { promptIds, sampling, seed, maxTokens, stop: options.stop ?? [] },
            {
              signal,
              onToken: (_, delta) => {
                if (!settings.json) terminal.write(delta);
              },
            },
          );
          if (!settings.json) terminal.write('\n');
          const { ids, text, finish, promptSeconds, decodeSeconds } = output;
          if (settings.json) {
            const { numericClass } = opened.info;
            terminal.result(
              {
                text,
                finish,
                promptIds,
                ids,
                seed: toHex(seed),
                numericClass,
                promptSeconds,
                decodeSeconds,
              },
              text,
            );
          }
          terminal.note(
            `${ids.length} tokens (${finish}), ${(ids.length / Math.max(decodeSeconds, 1e-6)).toFixed(1)} a second`,
          );
        } finally {
          await opened.close();
        }
      }),
    );
}
