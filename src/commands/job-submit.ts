import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, fromHex, parseAmount } from '../base/index.js';
import type { ChainClient, NetworkParameters } from '../chain/index.js';
import {
  type BoughtWith,
  type ClientRecord,
  calibrationWarning,
  JobClient,
  type JobQuote,
  type JobRequest,
  SellerBook,
  wideToleranceWarning,
} from '../job/index.js';
import { ModelRegistry } from '../model/index.js';
import { type ActionContext, action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { assertDetachable, type DetachOptions, submitDetached } from './shared/detached.js';
import { readPipedText } from './shared/input.js';
import { tellContinuation } from './shared/job-continuation.js';
import { printEnd } from './shared/job-end.js';
import { eventLine } from './shared/job-events.js';
import { fewHoldersWarning } from './shared/model-holders.js';
import { closeModels, openJobModels, parsePublicKeys, parseThreads } from './shared/models.js';
import { thousandthsOption, wholeOption } from './shared/number-options.js';
import { connectedPeers, fewPeersAdvice, tellOfferWait } from './shared/offer-wait.js';
import { demandWritable } from './shared/output.js';
import { jobsFolder, type OpenParticipant, openParticipant } from './shared/participant.js';
import { SHARE_OPTION } from './shared/shares.js';
import { suspectsUnknown } from './shared/suspects.js';
import type { Terminal } from './shared/terminal.js';
import { WALLET_OPTIONS, type WalletChoice } from './shared/wallet.js';

interface SubmitOptions extends WalletChoice, DetachOptions {
  readonly model: string;
  readonly prompt: string;
  readonly file?: string;
  readonly maxTokens: string;
  readonly temperature: string;
  readonly topK: string;
  readonly topP: string;
  readonly seedNonce?: string;
  readonly stop?: string[];
  readonly raw?: boolean;
  readonly price: string;
  readonly maxReward?: string;
  readonly stake?: string;
  readonly verifiers: string;
  readonly verifierFee?: string;
  readonly threshold?: string;
  readonly confirmations?: string;
  readonly timeout?: string;
  readonly receipt?: string;
  readonly seller?: string;
  readonly allowSuspects?: boolean;
  readonly threads?: number;
  readonly share?: string[];
}

/** More tries than anybody waits for. */
const MOST_RETRIES = 100;

const UNBONDED =
  'Nobody bonded will judge this job: its verifiers are the cheapest there are, and may be anybody, the seller included, who would then judge its own answer; many sellers refuse them, too. Name keys that you trust with --verifiers, or draw bonded ones with --verifiers drawn.';

async function readPrompt(given: string): Promise<string> {
  const prompt = given === '-' ? await readPipedText() : given;
  if (prompt !== '') return prompt;
  throw new BitmodelError('EMPTY_PROMPT', 'There is no prompt.', {
    next: 'Give it with --prompt TEXT, or pipe it in and pass --prompt -',
    exitCode: EXIT.usage,
  });
}

function parseVerifiers(text: string): JobRequest['verifiers'] {
  const isWord = text === 'auto' || text === 'drawn' || text === 'announced';
  return isWord ? text : parsePublicKeys(text);
}

function requestOf(options: SubmitOptions): Omit<JobRequest, 'model' | 'promptIds'> {
  const { stake, verifierFee, threshold, confirmations, timeout, receipt, retry, seedNonce } =
    options;
  return {
    sampling: {
      temperatureMilli: thousandthsOption(options.temperature, '--temperature'),
      topK: wholeOption(options.topK, '--top-k', 0),
      topPMilli: thousandthsOption(options.topP, '--top-p'),
    },
    maxTokens: wholeOption(options.maxTokens, '--max-tokens', 1),
    stop: options.stop ?? [],
    pricePerToken: parseAmount(options.price),
    verifiers: parseVerifiers(options.verifiers),
    ...(stake === undefined ? {} : { stake: parseAmount(stake) }),
    ...(verifierFee === undefined ? {} : { verifierFee: parseAmount(verifierFee) }),
    ...(threshold === undefined ? {} : { threshold: wholeOption(threshold, '--threshold', 1) }),
    ...(confirmations === undefined
      ? {}
      : { confirmations: wholeOption(confirmations, '--confirmations', 1) }),
    ...(timeout === undefined ? {} : { lifetime: wholeOption(timeout, '--timeout', 1) }),
    ...(retry === undefined ? {} : { retries: wholeOption(retry, '--retry', 0, MOST_RETRIES) }),
    ...(seedNonce === undefined ? {} : { nonce: fromHex(seedNonce, 32) }),
    ...(receipt === undefined ? {} : { receiptFile: resolve(receipt) }),
    ...(options.seller === undefined ? {} : { sellers: parsePublicKeys(options.seller) }),
    ...(options.allowSuspects && { allowSuspects: true }),
  };
}

/** Says what it may cost and how long it takes, and gets a yes before any money is locked. */
async function agree(
  { reward, bond, blocks, record }: JobQuote,
  options: SubmitOptions,
  context: ActionContext<SubmitOptions>,
  { blockSpacing, disputeWindow }: NetworkParameters,
): Promise<void> {
  const { terminal, settings } = context;
  const wait =
    settings.network === 'regtest'
      ? ''
      : `, about ${Math.ceil((blocks * blockSpacing) / 60)} minutes`;
  const { feePerJob } = record.job;
  const asked =
    feePerJob === undefined ? '' : `, ${feePerJob} of it what the model asks for each job`;
  terminal.note(
    `at most ${formatAmount(reward)} coins for ${record.job.maxTokens} tokens${asked}; ${formatAmount(bond)} set aside for a contest; ${blocks} blocks to wait${wait}`,
  );
  if (options.detach !== true) {
    terminal.note(
      `whoever stops here should be back (bitmodel job resume) within ${disputeWindow} blocks of the seller's claim: an answer that nobody has contested by then is paid, whatever it is worth`,
    );
  }
  if (options.maxReward === undefined) {
    return terminal.confirm(`Lock up to ${formatAmount(reward)} coins for this job?`);
  }
  const most = parseAmount(options.maxReward);
  if (reward <= most) return;
  throw new BitmodelError(
    'REWARD_TOO_HIGH',
    `The job may cost ${formatAmount(reward)} coins, more than the ${options.maxReward} you allow.`,
    {
      next:
        parseAmount(feePerJob ?? '0') < most
          ? 'Lower --max-tokens or --price, or raise --max-reward'
          : `Raise --max-reward, or take another model: ${feePerJob} of it is what this one asks for each job`,
      exitCode: EXIT.notAllowed,
    },
  );
}

/** Works out the job; where nobody is there to judge it, says whether this node could know of anybody. */
async function quoteOf(
  client: JobClient,
  request: JobRequest,
  chain: ChainClient,
): Promise<JobQuote> {
  try {
    return await client.quote(request);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'NO_VERIFIERS') throw thrown;
    const few = fewPeersAdvice(await connectedPeers(chain));
    if (few === undefined) throw thrown;
    const { code, message, exitCode, next } = thrown;
    throw new BitmodelError(code, message, { next: `${next}; ${few}`, exitCode, cause: thrown });
  }
}

/** Tells a client's events on stderr. */
export function tellEvents(client: JobClient, terminal: Terminal): void {
  client.on('event', (event) => {
    const line = event.step === 'settled' ? undefined : eventLine(event);
    if (line !== undefined) terminal.note(line);
  });
}

/**
 * Drives a job, and those announced in its place, to the end, and prints what came of it.
 * @param used what it is driven with
 */
export async function followToEnd(
  client: JobClient,
  id: string,
  opened: Pick<OpenParticipant, 'chain' | 'params'>,
  context: ActionContext<Partial<WalletChoice>>,
  used: BoughtWith,
): Promise<number> {
  return printEnd(await driveToEnd(client, id, opened, context, used), context);
}

/**
 * As {@link followToEnd}, without a word of what came of it.
 * @returns the job, and those announced in its place
 */
export async function driveToEnd(
  client: JobClient,
  id: string,
  { chain, params }: Pick<OpenParticipant, 'chain' | 'params'>,
  context: ActionContext<Partial<WalletChoice>>,
  used: BoughtWith,
): Promise<ClientRecord[]> {
  const { terminal, signal, settings, options } = context;
  const endWait = tellOfferWait(client, id, chain, params, context);
  let record: ClientRecord;
  try {
    record = await client.pursue(id, signal);
  } catch (thrown) {
    const stopped = client.attempts(id).at(-1)!;
    const now = { ...used, passphraseFile: options.passphraseFile, settings };
    throw await tellContinuation(thrown, stopped, now, { chain, params, terminal });
  } finally {
    endWait();
  }
  return client.attempts(record.id);
}

/** `job submit`. */
export function registerSubmit(job: Command): void {
  const command = job
    .command('submit')
    .description('buy an answer: the text on stdout, each step on stderr')
    .requiredOption('--model <model>', 'folder, id or name')
    .requiredOption('--prompt <text>', 'text, or - for standard input')
    .option('--file <file>', 'ONNX file inside the folder, such as onnx/model_q4.onnx')
    .option('--max-tokens <n>', 'most tokens of the answer', '64')
    .option('--temperature <t>', '0 takes the most probable token each time', '0')
    .option('--top-k <k>', 'draw from the k most probable tokens; 0 for all', '0')
    .option('--top-p <p>', 'draw from the tokens that hold this probability', '1')
    .option('--seed-nonce <hex>', '32 bytes that fix the seed (default: random)')
    .option('--stop <text>', 'end the answer at this text (may be repeated)', collect)
    .option('--raw', "give the prompt as it is, without the model's chat template")
    .option('--price <coins>', 'most that one output token may cost', '0.0001')
    .option('--max-reward <coins>', 'agree beforehand to lock up to this much')
    .option('--stake <coins>', "the seller's stake (default: the least that is safe)")
    .option(
      '--verifiers <keys>',
      'public keys separated by commas, drawn (of those bonded), announced (the cheapest, without a bond), or auto: drawn where seven are bonded, else announced',
      'auto',
    )
    .option('--verifier-fee <coins>', 'fee of each verifier in a contest')
    .option('--threshold <n>', 'verifiers that must agree (default: more than half)')
    .option('--confirmations <n>', 'depth of the escrow before the seller claims')
    .option('--timeout <blocks>', 'blocks after which unused money comes back')
    .option(
      '--retry <n>',
      'announce it anew, to other sellers, so often where it ends without an answer and the money is back',
    )
    .option('--receipt <file>', 'write the receipt here')
    .option(
      '--seller <keys>',
      'buy of these sellers alone (public keys separated by commas), whatever was learnt about them',
    )
    .option('--detach', 'hand the job to a watcher, and go away')
    .option('--watcher <key>', 'who drives it then: KEY or KEY@NODE, as bitmodel watcher prints it')
    .option('--watcher-fee <coins>', 'what the watcher keeps', '0.0005')
    .option('--allow-suspects', 'take sellers and unbonded verifiers that were slashed before, too')
    .option('--threads <n>', 'threads to check with', parseThreads)
    .option(...SHARE_OPTION);
  const [key, passphrase] = WALLET_OPTIONS;
  command.option(...key, 'default').option(...passphrase);
  command
    .addHelpText(
      'after',
      '\nExit code: 0 the answer is there and checked, 10 it was false (and the money is back), 11 it could not be checked.\n\nExample:\n  $ bitmodel job submit --key buyer --model fixtures/bitmodel-tiny --prompt "The American people" --max-reward 0.01 --receipt receipt.json\n  $ bitmodel job submit --key buyer --model fixtures/bitmodel-tiny --prompt "The American people" --timeout 30 --retry 3\n  $ bitmodel job submit --key buyer --model fixtures/bitmodel-tiny --prompt "The American people" --detach --watcher 02c6…@12D3KooW…',
    )
    .action(
      action<SubmitOptions>(async (_, context) => {
        const { options, settings, terminal, signal } = context;
        assertDetachable(options);
        const request = requestOf(options);
        if (options.maxReward !== undefined) parseAmount(options.maxReward);
        if (options.receipt !== undefined) demandWritable(options.receipt);
        const prompt = await readPrompt(options.prompt);
        const fromPipe = options.prompt === '-';
        const opened = await openParticipant(settings, options, signal, fromPipe);
        const models = await openJobModels([options.model], settings, {
          ...(options.file === undefined ? {} : { file: options.file }),
          ...(options.threads === undefined ? {} : { threads: options.threads }),
          ...(options.share === undefined ? {} : { share: options.share }),
        });
        const folder = new ModelRegistry(settings.datadir).resolve(options.model);
        const boughtWith = { key: options.key, model: folder };
        try {
          const [{ id: model, model: open }] = models as [(typeof models)[number]];
          const { tokenizer } = open;
          const promptIds =
            tokenizer.hasChatTemplate && options.raw !== true
              ? tokenizer.applyChatTemplate([{ role: 'user', content: prompt }])
              : tokenizer.encode(prompt);
          const wide = wideToleranceWarning(models[0]!);
          if (wide !== undefined) terminal.warn(wide);
          const client = new JobClient({
            ...opened,
            models,
            directory: jobsFolder(settings),
            sellers: SellerBook.of(settings.datadir, settings.network),
          });
          tellEvents(client, terminal);
          const whole = { ...request, model, promptIds, boughtWith };
          if (options.detach) {
            const hands = { ...opened, models, directory: jobsFolder(settings) };
            return await submitDetached(hands, whole, context, async (quote) => {
              if (quote.verifiersAre === 'announced') terminal.warn(UNBONDED);
              await agree(quote, options, context, opened.params);
            });
          }
          const quote = await quoteOf(client, whole, opened.chain);
          const warnings = [
            await fewHoldersWarning(opened.chain.rpc, model),
            await calibrationWarning(opened.chain, models[0]!),
            options.allowSuspects ? undefined : await suspectsUnknown(opened.chain),
          ];
          for (const warning of warnings) if (warning !== undefined) terminal.warn(warning);
          const isUnbonded = quote.verifiersAre === 'announced';
          if (isUnbonded) terminal.warn(UNBONDED);
          await agree(quote, options, context, opened.params);
          const { id } = await client.submit(quote);
          return await followToEnd(client, id, opened, context, boughtWith);
        } finally {
          await closeModels(models);
          opened.chain.rpc.close();
        }
      }),
    );
}
