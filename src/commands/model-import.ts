import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { type ImportType, importModel, ModelRegistry, packModel } from '../model/index.js';
import { action } from './shared/action.js';
import { progressLine } from './shared/progress.js';
import { formatSize } from './shared/sizes.js';

interface ImportFlags {
  readonly dtype: ImportType;
  readonly accuracyLevel: string;
  readonly out?: string;
  readonly name?: string;
  readonly licence?: string;
}

const TYPES: readonly ImportType[] = ['fp32', 'fp16', 'int8', 'q4'];
const isQuantised = (type: ImportType): boolean => type === 'int8' || type === 'q4';

/** `model import`. */
export function registerImport(model: Command): void {
  model
    .command('import')
    .description('build an ONNX model of safetensors weights (Llama, Mistral, Qwen, GPT-2)')
    .argument('<dir>', 'folder with config.json, tokenizer.json and .safetensors files')
    .addOption(
      new Option('--dtype <type>', 'numbers of the weights').choices(TYPES).default('fp32'),
    )
    .addOption(
      new Option(
        '--accuracy-level <level>',
        'int8 and q4: 0 sums in fp32, 4 rounds activations to 8 bits (faster)',
      )
        .choices(['0', '4'])
        .default('0'),
    )
    .option('--out <dir>', 'folder to be made (default: DIR-TYPE)')
    .option('--name <name>', "name (default: the folder's)")
    .option('--licence <licence>', 'licence, such as MIT')
    .addHelpText(
      'after',
      '\nThe folder is made whole or not at all, and packed.\n\nExample:\n  $ bitmodel model import ./SmolLM2-135M --dtype q4\n  $ bitmodel model run SmolLM2-135M-q4 "Once upon a time"',
    )
    .action(
      action<ImportFlags>(async ([dir], { options, settings, terminal, signal }) => {
        const { dtype, name, licence } = options;
        const accuracyLevel = options.accuracyLevel === '4' ? 4 : 0;
        if (accuracyLevel === 4 && !isQuantised(dtype)) {
          throw new BitmodelError(
            'BAD_OPTION',
            `--accuracy-level 4 says nothing of ${dtype} weights.`,
            { next: 'Pass it with --dtype int8 or q4, or leave it out', exitCode: EXIT.usage },
          );
        }
        if (accuracyLevel === 4) {
          terminal.warn(
            'At accuracy level 4 honest machines differ far more, so that verification can tell less.',
          );
        }
        const progress = progressLine(
          'importing',
          settings,
          (rate) => `${(rate / 1e6).toFixed(0)} million weights/s`,
        );
        const imported = await importModel(dir!, {
          out: options.out ?? `${resolve(dir!)}-${dtype}`,
          type: dtype,
          accuracyLevel,
          onProgress: progress.update,
          signal,
        }).finally(progress.end);
        const packing = progressLine('hashing', settings);
        const packed = await packModel(imported.dir, {
          name: name ?? basename(imported.dir),
          ...(licence === undefined ? {} : { licence }),
          onProgress: packing.update,
          signal,
        }).finally(packing.end);
        new ModelRegistry(settings.datadir).register(packed.id, packed.dir, packed.name, {
          origin: 'imported',
        });
        const { id, size } = packed;
        const { file, dir: folder, weightBytes } = imported;
        terminal.result(
          { id, name: packed.name, dir: folder, file, dtype, accuracyLevel, weightBytes, size },
          () =>
            [
              `id      ${id}`,
              `name    ${packed.name}`,
              `folder  ${folder}`,
              `file    ${file}`,
              `size    ${formatSize(size)}`,
            ].join('\n'),
          id,
        );
      }),
    );
}
