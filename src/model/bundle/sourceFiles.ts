import { lstatSync } from 'node:fs';
import { BitmodelError, EXIT } from '../../base/index.js';
import { hashFiles } from './hashFiles.js';
import { PIECE, pieceHash, smallFileRoot, treeOf } from './merkle.js';
import { type HashProgress, hashBundle } from './pack.js';
import { stampOf } from './stamp.js';
import { type HashedFile, infoHash, torrentBytes } from './torrent.js';

/**
 * What a file has for a name in an id of its own: that of the info dictionary, as BEP 52 has it for a torrent of one file. So
 * the id of a paper is that of its bytes, whatever the file is called.
 */
const ONLY_FILE = 'model';

/** Anything that has an id by its bytes. */
export interface IdentifiedFiles {
  /** BitTorrent v2 info hash, hex in byte order. */
  readonly id: string;
  /** Bytes of all files together. */
  readonly size: number;
  readonly files: readonly HashedFile[];
  /** A `.torrent` of it, by which every BitTorrent v2 client can check and fetch it. */
  torrent(): Uint8Array;
}

function identified(files: readonly HashedFile[]): IdentifiedFiles {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size === 0) {
    throw new BitmodelError('EMPTY_SOURCE', 'There are no bytes in it to take an id of.', {
      next: 'Name a file or folder with something in it, or an id with --id',
      exitCode: EXIT.usage,
    });
  }
  return { id: infoHash(files), size, files, torrent: () => torrentBytes(files) };
}

/** The id of bytes that lie in memory, such as a text: that of a file with them. @throws BitmodelError `EMPTY_SOURCE` */
export function identifyBytes(bytes: Uint8Array): IdentifiedFiles {
  const hashes: Uint8Array[] = [];
  const hash = bytes.length <= PIECE ? smallFileRoot : pieceHash;
  for (let at = 0; at < bytes.length; at += PIECE)
    hashes.push(hash(bytes.subarray(at, at + PIECE)));
  return identified([{ path: ONLY_FILE, ...treeOf(bytes.length, hashes) }]);
}

/**
 * The id of a file or a folder, whatever is in it: the BitTorrent v2 info hash that {@link modelId} gives a model (BEP 52,
 * DESIGN 7). Of a folder the names inside count, of a file only the bytes.
 * @throws BitmodelError `NO_SUCH_FILE` (exit 3), `EMPTY_SOURCE`, `BAD_BUNDLE_FILE` for links, devices and names that don't
 *   travel, `UNREADABLE_FILE`, `FILE_CHANGED`
 */
export async function identifyFiles(
  path: string,
  options: HashProgress = {},
): Promise<IdentifiedFiles> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat) {
    throw new BitmodelError('NO_SUCH_FILE', `There is no file or folder ${path}.`, {
      next: 'Check the path',
      exitCode: EXIT.notFound,
    });
  }
  if (stat.isDirectory()) return identified(await hashBundle(path, options));
  if (!stat.isFile()) {
    throw new BitmodelError(
      'BAD_BUNDLE_FILE',
      `${path} is neither a file nor a folder, but ${stat.isSymbolicLink() ? 'a link' : 'a pipe or a device'}.`,
      { next: 'Name the file itself, or pipe it in: -', exitCode: EXIT.usage },
    );
  }
  const stamp = stampOf(stat);
  let done = 0;
  const { onProgress, signal, threads } = options;
  const [tree] = await hashFiles([{ path, stamp }], {
    ...(signal === undefined ? {} : { signal }),
    ...(threads === undefined ? {} : { threads }),
    onBytes: (count) => {
      done += count;
      onProgress?.(done, stamp.size);
    },
  });
  return identified([{ path: ONLY_FILE, ...tree! }]);
}
