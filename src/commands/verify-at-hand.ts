import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, fromHex, toHex } from '../base/index.js';
import { explainReceipt, formatMargin, type Receipt, verifyReceipt } from '../job/index.js';
import { ModelRegistry, modelId } from '../model/index.js';
import {
  calibrationHash,
  defaultTau,
  describeVerdict,
  parseCheck,
  readCalibration,
  type SampledCheck,
  toleranceFor,
  toleranceWarning,
  type Verdict,
  type Verification,
} from '../rastic/index.js';
import { parseThreads } from './shared/models.js';
import type { Settings } from './shared/settings.js';
import { openWithShares, readShares } from './shared/shares.js';
import type { Terminal } from './shared/terminal.js';
import { explanationRows, printExplanation, writePage } from './verify-explain.js';
import { countSellerOf } from './verify-seller.js';

/** Options of `bitmodel verify` with the model at hand. */
export interface AtHandChoice {
  readonly model?: string;
  readonly check?: string;
  readonly sampleSeed?: string;
  readonly calibrated?: boolean;
  readonly explain?: boolean;
  readonly html?: string;
  readonly threads?: string;
  readonly share?: string[];
}

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

function seedOf(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return fromHex(text);
  throw new BitmodelError('BAD_SAMPLE_SEED', '--sample-seed takes 64 hexadecimal digits.', {
    next: 'Copy them from what the earlier check printed, or leave the option away to draw anew',
    exitCode: EXIT.usage,
  });
}

/** Which positions are asked for; a seed that nobody could know before is drawn where none is given, and shown. */
function checkOf({ check, sampleSeed }: AtHandChoice): 'full' | SampledCheck {
  const sample = parseCheck(check ?? 'full');
  if (sample !== 'full') {
    return { sample, seed: sampleSeed === undefined ? randomBytes(32) : seedOf(sampleSeed) };
  }
  if (sampleSeed === undefined) return sample;
  throw new BitmodelError('BAD_OPTION', 'A full check draws nothing.', {
    next: 'Pass --check sample:K, too, or leave --sample-seed away',
    exitCode: EXIT.usage,
  });
}

/** The figures of a check, in one line. */
function figuresOf(
  verification: Verification,
  total: number,
  check: 'full' | SampledCheck,
): string {
  const { positions, aboveZero, greatestMargin, detection, seconds } = verification;
  const margins = Number.isFinite(greatestMargin)
    ? `; greatest margin ${formatMargin(greatestMargin)}, ${aboveZero} above 0`
    : '';
  const line = `${positions} of ${total} tokens checked in ${seconds.toFixed(2)} s${margins}`;
  if (check === 'full') return line;
  const drawn = Math.min(check.sample, Math.max(0, total - 2));
  const chance = `one false token between first and last is among ${drawn} drawn with probability ${(100 * detection).toFixed(1)} %`;
  return `${line}\n${chance}\ndrawn by --sample-seed ${toHex(check.seed)}`;
}

/** Checks with the model at hand, and prints the verdict. */
export async function checkAtHand(
  receipt: Receipt,
  options: AtHandChoice,
  settings: Settings,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Verdict> {
  const check = checkOf(options);
  const folder = await folderOf(receipt, options.model, settings.datadir);
  const threads = options.threads === undefined ? {} : { threads: parseThreads(options.threads) };
  const model = await openWithShares(
    folder,
    { file: receipt.job.file, ...threads },
    await readShares(options.share),
  );
  try {
    const measured = toleranceOf(receipt, folder, model.info.numericClass);
    if (measured === undefined && options.calibrated) {
      const reason = 'the calibration that the job names is not beside the model';
      terminal.result({ result: 'abstain', reason }, `abstained: ${reason}`, 'abstain');
      return { result: 'abstain', reason };
    }
    const tau = measured ?? defaultTau(...receipt.job.classes, model.info.numericClass);
    const wide = toleranceWarning(tau);
    if (wide !== undefined) terminal.warn(wide);
    const verification = await verifyReceipt(receipt, model, { tau, check, signal });
    const { verdict, positions, greatestMargin, seconds, checks } = verification;
    countSellerOf(receipt, verification, model.info, settings, terminal);
    const explanation =
      options.explain || options.html !== undefined
        ? explainReceipt(receipt, verification, model.tokenizer, {
            tau,
            calibrated: measured !== undefined,
          })
        : undefined;
    if (options.html !== undefined && explanation) writePage(options.html, explanation, terminal);
    if (options.explain && explanation && !terminal.json) printExplanation(terminal, explanation);
    const detail = {
      ...verdict,
      ...(check === 'full'
        ? { check }
        : { check: `sample:${check.sample}`, sampleSeed: toHex(check.seed) }),
      positions,
      detection: verification.detection,
      aboveZero: verification.aboveZero,
      pooled: verification.pooled,
      greatestMargin: Number.isFinite(greatestMargin) ? greatestMargin : null,
      tau,
      calibrated: measured !== undefined,
      seconds: Number(seconds.toFixed(3)),
      checks,
      ...(options.explain && explanation ? { rows: explanationRows(explanation) } : {}),
    };
    const signature = checks.signature ? 'signed by the seller' : 'NOT signed by the seller';
    const signed = checks.seed ? signature : `${signature}, seed NOT the job's`;
    const said = `${describeVerdict(verdict)}\n${figuresOf(verification, receipt.outputIds.length, check)}\ntolerance ${tau} logits (${measured === undefined ? 'default' : 'calibrated'}), ${signed}`;
    // the page has stdout for itself
    if (options.html === '-') for (const line of said.split('\n')) terminal.note(line);
    else terminal.result(detail, said, verdict.result);
    return verdict;
  } finally {
    await model.close();
  }
}
