import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { ZipFile } from 'yauzl';
import { messageOf } from '../../base/index.js';
import { type ArchiveTarget, badArchive } from './Staging.js';

/** What tells the kinds of archives apart, whatever their names. */
const ZIP = [0x50, 0x4b];
const GZIP = [0x1f, 0x8b];
const CHUNK = 256 * 1024;

/** How an archive is read. */
export interface ReadOptions {
  /** Called with the bytes of the archive that were read so far. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const bytes = new Uint8Array(4);
    const { bytesRead } = await file.read(bytes, 0, 4, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function begins(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

async function* chunksOf(path: string, options: ReadOptions): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    options.signal?.throwIfAborted();
    done += (chunk as Buffer).length;
    options.onBytes?.(done);
    yield chunk as Buffer;
  }
}

/** What a gzip stream holds; unpacked as fast as it is taken, and no faster. */
async function* gunzipped(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { pipeline } = await import('node:stream');
  const gunzip = createGunzip();
  // an error of either side comes out of the iteration below
  pipeline(source, gunzip, () => {});
  for await (const chunk of gunzip) {
    // much may come of little
    signal?.throwIfAborted();
    yield chunk as Buffer;
  }
}

async function openZip(path: string): Promise<ZipFile> {
  const yauzl = (await import('yauzl')).default;
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false };
    yauzl.open(path, options, (thrown, zip) => {
      if (thrown) reject(badArchive(messageOf(thrown), thrown));
      else resolve(zip);
    });
  });
}

/**
 * Reads an archive: zip, tar, or tar compressed by gzip.
 * @throws BitmodelError `BAD_ARCHIVE`, and what the target throws
 */
export async function readArchive(
  path: string,
  target: ArchiveTarget,
  options: ReadOptions = {},
): Promise<void> {
  const first = await firstBytes(path);
  if (begins(first, ZIP)) {
    const { readZip } = await import('./zipArchive.js');
    await readZip(await openZip(path), target, options.signal);
    return;
  }
  const { readTar } = await import('./tarArchive.js');
  const chunks = chunksOf(path, options);
  await readTar(begins(first, GZIP) ? gunzipped(chunks, options.signal) : chunks, target);
}
