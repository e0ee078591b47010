import { BitmodelError, EXIT, toHex } from '../base/index.js';
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
} from '../rastic/index.js';
import { action } from './shared/action.js';
import { readInput } from './shared/input.js';
import { parseThreads } from './shared/models.js';
import type { Register } from './shared/register.js';
import type { Terminal } from './shared/terminal.js';

interface VerifyCommandOptions {
  readonly model?: string;
  readonly calibrated?: boolean;
  readonly explain?: boolean;
  readonly threads?: string;
}

const EXIT_OF = { valid: EXIT.done, invalid: EXIT.invalid, abstain: EXIT.abstained } as const;

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
    .addHelpText(
      'after',
      '\nExit code: 0 valid, 10 invalid, 11 could not be verified.\n\nExamples:\n  $ bitmodel verify receipt.json --model fixtures/bitmodel-tiny\n  $ cat receipt.json | bitmodel verify - --json',
    )
    .action(
      action<VerifyCommandOptions>(async ([path], { options, settings, terminal, signal }) => {
        const receipt = decodeReceipt(await readInput(path!, MOST_BYTES));
        const folder = await folderOf(receipt, options.model, settings.datadir);
        const threads =
          options.threads === undefined ? {} : { threads: parseThreads(options.threads) };
        const model = await LanguageModel.open(folder, { file: receipt.job.file, ...threads });
        try {
          const measured = toleranceOf(receipt, folder, model.info.numericClass);
          if (measured === undefined && options.calibrated) {
            const reason = 'the calibration that the job names is not beside the model';
            terminal.result({ result: 'abstain', reason }, `abstained: ${reason}`, 'abstain');
            return EXIT.abstained;
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
          return EXIT_OF[verdict.result];
        } finally {
          await model.close();
        }
      }),
    );
};
