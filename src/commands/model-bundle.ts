import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  archiveModel,
  assertArchivePlace,
  type BundleCheck,
  type BundleFault,
  checkModel,
  ModelRegistry,
  packModel,
  withTag,
} from '../model/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { parseParent } from './shared/parents.js';
import { progressLine } from './shared/progress.js';
import { formatSize } from './shared/sizes.js';

interface PackFlags {
  readonly name?: string;
  readonly tag?: string;
  readonly licence?: string;
  readonly parent?: string[];
  readonly record?: string;
  readonly archive?: string;
}

/** `model pack`. */
export function registerPack(model: Command): void {
  model
    .command('pack')
    .description("compute a model's id; write bitmodel.json and a torrent beside its files")
    .argument('<dir>', 'folder of the model')
    .option('--name <name>', "name, or name:tag (default: as before, or the folder's)")
    .option('--tag <tag>', 'what tells it from others of its name, such as v2')
    .option('--licence <licence>', 'licence, such as MIT')
    .option(
      '--parent <id=weight>',
      'a model it was built on, with its weight (may be repeated)',
      collect,
    )
    .option('--record <folder>', 'write bitmodel.json and the torrent there (read-only models)')
    .option('--archive <file>', 'write all of it into one tar file as well, to hand on')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel model pack ./my-model --name my-model --tag v2 --licence MIT\n  $ bitmodel model pack ./my-model --archive my-model.tar',
    )
    .action(
      action<PackFlags>(async ([dir], { options, settings, terminal, signal }) => {
        const { name: asked, tag, licence: terms, parent, record, archive } = options;
        if (record !== undefined && archive !== undefined) {
          throw new BitmodelError('BAD_OPTION', 'An archive needs the record beside the files.', {
            next: 'Give either --record or --archive',
            exitCode: EXIT.usage,
          });
        }
        if (asked?.includes('/')) {
          throw new BitmodelError('BAD_OPTION', `A model can't be called "${asked}" here.`, {
            next: 'Leave out the "/": OWNER/NAME means a published model',
            exitCode: EXIT.usage,
          });
        }
        if (archive !== undefined) assertArchivePlace(dir!, archive);
        const progress = progressLine('reading', settings);
        const packed = await packModel(dir!, {
          ...(asked === undefined ? {} : { name: asked }),
          ...(tag === undefined ? {} : { rename: (name: string) => withTag(name, tag) }),
          ...(terms === undefined ? {} : { licence: terms }),
          ...(parent === undefined ? {} : { parents: parent.map(parseParent) }),
          ...(record === undefined ? {} : { record }),
          onProgress: progress.update,
          onReplaced: ({ name, licence }) =>
            terminal.note(`It was packed as ${name} before, licence ${licence ?? 'not said'}.`),
          signal,
        }).finally(progress.end);
        const { id, name, licence, parents, size: bytes, files, magnet, canBeShared } = packed;
        const registry = new ModelRegistry(settings.datadir);
        const known = registry.list().find((entry) => entry.id === id && entry.dir === packed.dir);
        registry.register(id, packed.dir, name, {
          // the same model as before came as it did
          origin: known?.origin ?? 'packed',
          ...(record === undefined ? {} : { record: resolve(record) }),
        });
        if (archive !== undefined) {
          const writing = progressLine('writing', settings);
          const about = { onProgress: writing.update, signal };
          await archiveModel(packed.dir, resolve(archive), about).finally(writing.end);
        }
        if (!canBeShared) {
          terminal.warn(
            `the list of its ${files.length} files takes more than 1 MiB, so other nodes can't fetch it`,
          );
        }
        terminal.result(
          {
            ...{ id, name, licence, parents, size: bytes, files, magnet, dir: packed.dir },
            ...(archive === undefined ? {} : { archive: resolve(archive) }),
          },
          () =>
            [
              `id      ${id}`,
              `name    ${name}`,
              `size    ${formatSize(bytes)} in ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
              `magnet  ${magnet}`,
              ...(archive === undefined ? [] : [`archive ${archive}`]),
            ].join('\n'),
          id,
        );
      }),
    );
}

/** Most runs of wrong pieces that a line names. */
const MOST_RUNS = 8;
const PIECE_BYTES = 2 ** 20;

function piecesText({ ranges }: BundleFault): string {
  if (ranges === undefined || ranges.length === 0) return '';
  const runs = ranges.slice(0, MOST_RUNS).map(({ from, to }) => {
    const [first, last] = [Math.floor(from / PIECE_BYTES), Math.floor((to - 1) / PIECE_BYTES)];
    const name = first === last ? `piece ${first}` : `pieces ${first}-${last}`;
    return `${name} (bytes ${from}-${to - 1})`;
  });
  return `, ${runs.join(', ')}${ranges.length > MOST_RUNS ? ', …' : ''}`;
}

function faultText(fault: BundleFault): string {
  const { path, kind, size, expectedSize, why } = fault;
  if (kind === 'unfit') return `${path}: ${why}`;
  if (kind === 'record') return `${path}: its list of files does not belong to its id`;
  const sizes = size === undefined ? '' : `, ${size} bytes in place of ${expectedSize}`;
  return `${path}: ${kind}${sizes}${piecesText(fault)}`;
}

function checkText(dir: string, { id, actualId, faults, torrent }: BundleCheck): string {
  if (faults.length === 0) return `${dir} is just what was packed: ${id}`;
  const hint =
    torrent === 'sound' ? [] : [`(the torrent beside the files is ${torrent}: it names no pieces)`];
  const ids = id === actualId ? [] : [`packed as ${id}`, `but now   ${actualId}`];
  return [...faults.map(faultText), ...hint, ...ids].join('\n');
}

/** `model check`. */
export function registerCheck(model: Command): void {
  model
    .command('check')
    .description('compare a folder with what was packed, down to the piece')
    .argument('<model>', 'folder, id or name')
    .option('--record <folder>', 'where bitmodel.json and the torrent lie, if not beside the files')
    .addHelpText(
      'after',
      '\nExits with 10 when anything differs.\n\nExample:\n  $ bitmodel model check ./my-model',
    )
    .action(
      action<{ record?: string }>(async ([asked], { options, settings, terminal, signal }) => {
        const registry = new ModelRegistry(settings.datadir);
        const dir = registry.resolve(asked!);
        const record = options.record ?? registry.list().find((entry) => entry.dir === dir)?.record;
        const progress = progressLine('checking', settings);
        const found = await checkModel(dir, {
          onProgress: progress.update,
          signal,
          ...(record === undefined ? {} : { record }),
        }).finally(progress.end);
        const sound = found.faults.length === 0;
        terminal.result(
          { valid: sound, ...found, dir },
          () => checkText(dir, found),
          found.actualId,
        );
        return sound ? EXIT.done : EXIT.invalid;
      }),
    );
}
