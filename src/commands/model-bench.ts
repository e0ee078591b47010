import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { type ModelMeasurement, ModelRegistry, measureModel, type Spread } from '../model/index.js';
import { action } from './shared/action.js';
import { parseThreads } from './shared/models.js';
import { wholeOption } from './shared/number-options.js';
import { deviceOption } from './shared/run-options.js';
import { openToRun, readShares, SHARE_OPTION } from './shared/shares.js';
import { formatSize } from './shared/sizes.js';
import { listTable } from './shared/tables.js';

interface BenchFlags {
  readonly file?: string;
  readonly threads?: string;
  readonly device: string;
  readonly share?: string[];
  readonly lengths?: string;
  readonly tokens: string;
  readonly rounds: string;
  readonly together: string;
}

const parseLengths = (text: string): number[] =>
  text.split(',').map((part) => wholeOption(part.trim(), '--lengths', 1));

/** Three figures of one unit, with as many digits as say something. */
function cells(name: string, unit: string, { least, median, most }: Spread, scale = 1): string[] {
  const shown = (value: number): string => (value * scale).toPrecision(3);
  const plain = (value: number): string => String(Number(shown(value)));
  return [name, plain(median), plain(least), plain(most), unit];
}

async function textOf(measured: ModelMeasurement): Promise<string> {
  const { firstToken, prefill, decode, together, memory } = measured;
  const table = await listTable(
    ['', 'median', 'least', 'most', ''],
    [
      cells(`first token after ${firstToken.promptTokens}`, 'ms', firstToken.seconds, 1000),
      ...prefill.map(({ tokens, rate }) => cells(`prefill of ${tokens}`, 'tokens/s', rate)),
      ...decode.map(({ context, rate }) => cells(`decode after ${context}`, 'tokens/s', rate)),
      ...(together
        ? [cells(`decode of ${together.answers} at once`, 'tokens/s', together.rate)]
        : []),
      ...(memory
        ? [
            cells('memory read', 'GB/s', memory.read, 1e-9),
            cells('memory copied', 'GB/s', memory.copy, 1e-9),
          ]
        : []),
    ],
  );
  const { numericClass, file } = measured.info;
  const threads = `${measured.threads} thread${measured.threads === 1 ? '' : 's'}`;
  const lines = [
    `${file}, ${numericClass}, ${threads}; loaded in ${measured.loadSeconds.toFixed(2)} s`,
    table,
  ];
  const [first] = decode;
  if (first?.bandwidthShare !== undefined) {
    const shares = decode.map(({ bandwidthShare }) => `${Math.round(100 * bandwidthShare!)} %`);
    lines.push(
      `A token reads ${formatSize(first.bytesPerToken!)} of weights: decoding takes`,
      `${shares.join(', ')} of the bandwidth of this machine's memory.`,
    );
  }
  return lines.join('\n');
}

/** `model bench`. */
export function registerBench(model: Command): void {
  model
    .command('bench')
    .description('measure how fast a model runs here, and how fast the memory lets it')
    .argument('<model>', 'folder, id or name')
    .option('--file <file>', 'ONNX file inside the folder, such as onnx/model_q4.onnx')
    .option('--threads <n>', 'threads to compute with (default: all cores)')
    .option('--device <device>', 'cpu, cuda or auto', 'auto')
    .option('--lengths <list>', 'tokens of prompts, by commas (default: 128,512,1024 as they fit)')
    .option('--tokens <n>', 'tokens of each answer', '32')
    .option(...SHARE_OPTION)
    .option('--rounds <n>', 'rounds, in each of which everything is measured once', '3')
    .option('--together <n>', 'also decode so many answers at once', '1')
    .addHelpText(
      'after',
      '\nExamples:\n  $ bitmodel model bench ./my-model\n  $ bitmodel model bench ./my-model --file onnx/model_q4.onnx --lengths 512 --together 8',
    )
    .action(
      action<BenchFlags>(async ([asked], { options, settings, terminal, signal }) => {
        const threads =
          options.threads === undefined ? availableParallelism() : parseThreads(options.threads);
        const wanted = {
          threads,
          device: deviceOption(options.device),
          tokens: wholeOption(options.tokens, '--tokens', 2),
          rounds: wholeOption(options.rounds, '--rounds', 1, 1000),
          together: wholeOption(options.together, '--together', 1, 64),
          ...(options.file === undefined ? {} : { file: options.file }),
          ...(options.lengths === undefined ? {} : { lengths: parseLengths(options.lengths) }),
        };
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const shares = await readShares(options.share);
        const measured = await measureModel(dir, {
          ...wanted,
          open: (how) => openToRun(dir, how, shares, terminal),
          signal,
          onRound: (round, rounds) => terminal.note(`round ${round} of ${rounds}`),
        });
        const { info, ...figures } = measured;
        const text = await textOf(measured);
        const { file, numericClass } = info;
        terminal.result({ dir, file, numericClass, ...figures }, text);
      }),
    );
}
