import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { checkModel, ModelRegistry, type Parent, packModel } from '../model/index.js';
import { action } from './shared/action.js';
import { progressLine } from './shared/progress.js';
import { formatSize } from './shared/sizes.js';

interface PackFlags {
  readonly name?: string;
  readonly licence?: string;
  readonly parent?: string[];
}

function parseParent(text: string, earlier: string[] = []): string[] {
  return [...earlier, text];
}

/** `ID=PPM` as a parent. */
function parentOf(text: string): Parent {
  const match = /^([0-9a-f]{64})=(\d{1,7})$/i.exec(text);
  if (!match) {
    throw new BitmodelError('BAD_PARENT', `"${text}" is not ID=PPM.`, {
      next: 'Write a parent as its 64-digit id, "=", and its weight in parts per million',
      exitCode: EXIT.usage,
    });
  }
  return { id: match[1]!.toLowerCase(), ppm: Number(match[2]) };
}

/** `model pack`. */
export function registerPack(model: Command): void {
  model
    .command('pack')
    .description("compute a model's id; write bitmodel.json and a torrent beside its files")
    .argument('<dir>', 'folder of the model')
    .option('--name <name>', "name (default: the folder's)")
    .option('--licence <licence>', 'licence, such as MIT')
    .option(
      '--parent <id=ppm>',
      'a model it was built on, with its weight (may be repeated)',
      parseParent,
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel model pack ./my-model --name my-model --licence MIT',
    )
    .action(
      action<PackFlags>(async ([dir], { options, settings, terminal, signal }) => {
        const progress = progressLine('reading', settings);
        const packed = await packModel(dir!, {
          ...(options.name === undefined ? {} : { name: options.name }),
          ...(options.licence === undefined ? {} : { licence: options.licence }),
          ...(options.parent === undefined ? {} : { parents: options.parent.map(parentOf) }),
          onProgress: progress.update,
          signal,
        }).finally(progress.end);
        new ModelRegistry(settings.datadir).register(packed.id, packed.dir, packed.name);
        const { id, name, licence, parents, size: bytes, files, magnet } = packed;
        terminal.result(
          { id, name, licence, parents, size: bytes, files, magnet, dir: packed.dir },
          () =>
            [
              `id      ${id}`,
              `name    ${name}`,
              `size    ${formatSize(bytes)} in ${files.length} files`,
              `magnet  ${magnet}`,
            ].join('\n'),
          id,
        );
      }),
    );
}

/** `model check`. */
export function registerCheck(model: Command): void {
  model
    .command('check')
    .description('compare a folder with what was packed, down to the piece')
    .argument('<model>', 'folder, id or name')
    .addHelpText('after', '\nExample:\n  $ bitmodel model check ./my-model')
    .action(
      action(async ([asked], { settings, terminal, signal }) => {
        const dir = new ModelRegistry(settings.datadir).resolve(asked!);
        const progress = progressLine('checking', settings);
        const found = await checkModel(dir, { onProgress: progress.update, signal }).finally(
          progress.end,
        );
        const sound = found.faults.length === 0 && found.id === found.actualId;
        terminal.result(
          { valid: sound, ...found },
          () => {
            if (sound) return `${dir} is just what was packed: ${found.id}`;
            const lines = found.faults.map(({ path, kind, pieces }) => {
              const where = pieces ? `, piece ${pieces.join(', ')}` : '';
              return `${path}: ${kind}${where}`;
            });
            return [...lines, `packed as ${found.id}, but now ${found.actualId}`].join('\n');
          },
          found.actualId,
        );
        return sound ? EXIT.done : EXIT.invalid;
      }),
    );
}
