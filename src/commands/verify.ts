import { BitmodelError, EXIT } from '../base/index.js';
import { RpcClient } from '../chain/index.js';
import { decodeReceipt, type Receipt, receiptJsonSchema } from '../job/index.js';
import { describeVerdict, type Verdict } from '../rastic/index.js';
import { action } from './shared/action.js';
import { readInput } from './shared/input.js';
import type { Register } from './shared/register.js';
import type { Settings } from './shared/settings.js';
import { SHARE_OPTION } from './shared/shares.js';
import type { Terminal } from './shared/terminal.js';
import { type AtHandChoice, checkAtHand } from './verify-at-hand.js';
import {
  askNeighbours,
  type CheckOptions,
  checkOptionsOf,
  EXIT_OF,
  type OutsourceChoice,
  refuseLargeSample,
  showNeighbours,
} from './verify-outsourced.js';

interface VerifyCommandOptions extends OutsourceChoice, AtHandChoice {
  readonly schema?: boolean;
  readonly outsource?: boolean;
}

/** Receipts are small; what is larger is none. */
const MOST_BYTES = 4 << 20;

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
    .argument('[receipt]', 'the file that `job submit --receipt` wrote, or - for stdin')
    .option(
      '--model <model>',
      'folder, id or name of the model (default: the one the receipt names)',
    )
    .option('--check <mode>', 'full, or sample:K: the first, K random tokens and the last (full)')
    .option('--sample-seed <hex>', 'repeat the sample that this seed drew')
    .option('--calibrated', 'abstain where the job’s calibration is not at hand')
    .option('--explain', 'print each position with its margin and the model’s own token')
    .option('--html <file>', 'write that as a page of its own, - for stdout')
    .option('--schema', 'print the JSON Schema of receipts, and check nothing')
    .option('--threads <n>', 'threads of the model')
    .option(...SHARE_OPTION)
    .option('--outsource', 'ask the node’s peers, without the model; they see prompt and output')
    .option('--neighbours <n>', 'how many of them, 3 to 16 (4)')
    .option('--sample <k>', 'about how many of the tokens they are asked (all)')
    .option('--timeout <seconds>', 'time for their answers (60)')
    .addHelpText(
      'after',
      '\nExit code: 0 valid, 10 invalid, 11 could not be verified.\n\nWith --outsource the verdict is the word of most of the neighbours asked, not a\nproof. It takes three that have the model; where fewer are connected, none is\nasked. With --model, too, the model at hand decides, and neighbours that it\ncontradicts are not asked again.\n\nExamples:\n  $ bitmodel verify receipt.json --model fixtures/bitmodel-tiny\n  $ bitmodel verify receipt.json --explain --html answer.html\n  $ bitmodel verify receipt.json --check sample:16\n  $ cat receipt.json | bitmodel verify - --json\n  $ bitmodel verify receipt.json --outsource --neighbours 6',
    )
    .action(
      action<VerifyCommandOptions>(async ([path], { options, settings, terminal, signal }) => {
        if (options.schema) {
          const schema = receiptJsonSchema();
          terminal.result(schema, JSON.stringify(schema, null, 2));
          return EXIT.done;
        }
        if (path === undefined) {
          throw refused('There is no receipt to check.', 'Name its file, or - for stdin', 'USAGE');
        }
        refuseIdle(options, settings);
        const question = checkOptionsOf(options);
        const receipt = decodeReceipt(await readInput(path, MOST_BYTES));
        const { result } = options.outsource
          ? await checkByNeighbours(receipt, options, question, settings, terminal, signal)
          : await checkAtHand(receipt, options, settings, terminal, signal);
        return EXIT_OF[result];
      }),
    );
};

function refused(message: string, next: string, code = 'BAD_OPTION'): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.usage });
}

/** Refuses options that would be dropped without a word. */
function refuseIdle(options: VerifyCommandOptions, { json }: Settings): void {
  const { outsource, neighbours, sample, timeout, model, explain, html, check, sampleSeed } =
    options;
  if (!outsource && [neighbours, sample, timeout].some((one) => one !== undefined)) {
    throw refused('Nobody but neighbours is asked like that.', 'Pass --outsource, too');
  }
  if (outsource && model === undefined && (explain || html !== undefined)) {
    const next = 'Pass --model, too; without it, what the neighbours said is printed';
    throw refused('Each token can be shown only by the model at hand.', next);
  }
  if (outsource && model === undefined && (check ?? sampleSeed) !== undefined) {
    const next = 'Pass --sample for how many tokens neighbours are asked, or --model, too';
    throw refused('--check is for the model at hand.', next);
  }
  if (html === '-' && (json || explain)) {
    const next = 'Name a file for the page';
    throw refused(`The page and ${json ? '--json' : '--explain'} can't both have stdout.`, next);
  }
}
