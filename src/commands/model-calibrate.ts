import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, messageOf, toHex, writeFileAtomic } from '../base/index.js';
import { MOST_BATCH, ModelRegistry, storedCalibrations } from '../model/index.js';
import {
  CALIBRATION_BATCH,
  CALIBRATION_BLOCKS,
  CALIBRATION_PROMPTS,
  CALIBRATION_SAMPLINGS,
  CALIBRATION_THREADS,
  CALIBRATION_TOKENS,
  type Calibration,
  type CalibrationPair,
  calibrateModel,
  calibrationHash,
} from '../rastic/index.js';
import { action } from './shared/action.js';
import { wholeOption } from './shared/number-options.js';
import { progressLine } from './shared/progress.js';
import { openWithShares, readShares, SHARE_OPTION } from './shared/shares.js';
import { listTable } from './shared/tables.js';

interface CalibrateFlags {
  readonly file?: string;
  readonly prompts?: string;
  readonly tokens: string;
  readonly threads: string;
  readonly batch: string;
  readonly share?: string[];
}

/** Longer answers show nothing that others don't. */
const MOST_TOKENS = 4096;
const MOST_THREADS = 64;
const MOST_PROMPTS = 1000;

/** One prompt a line. */
async function readPrompts(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return CALIBRATION_PROMPTS;
  const refuse = (why: string, cause?: unknown): BitmodelError =>
    new BitmodelError('BAD_PROMPTS', `${path} can't be used as prompts: ${why}.`, {
      next: 'Give a file of text with one prompt a line',
      exitCode: EXIT.usage,
      cause,
    });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw refuse(messageOf(thrown), thrown);
  }
  const prompts = [...new Set(text.split(/\r?\n/).filter((line) => line.trim() !== ''))];
  if (prompts.length === 0) throw refuse('it is empty');
  if (prompts.length > MOST_PROMPTS) throw refuse(`it has more than ${MOST_PROMPTS} lines`);
  return prompts;
}

function threadCounts(text: string): number[] {
  const counts = text
    .split(',')
    .map((part) => wholeOption(part.trim(), '--threads', 1, MOST_THREADS));
  return [...new Set(counts)];
}

/**
 * Where a calibration goes: in the place of an older one of the same graph, else to `NAME.calibration.json`, with the graph's
 * own name in it where the graph was named.
 */
async function targetOf(
  dir: string,
  { model, file }: Calibration,
  isNamed: boolean,
): Promise<string> {
  const stored = await storedCalibrations(dir);
  const older = stored.find((each) => each.model === model && each.file === file)?.name;
  const graph = isNamed ? `.${basename(file, '.onnx')}` : '';
  return join(dir, older ?? `${basename(dir)}${graph}.calibration.json`);
}

/** Share of tokens with a margin above zero, for people. */
function flips(counts: readonly number[]): string {
  const total = counts.reduce((sum, each) => sum + each, 0);
  return `${total - counts[0]!} of ${total}`;
}

async function pairText(pairs: readonly CalibrationPair[]): Promise<string> {
  const header = ['seller', 'verifier', 'τ', 'greatest shift', 'margins above 0', 'of int8'];
  return listTable(
    header,
    pairs.map(({ seller, verifier, tauMicro, greatestShiftMicro, margins, cheaper }) => [
      seller,
      verifier,
      String(tauMicro / 1e6),
      String(greatestShiftMicro / 1e6),
      flips(margins.greedy.map((count, i) => count + margins.sampled[i]!)),
      cheaper
        ? flips(cheaper.margins.greedy.map((count, i) => count + cheaper.margins.sampled[i]!))
        : '',
    ]),
  );
}

/** `model calibrate`. */
export function registerCalibrate(model: Command): void {
  model
    .command('calibrate')
    .description('measure how far honest machines lie apart; write NAME.calibration.json')
    .argument('<model>', 'folder, id or name')
    .option('--file <file>', 'ONNX file inside the folder, such as onnx/model_q4.onnx')
    .option('--prompts <file>', 'one prompt a line (default: a list of its own)')
    .option('--tokens <n>', 'tokens of each answer', String(CALIBRATION_TOKENS))
    .option('--threads <list>', 'thread counts to compute with', CALIBRATION_THREADS.join(','))
    .option(
      '--batch <n>',
      'most answers decoded in one run, where the graph allows it',
      String(CALIBRATION_BATCH),
    )
    .option(...SHARE_OPTION)
    .addHelpText(
      'after',
      '\nIt takes minutes to hours: every prompt is answered greedily and at two\ntemperatures, in each setting, and each answer is checked in the others. Jobs name\na calibration by its hash, so publish the model anew afterwards.\n\nExample:\n  $ bitmodel model calibrate ./my-model\n  $ bitmodel model calibrate ./my-model --file onnx/model_q4.onnx --tokens 50 --threads 1,4',
    )
    .action(
      action<CalibrateFlags>(async ([asked], { options, settings, terminal, signal }) => {
        const threads = threadCounts(options.threads);
        const plan = {
          prompts: await readPrompts(options.prompts),
          samplings: CALIBRATION_SAMPLINGS,
          tokens: wholeOption(options.tokens, '--tokens', 1, MOST_TOKENS),
          blocks: CALIBRATION_BLOCKS,
        };
        const dir = resolve(new ModelRegistry(settings.datadir).resolve(asked!));
        const shares = await readShares(options.share);
        const progress = progressLine(
          'measuring',
          settings,
          (rate) => `${rate.toFixed(0)} positions/s`,
        );
        const calibration: Calibration = await calibrateModel(dir, {
          file: options.file,
          plan,
          threads,
          batch: wholeOption(options.batch, '--batch', 1, MOST_BATCH),
          open: (how) => openWithShares(dir, how, shares),
          onProgress: progress.update,
          onNote: (text) => terminal.warn(text),
          signal,
        }).finally(progress.end);
        const path = await targetOf(dir, calibration, options.file !== undefined);
        writeFileAtomic(path, `${JSON.stringify(calibration, null, 2)}\n`);
        const hash = toHex(calibrationHash(calibration));
        const table = await pairText(calibration.pairs);
        terminal.result({ path, hash, ...calibration }, `${table}\n${path}\nhash ${hash}`, path);
      }),
    );
}
