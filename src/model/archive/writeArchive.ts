import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { asWriteError, BitmodelError, EXIT } from '../../base/index.js';
import { calibrationNames } from '../bundle/calibrationNames.js';
import { MANIFEST, readBundle } from '../bundle/manifest.js';
import type { HashProgress } from '../bundle/pack.js';
import { assertUnchanged, listBundleFiles } from '../bundle/walk.js';
import { folderName } from './unpack.js';

/** All times of an archive: it depends on what is packed alone. */
const EPOCH = new Date(0);
const MODE = 0o644;

/**
 * Makes sure that an archive of a model can have its place, before the model is read.
 * @throws BitmodelError `FILE_EXISTS`; `BAD_OPTION` where it would become part of the model
 */
export function assertArchivePlace(dir: string, file: string): void {
  if (existsSync(file)) {
    throw new BitmodelError('FILE_EXISTS', `${file} exists already; nothing was written.`, {
      next: 'Choose another name, or remove it first',
      exitCode: EXIT.notAllowed,
    });
  }
  const [model, parent] = [dir, dirname(resolve(file))].map((path) =>
    existsSync(path) ? realpathSync(path) : resolve(path),
  ) as [string, string];
  if (parent !== model && !parent.startsWith(`${model}${sep}`)) return;
  throw new BitmodelError('BAD_OPTION', "The archive can't lie in the model that it is made of.", {
    next: 'Name a file outside of the folder of the model',
    exitCode: EXIT.usage,
  });
}

/**
 * Writes a packed model into one tar file that can be handed on; the same model makes the same bytes. The weights are not
 * compressed: they hardly get smaller.
 * @returns bytes of the archive
 * @throws BitmodelError `BAD_OPTION` where it would lie in the model, `FILE_EXISTS`, `NOT_PACKED`, `FILE_CHANGED`, `WRITE_FAILED`, and as `listBundleFiles`
 */
export async function archiveModel(
  dir: string,
  file: string,
  { onProgress, signal }: HashProgress = {},
): Promise<number> {
  assertArchivePlace(dir, file);
  const { name } = readBundle(dir);
  const before = listBundleFiles(dir);
  const total = before.reduce((sum, { size }) => sum + size, 0);
  const paths = [MANIFEST, ...(await calibrationNames(dir)), ...before.map(({ path }) => path)];
  const { create } = await import('tar');
  const archive = create(
    {
      cwd: dir,
      prefix: folderName(name),
      portable: true,
      mtime: EPOCH,
      noDirRecurse: true,
      strict: true,
      onWriteEntry: ({ stat }) => {
        if (stat) stat.mode = MODE;
      },
    },
    // a name that begins with @ would be taken for another archive
    paths.map((path) => `./${path}`),
  );
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  let written = 0;
  let isMade = false;
  try {
    const output = await open(temporary, 'wx');
    isMade = true;
    try {
      for await (const chunk of archive) {
        signal?.throwIfAborted();
        await output.writeFile(chunk);
        written += chunk.length;
        onProgress?.(Math.min(written, total), total);
      }
      await output.sync();
    } finally {
      await output.close();
    }
    assertUnchanged(dir, before, listBundleFiles(dir));
    renameSync(temporary, join(file));
    return written;
  } catch (thrown) {
    throw asWriteError(file, thrown);
  } finally {
    if (isMade) rmSync(temporary, { force: true });
  }
}
