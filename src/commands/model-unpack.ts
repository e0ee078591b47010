import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import { ModelRegistry, type UnpackOptions, unpackArchive, unpackModel } from '../model/index.js';
import { action } from './shared/action.js';
import { maxSizeOption } from './shared/max-size.js';
import { progressLine } from './shared/progress.js';
import { formatSize } from './shared/sizes.js';

interface UnpackFlags {
  readonly out?: string;
  readonly id?: string;
  readonly maxSize?: string;
}

/** How the names of archives end. */
const ARCHIVE = /\.(?:tar\.gz|tgz|tar|zip)$/i;

function idOf(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new BitmodelError('BAD_OPTION', `"${text.slice(0, 70)}" is no model id.`, {
    next: 'Give the 64 hexadecimal digits that `bitmodel model pack` printed',
    exitCode: EXIT.usage,
  });
}

/** `model unpack`. */
export function registerUnpack(model: Command): void {
  model
    .command('unpack')
    .summary('bring a model, or an archive of one, to a folder; checked')
    .description(
      'Makes a folder of an archive (tar, tar.gz or zip), or copies a model of this machine to one. What comes with an id is checked against it; nothing is kept of what is not right.',
    )
    .argument('<what>', 'archive file, or folder, id or name of a model')
    .option('--out <dir>', "folder to be made (default: one of the model's name here)")
    .option('--id <id>', 'the id that it must have')
    .option('--max-size <MB>', 'refuse what has more megabytes unpacked')
    .addHelpText(
      'after',
      '\nExits with 10 when it is not the model that it should be.\n\nExample:\n  $ bitmodel model unpack my-model.tar\n  $ bitmodel model unpack my-model:v2 --out /mnt/usb/my-model',
    )
    .action(
      action<UnpackFlags>(async ([what], { options, settings, terminal, signal }) => {
        const registry = new ModelRegistry(settings.datadir);
        const there = statSync(what!, { throwIfNoEntry: false });
        const isArchive = there?.isFile() === true;
        if (there === undefined && ARCHIVE.test(what!) && registry.find(what!) === undefined) {
          throw new BitmodelError('NO_ARCHIVE', `There is no archive ${what}.`, {
            next: 'Name the file of the archive, or a model that `bitmodel model list` shows',
            exitCode: EXIT.notFound,
          });
        }
        const progress = progressLine('unpacking', settings);
        const maxBytes = maxSizeOption(options.maxSize);
        const plan: UnpackOptions = {
          ...(options.out === undefined ? {} : { out: options.out }),
          ...(options.id === undefined ? {} : { id: idOf(options.id) }),
          ...(maxBytes === undefined ? {} : { maxBytes }),
          onProgress: progress.update,
          signal,
        };
        const unpacked = await (isArchive
          ? unpackArchive(what!, plan)
          : unpackModel(registry.resolve(what!), plan)
        ).finally(progress.end);
        const { id, name, dir, size, files, isChecked, leftOut } = unpacked;
        // a model that is here already stays known where it is
        const known = registry.listIds().find((entry) => entry.id === id);
        if (known === undefined || !existsSync(known.dir)) {
          registry.register(id, dir, name, { origin: 'unpacked' });
        }
        if (!isChecked) {
          terminal.warn('it came without an id, so nothing tells whether it is what was packed');
        }
        if (leftOut > 0) {
          terminal.note(
            `Left out, since no model needs them: ${leftOut} ${leftOut === 1 ? 'file' : 'files'}.`,
          );
        }
        terminal.result(
          { id, name, dir, size, files: files.length, checked: isChecked, leftOut },
          `${id}\n${formatSize(size)} in ${dir}${isChecked ? ', every piece checked' : ''}`,
          id,
        );
      }),
    );
}
