import type { Command } from 'commander';
import { ModelRegistry, magnetLink, readBundle, readModelFacts } from '../model/index.js';
import { action } from './shared/action.js';
import { formatSize } from './shared/sizes.js';

/** `model show`. */
export function registerShow(model: Command): void {
  model
    .command('show')
    .description('what is known about a model')
    .argument('<model>', 'folder, id or name')
    .option('--file <file>', 'ONNX file inside the folder')
    .addHelpText('after', '\nExample:\n  $ bitmodel model show ./my-model')
    .action(
      action<{ file?: string }>(async ([asked], { options, settings, terminal }) => {
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const facts = readModelFacts(dir, options.file);
        const bundle = facts.packed ? readBundle(dir) : undefined;
        const about = {
          ...(bundle && {
            id: bundle.id,
            name: bundle.name,
            licence: bundle.licence,
            parents: bundle.parents,
            size: bundle.size,
            magnet: magnetLink(bundle.id, bundle.name),
          }),
          dir,
          file: facts.file,
          architecture: facts.architecture,
          parameters: facts.parameters,
          layers: facts.layers,
          contextLength: facts.contextLength,
          vocabularySize: facts.vocabularySize,
          numericType: facts.numericType,
          accuracyLevel: facts.accuracyLevel,
          weightBytes: facts.weightBytes,
        };
        terminal.result(
          about,
          () => {
            const rows: [string, unknown][] = [
              ['id', bundle?.id ?? 'not packed yet (bitmodel model pack)'],
              ['name', bundle?.name],
              ['licence', bundle?.licence],
              ['folder', dir],
              ['file', facts.file],
              ['architecture', facts.architecture],
              ['parameters', facts.parameters.toLocaleString('en')],
              ['layers', facts.layers],
              ['context', facts.contextLength],
              ['vocabulary', facts.vocabularySize],
              ['numbers', facts.numericType],
              ['weights', formatSize(facts.weightBytes)],
              ...(bundle?.parents ?? []).map(({ id, ppm }): [string, string] => [
                'parent',
                `${id} ${ppm} ppm`,
              ]),
            ];
            return rows
              .filter(([, value]) => value !== undefined)
              .map(([label, value]) => `${label.padEnd(14)}${value}`)
              .join('\n');
          },
          bundle?.id ?? dir,
        );
      }),
    );
}
