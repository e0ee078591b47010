import type { Command } from 'commander';
import { BitmodelError, EXIT, toHex } from '../base/index.js';
import {
  type AnswerToken,
  answerText,
  Conversation,
  type Device,
  isProtected,
  LanguageModel,
  ModelRegistry,
  type SpelledLogprob,
} from '../model/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { readPipedText } from './shared/input.js';
import { parseThreads } from './shared/number-options.js';
import {
  type DrawFlags,
  deviceOption,
  drawOf,
  logprobsOption,
  seedOf,
} from './shared/run-options.js';
import { SHARE_OPTION } from './shared/share-option.js';
import type { Terminal } from './shared/terminal.js';

interface RunFlags extends DrawFlags {
  readonly file?: string;
  readonly system?: string;
  readonly raw?: boolean;
  readonly logprobs?: string | true;
  readonly watch?: boolean;
  readonly threads?: string;
  readonly share?: string[];
  readonly device: string;
}

const HELP = `
Without a prompt, on a terminal, it is a conversation: /help there. The model's own chat template is used where there is one.
Nothing but end tokens is taken from generation_config.json: what is not stated here is as above, so that a run is the same
everywhere. Log-probabilities are those of the plain softmax (temperature 1, nothing cut), in nats.

Examples:
  $ bitmodel model run ./my-model "The American people"
  $ bitmodel model run my-model --system "Answer in one word." "Capital of France?"
  $ echo "Call me" | bitmodel model run my-model - --temperature 0.8 --seed whale
  $ bitmodel model run my-model "2 + 2 =" --max-tokens 4 --logprobs 5 --json
  $ bitmodel model run my-model`;

async function readPrompt(given: string | undefined): Promise<string> {
  const fromPipe = given === '-' || (given === undefined && !process.stdin.isTTY);
  const prompt = fromPipe ? await readPipedText() : given;
  if (prompt) return prompt;
  throw new BitmodelError('EMPTY_PROMPT', 'There is no prompt.', {
    next: 'Give it as an argument, or pipe it in and write - for it',
    exitCode: EXIT.usage,
  });
}

/** @throws BitmodelError `NO_CHAT_TEMPLATE` when a system text is given that nothing could hold */
function usesTemplate(model: LanguageModel, { raw, system }: RunFlags): boolean {
  const chat = model.tokenizer.hasChatTemplate && raw !== true;
  if (chat || system === undefined) return chat;
  throw new BitmodelError(
    'NO_CHAT_TEMPLATE',
    raw ? '--raw leaves no place for --system.' : 'The model brings no chat template.',
    { next: 'Leave out --system, and write it into the prompt', exitCode: EXIT.usage },
  );
}

function promptOf(model: LanguageModel, prompt: string, flags: RunFlags, most: number): number[] {
  if (!usesTemplate(model, flags)) return model.tokenizer.encode(prompt);
  const { tokenizer, info } = model;
  return new Conversation(flags.system).ask(prompt, tokenizer, info.contextLength, most).promptIds;
}

const spelled = ({ token, logprob }: SpelledLogprob): string =>
  `${logprob.toFixed(4).padStart(9)} ${JSON.stringify(token)}`;

/** A protected model with its shares; what these need of the chain's room is not loaded for any other. */
async function open(
  dir: string,
  { file, threads, share }: RunFlags,
  device: Device,
  terminal: Terminal,
): Promise<LanguageModel> {
  const wanted = {
    ...(file === undefined ? {} : { file }),
    ...(threads === undefined ? {} : { threads: parseThreads(threads) }),
    device,
  };
  if (share === undefined && !isProtected(dir)) return LanguageModel.open(dir, wanted);
  const { openToRun, readShares } = await import('./shared/shares.js');
  return openToRun(dir, wanted, await readShares(share), terminal);
}

/** Shows an answer as it comes: as text, as a line for each token with its log-probabilities, or as JSON lines. */
function follow(terminal: Terminal, flags: RunFlags): (token: AnswerToken) => void {
  if (terminal.json) {
    if (!flags.watch) return () => {};
    return ({ position, id, text, logprobs }) =>
      terminal.line(
        JSON.stringify({ event: 'token', position, id, text, ...(logprobs ? { logprobs } : {}) }),
      );
  }
  return ({ text, logprobs }) => {
    if (!logprobs) terminal.write(text);
    else terminal.line([logprobs, ...logprobs.top].map(spelled).join('  '));
  };
}

/** `model run`. */
export function registerRun(model: Command): void {
  model
    .command('run')
    .description('continue a prompt, or answer it where the model has a chat template')
    .argument('<model>', 'folder, id or name')
    .argument('[prompt]', 'text, or - for standard input; without one, a conversation')
    .option('--file <file>', 'ONNX file inside the folder, such as onnx/model_q4.onnx')
    .option('--system <text>', 'what the model is told to be, where it has a chat template')
    .option('--max-tokens <n>', 'most tokens of the answer', '256')
    .option('--temperature <t>', '0 takes the most probable token each time', '0')
    .option('--top-k <k>', 'draw from the k most probable tokens; 0 for all', '0')
    .option('--top-p <p>', 'draw from the tokens that hold this probability', '1')
    .option('--seed <seed>', 'text or 64 hex digits; the same seed gives the same answer')
    .option('--stop <text>', 'end the answer before this text (may be repeated)', collect)
    .option(
      '--logprobs [n]',
      'log-probability of each token, and of the n most probable (at most 20)',
    )
    .option('--watch', 'with --json: a line for each token as it comes, before the whole')
    .option('--raw', "give the prompt as it is, without the model's chat template")
    .option('--threads <n>', 'threads to compute with (default: all cores)')
    .option(...SHARE_OPTION)
    .option('--device <device>', 'cpu, cuda or auto', 'auto')
    .addHelpText('after', HELP)
    .action(
      action<RunFlags>(async ([asked, given], { options, settings, terminal, signal }) => {
        const device = deviceOption(options.device);
        const draw = drawOf(options);
        const logprobs = logprobsOption(options.logprobs);
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const { stdin, stdout } = process;
        const isChat =
          given === undefined && stdin.isTTY && stdout.isTTY && settings.input && !settings.json;
        const prompt = isChat ? '' : await readPrompt(given);
        const opened = await open(dir, options, device, terminal);
        if (opened.info.cudaFailure) {
          terminal.note(`${opened.info.cudaFailure} It runs on the CPU.`);
        }
        try {
          if (isChat) {
            const { chatOnTerminal } = await import('./shared/chat-session.js');
            const chat = usesTemplate(opened, options);
            const { system } = options;
            await chatOnTerminal({ model: opened, chat, system, flags: options, terminal, signal });
            return;
          }
          const seed = seedOf(draw.seed);
          const { maxTokens, sampling, stop } = draw;
          const promptIds = promptOf(opened, prompt, options, maxTokens);
          const answer = await answerText(
            opened,
            { promptIds, sampling, seed, maxTokens, stop },
            {
              signal,
              logprobs,
              onToken: follow(terminal, options),
              onRest: (text) => {
                if (!settings.json && logprobs === undefined) terminal.write(text);
              },
            },
          );
          const { text, finish, ids, decodeSeconds, firstSeconds } = answer;
          const { numericClass } = opened.info;
          if (settings.json) {
            const { promptSeconds, logprobs: told } = answer;
            const seconds = { promptSeconds, decodeSeconds, firstSeconds };
            terminal.result(
              {
                ...(options.watch ? { event: 'done' } : {}),
                text,
                finish,
                promptIds,
                ids,
                ...(told ? { logprobs: told } : {}),
                seed: toHex(seed),
                numericClass,
                ...seconds,
              },
              text,
            );
          } else if (logprobs === undefined) terminal.write('\n');
          const rate = (ids.length / Math.max(decodeSeconds, 1e-6)).toFixed(1);
          terminal.note(
            `${ids.length} tokens (${finish}), ${rate} a second, the first after ${firstSeconds.toFixed(2)} s, ${numericClass}`,
          );
        } finally {
          await opened.close();
        }
      }),
    );
}
