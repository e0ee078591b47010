import type { Readable } from 'node:stream';
import type { Entry, ZipFile } from 'yauzl';
import { BitmodelError, messageOf } from '../../base/index.js';
import { type ArchiveTarget, badArchive } from './Staging.js';

/** Kinds of files in the mode that Unix systems write into an archive. Source: inode(7). */
const KIND = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;

function open(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (thrown, stream) => (thrown ? reject(thrown) : resolve(stream)));
  });
}

async function take(zip: ZipFile, entry: Entry, target: ArchiveTarget): Promise<void> {
  const { fileName, uncompressedSize, externalFileAttributes } = entry;
  const kind = (externalFileAttributes >>> 16) & KIND;
  if (fileName.endsWith('/')) return;
  if (kind !== 0 && kind !== REGULAR && kind !== FOLDER) {
    throw badArchive(`${fileName.slice(0, 200)} is a link or a device`);
  }
  if (entry.isEncrypted()) throw badArchive('it is encrypted');
  if (!target.begin(fileName, uncompressedSize)) return;
  for await (const chunk of await open(zip, entry)) target.write(chunk as Buffer);
  target.end();
}

/**
 * Reads a zip archive; sizes are held against what it says of them.
 * @param zip opened with `lazyEntries` and without `autoClose`; it is closed
 * @throws BitmodelError `BAD_ARCHIVE`; and what the target throws
 */
export async function readZip(
  zip: ZipFile,
  target: ArchiveTarget,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('error', reject).on('end', resolve);
      zip.on('entry', (entry: Entry) => {
        const next = (): void => {
          signal?.throwIfAborted();
          zip.readEntry();
        };
        take(zip, entry, target).then(next).catch(reject);
      });
      zip.readEntry();
    });
  } catch (thrown) {
    const isSystem = (thrown as NodeJS.ErrnoException).syscall !== undefined;
    if (thrown instanceof BitmodelError || isSystem) throw thrown;
    if (thrown instanceof Error && thrown.name === 'AbortError') throw thrown;
    throw badArchive(messageOf(thrown), thrown);
  } finally {
    zip.close();
  }
}
