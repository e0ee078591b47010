import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { toHex } from '../base/index.js';
import {
  type ModelPage,
  ModelRegistry,
  magnetLink,
  readBundle,
  readModelPage,
} from '../model/index.js';
import { calibrationHash, readCalibration } from '../rastic/index.js';
import { action } from './shared/action.js';
import { memoryNeed } from './shared/model-memory.js';
import { modelOnChain } from './shared/model-on-chain.js';
import { modelPageJson, modelPageText, type ShownCalibration } from './shared/model-page.js';

/** Calibrations beside a model, of each of its graphs. */
function calibrationsOf(dir: string, id: string, { graph, others }: ModelPage): ShownCalibration[] {
  return [graph, ...others].flatMap(({ file }) => {
    const calibration = readCalibration(dir, id, file);
    if (!calibration) return [];
    const pairs = calibration.pairs.map(({ seller, verifier, tauMicro }) => ({
      seller,
      verifier,
      tauMicro,
    }));
    return [{ file, hash: toHex(calibrationHash(calibration)), pairs }];
  });
}

/** `model show`. */
export function registerShow(model: Command): void {
  model
    .command('show')
    .summary('what is known about a model')
    .description(
      'Shows what is known about a model without running it: what its graph holds, what memory it takes, its licence and parents, the calibration beside it, and, where a node runs, who published it and who holds it.',
    )
    .argument('<model>', 'folder, id or name')
    .option('--file <file>', 'ONNX file inside the folder')
    .addHelpText(
      'after',
      `
Measures are those of the graph itself; where config.json says otherwise, that is said.

Example:
  $ bitmodel model show ./my-model
  $ bitmodel model show my-model --file onnx/model_q4.onnx --json`,
    )
    .action(
      action<{ file?: string }>(async ([asked], { options, settings, terminal }) => {
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const page = readModelPage(dir, options.file);
        const bundle = existsSync(join(dir, 'bitmodel.json')) ? readBundle(dir) : undefined;
        const shown = {
          page,
          memory: memoryNeed(page),
          bundle,
          magnet: bundle && magnetLink(bundle.id, bundle.name),
          calibrations: bundle ? calibrationsOf(dir, bundle.id, page) : [],
          chain: bundle && (await modelOnChain(settings, bundle.id)),
        };
        terminal.result(modelPageJson(shown), () => modelPageText(shown), bundle?.id ?? dir);
      }),
    );
}
