import { BitmodelError, EXIT, toHex } from '../base/index.js';
import { RpcClient } from '../chain/index.js';
import {
  decodeReceipt,
  type Receipt,
  type ReceiptVerification,
  verifyReceipt,
} from '../job/index.js';
import { LanguageModel, ModelRegistry, modelId } from '../model/index.js';
import {
  calibrationHash,
  DEFAULT_TAU,
  describeVerdict,
  readCalibration,
  toleranceFor,
  type Verdict,
} from '../rastic/index.js';
import { action } from './shared/action.js';
import { readInput } from './shared/input.js';
import { parseThreads } from './shared/models.js';
import type { Register } from './shared/register.js';
import type { Settings } from './shared/settings.js';
import type { Terminal } from './shared/terminal.js';
import {
  askNeighbours,
  type CheckOptions,
  checkOptionsOf,
  EXIT_OF,
  type OutsourceChoice,
  refuseLargeSample,
  showNeighbours,
} from './verify-outsourced.js';

interface VerifyCommandOptions extends OutsourceChoice {
  readonly outsource?: boolean;
  readonly model?: string;
  readonly calibrated?: boolean;
  readonly explain?: boolean;
  readonly threads?: string;
}

/** Receipts are small; what is larger is none. */
const MOST_BYTES = 4 << 20;

/** The model's folder, after its contents were seen to be the model the receipt names. */
async function folderOf(
  receipt: Receipt,
  asked: string | undefined,
  datadir: string,
): Promise<string> {
  const folder = new ModelRegistry(datadir).resolve(asked ?? receipt.job.model);
  const id = await modelId(folder);
  if (id !== receipt.job.model) {
    throw new BitmodelError(
      'OTHER_MODEL',
      `${folder} holds model ${id}, but the receipt is for ${receipt.job.model}.`,
      {
        next: 'Pass the folder of the model the receipt names with --model',
        exitCode: EXIT.notFound,
      },
    );
  }
  return folder;
}

/** τ for this receipt: the job's own calibration where the bundle ships it. */
function toleranceOf(receipt: Receipt, folder: string, verifier: string): number | undefined {
  const { job } = receipt;
  const calibration = readCalibration(folder, job.model, job.file);
  if (!calibration || toHex(calibrationHash(calibration)) !== job.calibration) return undefined;
  const taus = job.classes.map((seller) => toleranceFor(calibration, seller, verifier));
  return taus.includes(undefined) ? undefined : Math.max(...(taus as number[]));
}

function explain(
  terminal: Terminal,
  verification: ReceiptVerification,
  model: LanguageModel,
): void {
  terminal.line('position  token                 margin  the model’s own');
  for (const { position, token, best, margin } of verification.rows) {
    const text = JSON.stringify(model.tokenizer.decode([token])).slice(0, 18);
    const own = best === token ? '' : JSON.stringify(model.tokenizer.decode([best])).slice(0, 18);
    const shown = margin === undefined ? 'excluded' : margin.toExponential(2);
    terminal.line(
      `${String(position).padStart(8)}  ${text.padEnd(18)}  ${shown.padStart(8)}  ${own}`.trimEnd(),
    );
  }
}

/** Checks with the model at hand, and prints the verdict. */
async function checkAtHand(
  receipt: Receipt,
  options: VerifyCommandOptions,
  settings: Settings,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Verdict> {
  const folder = await folderOf(receipt, options.model, settings.datadir);
  const threads = options.threads === undefined ? {} : { threads: parseThreads(options.threads) };
  const model = await LanguageModel.open(folder, { file: receipt.job.file, ...threads });
  try {
    const measured = toleranceOf(receipt, folder, model.info.numericClass);
    if (measured === undefined && options.calibrated) {
      const reason = 'the calibration that the job names is not beside the model';
      terminal.result({ result: 'abstain', reason }, `abstained: ${reason}`, 'abstain');
      return { result: 'abstain', reason };
    }
    const tau = measured ?? DEFAULT_TAU;
    const verification = await verifyReceipt(receipt, model, { tau, signal });
    const { verdict, positions, greatestMargin, seconds, checks } = verification;
    if (options.explain && !terminal.json) explain(terminal, verification, model);
    const detail = {
      ...verdict,
      positions,
      greatestMargin: Number.isFinite(greatestMargin) ? greatestMargin : null,
      tau,
      calibrated: measured !== undefined,
      seconds: Number(seconds.toFixed(3)),
      checks,
      ...(options.explain ? { rows: verification.rows } : {}),
    };
    const signed = checks.signature ? 'signed by the seller' : 'NOT signed by the seller';
    terminal.result(
      detail,
      `${describeVerdict(verdict)}\n${positions} of ${receipt.outputIds.length} tokens checked in ${seconds.toFixed(2)} s, tolerance ${tau} logits (${measured === undefined ? 'default' : 'calibrated'}), ${signed}`,
      verdict.result,
    );
    return verdict;
  } finally {
    await model.close();
  }
}

/** Asks the node's peers; where the model is at hand too, it says who of them was right, and has the last word. */
async function checkByNeighbours(
  receipt: Receipt,
  options: VerifyCommandOptions,
  question: CheckOptions,
  settings: Settings,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Verdict> {
  refuseLargeSample(question, receipt);
  const rpc = RpcClient.forNode(settings);
  try {
    terminal.note('The neighbours that are asked see prompt and output.');
    const { id, verification } = await askNeighbours(rpc, receipt, question, signal);
    if (options.model === undefined) {
      await showNeighbours(verification, receipt, terminal);
      return verification.verdict;
    }
    const own = await checkAtHand(receipt, options, settings, terminal, signal);
    const said = describeVerdict(verification.verdict);
    if (own.result === 'abstain') return own;
    // a false signature or seed is nothing that neighbours were asked about
    const isOfTokens = own.result === 'invalid' && own.position !== undefined;
    const truth = isOfTokens ? { falseAt: own.position } : {};
    const { right, wrong } = await rpc.call<Record<string, number>>('settlecheck', id, truth);
    terminal.note(
      `The neighbours said: ${said}. Of them, ${right} said what the model says, ${wrong} did not.`,
    );
    return own;
  } finally {
    await rpc.close();
  }
}

/** `bitmodel verify RECEIPT`: a receipt and a model in, the verdict out. */
export const register: Register = (program) => {
  program
    .command('verify')
    .description('check every token of a receipt against the model, offline')
    .argument('<receipt>', 'the file that `job submit --receipt` wrote, or - for stdin')
    .option(
      '--model <model>',
      'folder, id or name of the model (default: the one the receipt names)',
    )
    .option('--calibrated', 'abstain where the job’s calibration is not at hand')
    .option('--explain', 'print each position with its margin')
    .option('--threads <n>', 'threads of the model')
    .option('--outsource', 'ask the node’s peers, without the model; they see prompt and output')
    .option('--neighbours <n>', 'how many of them, 3 to 16 (4)')
    .option('--sample <k>', 'about how many of the tokens they are asked (all)')
    .option('--timeout <seconds>', 'time for their answers (60)')
    .addHelpText(
      'after',
      '\nExit code: 0 valid, 10 invalid, 11 could not be verified.\n\nWith --outsource the verdict is the word of most of the neighbours asked, not a\nproof. It takes three that have the model; where fewer are connected, none is\nasked. With --model, too, the model at hand decides, and neighbours that it\ncontradicts are not asked again.\n\nExamples:\n  $ bitmodel verify receipt.json --model fixtures/bitmodel-tiny\n  $ cat receipt.json | bitmodel verify - --json\n  $ bitmodel verify receipt.json --outsource --neighbours 6',
    )
    .action(
      action<VerifyCommandOptions>(async ([path], { options, settings, terminal, signal }) => {
        refuseIdle(options);
        const question = checkOptionsOf(options);
        const receipt = decodeReceipt(await readInput(path!, MOST_BYTES));
        const { result } = options.outsource
          ? await checkByNeighbours(receipt, options, question, settings, terminal, signal)
          : await checkAtHand(receipt, options, settings, terminal, signal);
        return EXIT_OF[result];
      }),
    );
};

/** Refuses options that would be dropped without a word. */
function refuseIdle({ outsource, neighbours, sample, timeout }: VerifyCommandOptions): void {
  if (outsource || [neighbours, sample, timeout].every((one) => one === undefined)) return;
  throw new BitmodelError('BAD_OPTION', 'Nobody but neighbours is asked like that.', {
    next: 'Pass --outsource, too',
    exitCode: EXIT.usage,
  });
}
