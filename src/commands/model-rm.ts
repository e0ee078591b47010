import type { Command } from 'commander';
import { findLocalModel, type LocalModel, removeModel } from '../model/index.js';
import { action } from './shared/action.js';
import { formatSize } from './shared/sizes.js';

function question({ name, id, dir, size }: LocalModel): string {
  const much = size === undefined ? 'All files' : `${formatSize(size)}`;
  return `Delete ${name} (${id.slice(0, 12)}…)? ${much} in ${dir}`;
}

/** `model rm`. */
export function registerRm(model: Command): void {
  model
    .command('rm')
    .summary('forget a model; with --files, delete what was pulled')
    .description(
      'Takes a model off the list. Its files stay where they are, unless --files is given: then those that lie in the data folder are deleted. A folder of your own is never deleted.',
    )
    .argument('<model>', 'folder, id or name')
    .option('--files', 'delete its files as well, if they lie in the data folder')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel model rm my-model:v1\n  $ bitmodel model rm 5f0c2a --files',
    )
    .action(
      action<{ files?: boolean }>(async ([asked], { options, settings, terminal }) => {
        const { datadir } = settings;
        const found = findLocalModel(datadir, asked!);
        const { id, name, dir, isOwn, state } = found;
        const deletes = options.files === true && isOwn && state !== 'gone';
        if (deletes) await terminal.confirm(question(found));
        removeModel(datadir, found, options.files === true);
        const stays = !deletes && state !== 'gone';
        if (stays && isOwn) {
          terminal.note(
            `Its files take room still; delete them with: bitmodel model rm ${id} --files`,
          );
        }
        terminal.result(
          { id, name, dir, filesDeleted: deletes },
          deletes
            ? `deleted ${name} in ${dir}`
            : `forgot ${name}${stays ? `; its files stay in ${dir}` : ''}`,
          id,
        );
      }),
    );
}
