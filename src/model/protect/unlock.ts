import { constants } from 'node:buffer';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BitmodelError, fromHex, makeWholeFolder, type PartialFolder } from '../../base/index.js';
import { type HashProgress, modelId } from '../bundle/pack.js';
import { listBundleFiles } from '../bundle/walk.js';
import { readModelConfig } from '../config.js';
import { readGraphFacts } from '../onnx/facts.js';
import { referToFile } from '../onnx/selectRows.js';
import { memorySource } from '../onnx/wire.js';
import type { ExternalData } from '../types.js';
import { FileBlocks, readFully } from './blocks.js';
import {
  keyOfShares,
  POSITIONS,
  PROTECTION,
  type Protection,
  readProtection,
} from './description.js';
import { readLayout } from './files.js';
import { type OpenShare, openPositions } from './keys.js';
import type { WeightGroup } from './layout.js';
import { decodeMoves, inverseOf, type Moves } from './moves.js';
import { rearrange } from './rearrange.js';
import { type ByteSink, FileSink, MemorySink } from './sinks.js';
import { HEAD, plainSize, SEALED_SEGMENT, SegmentCipher } from './stream.js';

type Shuffled = Extract<Protection, { mode: 'shuffle' }>;
type Encrypted = Extract<Protection, { mode: 'full' }>;

/** What puts a shuffled model's weights back. */
function inverseMoves(
  dir: string,
  body: Shuffled,
  key: Uint8Array,
  groups: readonly WeightGroup[],
): Moves[] {
  const path = join(dir, POSITIONS);
  const sealed = existsSync(path) ? readFileSync(path) : new Uint8Array();
  const moves = decodeMoves(openPositions(key, fromHex(body.label), sealed));
  const fits =
    moves.length === groups.length && groups.every(({ total }, i) => total === moves[i]!.total);
  if (fits) return moves.map(inverseOf);
  throw new BitmodelError(
    'PROTECTION_TAMPERED',
    `${body.file} is not the file that was protected.`,
    {
      next: 'Fetch the protected model again',
    },
  );
}

/** Puts the weights of a shuffled model back. @returns paths inside the folder of the files written */
async function putBack(
  dir: string,
  body: Shuffled,
  key: Uint8Array,
  sinkOf: (path: string, size: number) => Promise<ByteSink>,
  options: HashProgress,
): Promise<readonly string[]> {
  const { layout, paths } = readLayout(dir, body.file, listBundleFiles(dir));
  const moves = inverseMoves(dir, body, key, layout.groups);
  const blocks = await FileBlocks.open(paths.map((path) => join(dir, path)));
  const total = blocks.sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  try {
    await rearrange(blocks, layout, moves, (file) => sinkOf(paths[file]!, blocks.sizes[file]!), {
      signal: options.signal,
      onBytes: (count) => {
        done += count;
        options.onProgress?.(done, total);
      },
    });
  } finally {
    await blocks.close();
  }
  return paths;
}

/** Decrypts one file into a sink. */
async function openFile(
  dir: string,
  path: string,
  key: Uint8Array,
  sinkOf: (path: string, size: number) => Promise<ByteSink>,
  signal?: AbortSignal,
): Promise<void> {
  const source = await open(join(dir, path), 'r');
  try {
    const { size: sealed } = await source.stat();
    const size = plainSize(sealed, path);
    const head = Buffer.alloc(HEAD);
    await readFully(source, head, 0);
    const cipher = SegmentCipher.of(key, path, head);
    const sink = await sinkOf(path, size);
    try {
      const buffer = Buffer.allocUnsafeSlow(SEALED_SEGMENT);
      const segments = Math.ceil((sealed - HEAD) / SEALED_SEGMENT);
      for (let index = 0; index < segments; index++) {
        signal?.throwIfAborted();
        const count = await readFully(source, buffer, HEAD + index * SEALED_SEGMENT);
        const plain = cipher.open(buffer.subarray(0, count), index, index === segments - 1);
        if (sink.used + plain.length > sink.buffer.length) await sink.flush();
        sink.buffer.set(plain, sink.used);
        sink.used += plain.length;
      }
    } finally {
      await sink.close();
    }
  } finally {
    await source.close();
  }
}

async function openFiles(
  dir: string,
  { files }: Encrypted,
  key: Uint8Array,
  sinkOf: (path: string, size: number) => Promise<ByteSink>,
  options: HashProgress,
): Promise<readonly string[]> {
  // only what is listed: neither links nor what lies beyond them
  const present = new Map(listBundleFiles(dir).map(({ path, size }) => [path, size]));
  const sizes = files.map((path) => present.get(path));
  const missing = sizes.indexOf(undefined);
  if (missing >= 0) {
    throw new BitmodelError('SEALED_FILE_TAMPERED', `${files[missing]} is gone.`, {
      next: 'Fetch the protected model again',
    });
  }
  const total = sizes.reduce((sum: number, size) => sum + size!, 0);
  let done = 0;
  for (const [i, path] of files.entries()) {
    await openFile(dir, path, key, sinkOf, options.signal);
    done += sizes[i]!;
    options.onProgress?.(done, total);
  }
  return files;
}

/** What unlocking came to. */
export interface UnlockedModel {
  readonly dir: string;
  /** Model id, hex; the one it had before it was protected. */
  readonly id: string;
}

/**
 * Writes a protected model in the clear, as it was, into a new folder.
 * @throws BitmodelError `NOT_PROTECTED`, `BAD_PROTECTION`, `SHARES_MISSING`, `SHARE_OF_ANOTHER_MODEL`, `WRONG_SHARE`,
 *   `PROTECTION_TAMPERED`, `POSITIONS_TAMPERED`, `SEALED_FILE_TAMPERED`, `UNLOCKED_DIFFERS`, `FOLDER_IN_USE`, `NO_SPACE`, `WRITE_FAILED`
 */
export async function unlockModel(
  dir: string,
  out: string,
  shares: readonly OpenShare[],
  options: HashProgress = {},
): Promise<UnlockedModel> {
  const protection = readProtection(dir);
  const { body } = protection;
  const key = keyOfShares(protection, shares);
  const present = listBundleFiles(dir);
  const bytes = present.reduce((sum, { size }) => sum + size, 0);
  const fill = async ({ dir: folder }: PartialFolder): Promise<UnlockedModel> => {
    const place = (path: string): string => {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      return join(folder, path);
    };
    const sinkOf = (path: string): Promise<ByteSink> => FileSink.create(place(path));
    const written =
      body.mode === 'shuffle'
        ? await putBack(dir, body, key, sinkOf, options)
        : await openFiles(dir, body, key, sinkOf, options);
    for (const { path } of present) {
      if (path === PROTECTION || path === POSITIONS || written.includes(path)) continue;
      copyFileSync(join(dir, path), place(path));
    }
    const id = await modelId(folder, options.signal ? { signal: options.signal } : {});
    if (id !== body.plain) {
      throw new BitmodelError(
        'UNLOCKED_DIFFERS',
        'What was unlocked is not the model that was protected: some file of it was changed.',
        { next: 'Find it with: bitmodel model check DIR; or fetch the protected model again' },
      );
    }
    return { dir: resolve(out), id };
  };
  return makeWholeFolder(out, fill, { bytes, mode: 0o700 });
}

/** A model in memory, as `LanguageModel.open` takes it. */
export interface UnlockedGraph {
  /** ONNX file, by its path inside the folder. */
  readonly file: string;
  /** The graph, its larger weights referring to `external`. */
  readonly graph: Uint8Array;
  readonly external: ExternalData[];
}

function memorySink(size: number): MemorySink {
  if (size <= constants.MAX_LENGTH) return new MemorySink(size);
  throw new BitmodelError(
    'MODEL_TOO_LARGE',
    'A file of the model is larger than Node.js can hold.',
    {
      next: 'Use a newer Node.js, or unlock it to a folder: bitmodel model unlock',
    },
  );
}

/**
 * Unlocks the graph and weights of a protected model in memory; nothing is written.
 * @param file ONNX file inside the folder, else the usual one
 * @throws BitmodelError as {@link unlockModel}, and `MODEL_TOO_LARGE`, `MODEL_FILE_MISSING`, `BAD_ONNX`
 */
export async function unlockInMemory(
  dir: string,
  shares: readonly OpenShare[],
  file?: string,
  options: HashProgress = {},
): Promise<UnlockedGraph> {
  const protection = readProtection(dir);
  const { body } = protection;
  const key = keyOfShares(protection, shares);
  const contents = new Map<string, Buffer>();
  const sinkOf = async (path: string, size: number): Promise<ByteSink> => {
    const sink = memorySink(size);
    contents.set(path, sink.buffer);
    return sink;
  };
  const chosen = body.mode === 'shuffle' ? body.file : readModelConfig(dir, file).file;
  if (body.mode === 'shuffle') await putBack(dir, body, key, sinkOf, options);
  else await openFiles(dir, { ...body, files: [chosen] }, key, sinkOf, options);
  const whole = contents.get(chosen)!;
  const names = readGraphFacts(memorySource(whole)).externalFiles;
  const inFolder = (name: string): string => join(dirname(chosen), name).split('\\').join('/');
  if (body.mode === 'full') {
    const files = names.map(inFolder).filter((path) => body.files.includes(path));
    if (files.length > 0) await openFiles(dir, { ...body, files }, key, sinkOf, options);
  }
  const graph = referToFile(memorySource(whole), basename(chosen));
  const external = names.flatMap((path) => {
    const data = contents.get(inFolder(path));
    return data ? [{ path, data }] : [];
  });
  return { file: chosen, graph, external: [...external, { path: basename(chosen), data: whole }] };
}
