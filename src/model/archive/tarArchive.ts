import { Parser, type ReadEntry } from 'tar';
import { BitmodelError, messageOf } from '../../base/index.js';
import { type ArchiveTarget, badArchive } from './Staging.js';

const FILES: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile']);
/** What else an entry of an archive may be, in words. */
const KINDS: Readonly<Record<string, string>> = {
  Link: 'a link',
  SymbolicLink: 'a link',
  CharacterDevice: 'a device',
  BlockDevice: 'a device',
  FIFO: 'a pipe',
};
/** Most bytes of a header beside the plain one, such as one for a long name. */
const MAX_META = 64 * 1024;
/** Most files and folders: about as many folders as a model may have files. */
const MOST_ENTRIES = 40_000;

function take(entry: ReadEntry, target: ArchiveTarget): void {
  if (entry.type === 'Directory') {
    entry.resume();
    return;
  }
  if (!FILES.has(entry.type)) {
    throw badArchive(`${entry.path.slice(0, 200)} is ${KINDS[entry.type] ?? 'no plain file'}`);
  }
  if (!target.begin(entry.path, entry.size)) {
    entry.resume();
    return;
  }
  // the parser hands on each chunk while it is being given it, so nothing piles up
  entry.on('data', (bytes: Buffer) => target.write(bytes));
  entry.on('end', () => target.end());
}

/**
 * Reads a tar archive (ustar, pax, GNU), not compressed.
 * @throws BitmodelError `BAD_ARCHIVE` for what is none, for links and devices; and what the target throws
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  target: ArchiveTarget,
): Promise<void> {
  const parser = new Parser({
    strict: true,
    brotli: false,
    zstd: false,
    maxMetaEntrySize: MAX_META,
  });
  let failure: unknown;
  let files = 0;
  let entries = 0;
  let isAtEnd = false;
  parser.on('eof', () => {
    isAtEnd = true;
  });
  parser.on('entry', (entry: ReadEntry) => {
    if (++entries > MOST_ENTRIES) throw badArchive(`it holds more than ${MOST_ENTRIES} entries`);
    if (entry.type !== 'Directory') files++;
    take(entry, target);
  });
  parser.on('ignoredEntry', ({ type, path }: ReadEntry) => {
    failure ??= badArchive(`it holds ${path.slice(0, 200)}, which is of an unknown kind, ${type}`);
  });
  parser.on('error', (thrown: unknown) => {
    failure ??= thrown;
  });
  try {
    let isFirst = true;
    for await (const chunk of source) {
      // the parser would unpack this by itself, past all limits
      if (isFirst && chunk[0] === 0x1f && chunk[1] === 0x8b) throw badArchive('it is packed twice');
      isFirst = false;
      target.weigh(chunk.length);
      parser.write(Buffer.from(chunk));
      if (failure !== undefined) throw failure;
      // what lies behind the end is no part of the archive, and may have no end itself
      if (isAtEnd) break;
    }
    parser.end();
    if (failure !== undefined) throw failure;
  } catch (thrown) {
    const isSystem = (thrown as NodeJS.ErrnoException).syscall !== undefined;
    if (thrown instanceof BitmodelError || isSystem) throw thrown;
    if (thrown instanceof Error && thrown.name === 'AbortError') throw thrown;
    throw badArchive(messageOf(thrown), thrown);
  }
  if (files === 0) throw badArchive('it holds no files');
}
