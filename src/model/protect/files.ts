import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { BitmodelError, EXIT, fromHex } from '../../base/index.js';
import { MANIFEST, readBundle } from '../bundle/manifest.js';
import { hashFound } from '../bundle/pack.js';
import { type InfoFile, infoHash } from '../bundle/torrent.js';
import { type BundleFile, listBundleFiles } from '../bundle/walk.js';
import { readModelConfig } from '../config.js';
import { fileSource } from '../onnx/wire.js';
import { PROTECTION } from './description.js';
import { type WeightLayout, weightLayout } from './layout.js';

/** What stays readable whatever the mode: what a program needs to know of a model before it runs it. */
const READABLE = /(\.(json|jsonl|txt|jinja|md)|(^|\/)(licen[cs]e|notice|readme)[^/]*)$/i;
/** Files of weights, by what they are called. */
const WEIGHTS =
  /\.(onnx|onnx[._]data[^/]*|ort|safetensors|gguf|ggml|bin|pt|pth|ckpt|h5|msgpack|npz|npy|tflite|mlmodel)$/i;
/** A file of another name that is larger may be weights as well. */
const LARGEST_OTHER = 1 << 20;

/** Whether a file stays readable in a bundle that is encrypted. */
export const isReadable = (path: string): boolean => READABLE.test(path);

const mayBeWeights = ({ path, size }: BundleFile): boolean =>
  WEIGHTS.test(path) || (!isReadable(path) && size > LARGEST_OTHER);

/** The files of a bundle that is not protected yet. @throws BitmodelError `ALREADY_PROTECTED`, as `listBundleFiles` */
export function plainFiles(dir: string): BundleFile[] {
  const files = listBundleFiles(dir);
  if (!files.some(({ path }) => path === PROTECTION)) return files;
  throw new BitmodelError('ALREADY_PROTECTED', `${dir} is protected already.`, {
    next: 'Unlock it first: bitmodel model unlock DIR --out DIR',
    exitCode: EXIT.notAllowed,
  });
}

/** An ONNX model whose weights are to be shuffled. */
export interface ShuffledFiles {
  /** The ONNX file, by its path inside the folder. */
  readonly file: string;
  readonly layout: WeightLayout;
  /** Paths inside the folder of the layout's files. */
  readonly paths: readonly string[];
}

/**
 * Where an ONNX model's weights lie, with all its files inside the folder.
 * @throws BitmodelError `BAD_ONNX`, `EXTERNAL_DATA_MISSING`
 */
export function readLayout(
  dir: string,
  file: string,
  present: readonly BundleFile[],
): ShuffledFiles {
  const source = fileSource(join(dir, file));
  let layout: WeightLayout;
  try {
    layout = weightLayout(source);
  } finally {
    source.close();
  }
  const paths = layout.files.map((name) =>
    name === ''
      ? file
      : normalize(join(dirname(file), name))
          .split('\\')
          .join('/'),
  );
  const sizes = paths.map((path) => present.find((other) => other.path === path)?.size);
  const missing = sizes.indexOf(undefined);
  if (missing >= 0) {
    throw new BitmodelError(
      'EXTERNAL_DATA_MISSING',
      `${file} keeps weights in ${layout.files[missing]}, which is not in its folder.`,
      { next: 'Fetch it into the folder of the model', exitCode: EXIT.notFound },
    );
  }
  for (const { file: index, end } of layout.groups.flatMap(({ spans }) => spans)) {
    if (end <= sizes[index]!) continue;
    throw new BitmodelError('BAD_ONNX', `${paths[index]} ends before its weights do.`, {
      next: 'Fetch it again',
    });
  }
  return { file, layout, paths };
}

/** What is shuffled of a bundle, and what can't go along. */
export interface ShuffleChoice extends ShuffledFiles {
  /** Files that are taken over, those with the weights among them. */
  readonly kept: readonly BundleFile[];
  /** Files of weights that are not: two versions of the same weights, shuffled differently, would give each other away. */
  readonly leftOut: readonly string[];
}

/**
 * Chooses the ONNX file whose weights are shuffled.
 * @param asked by its path inside the folder; else there must be only one
 * @throws BitmodelError `MANY_WEIGHTS`, `NOTHING_TO_PROTECT`, and as {@link readLayout}, `readModelConfig`
 */
export function chooseShuffled(dir: string, asked: string | undefined): ShuffleChoice {
  const files = plainFiles(dir);
  const { file } = readModelConfig(dir, asked);
  const shuffled = readLayout(dir, file, files);
  const others = files.filter(
    (other) => mayBeWeights(other) && !shuffled.paths.includes(other.path),
  );
  if (asked === undefined && others.length > 0) {
    const names = others.map(({ path }) => path).join(', ');
    throw new BitmodelError(
      'MANY_WEIGHTS',
      `Beside ${file} there are other weights, which would tell how it was shuffled: ${names}.`,
      {
        next: `Take ${file} alone with: --file ${file}; or encrypt all of them with: --mode full`,
        exitCode: EXIT.usage,
      },
    );
  }
  if (shuffled.layout.groups.length === 0) {
    throw new BitmodelError(
      'NOTHING_TO_PROTECT',
      `${file} holds no weights that can be shuffled.`,
      {
        next: 'Use --mode full',
        exitCode: EXIT.usage,
      },
    );
  }
  const leftOut = others.map(({ path }) => path);
  return { ...shuffled, kept: files.filter(({ path }) => !leftOut.includes(path)), leftOut };
}

/**
 * Hashes of files as an earlier `pack` noted them, where none was written to since; hashing anew takes longer than all the
 * rest of protecting.
 */
function packedHashes(dir: string, files: readonly BundleFile[]): InfoFile[] | undefined {
  const path = join(dir, MANIFEST);
  if (!existsSync(path)) return undefined;
  const packedAt = statSync(path).mtimeMs;
  const known = new Map(readBundle(dir).files.map((file) => [file.path, file]));
  const hashes: InfoFile[] = [];
  for (const file of files) {
    const entry = known.get(file.path);
    const isOld = statSync(join(dir, file.path)).mtimeMs < packedAt;
    if (entry?.size !== file.size || !isOld) return undefined;
    const { path, size } = file;
    hashes.push({ path, size, root: entry.root === undefined ? undefined : fromHex(entry.root) });
  }
  return hashes;
}

/** The id that these files of a folder have as a model. */
export async function idOfFiles(
  dir: string,
  files: readonly BundleFile[],
  signal?: AbortSignal,
): Promise<string> {
  const known = packedHashes(dir, files);
  if (known) return infoHash(known);
  const paths = new Set(files.map(({ path }) => path));
  const list = (): BundleFile[] => listBundleFiles(dir).filter(({ path }) => paths.has(path));
  const hashed = await hashFound(dir, files, list, signal ? { signal } : {});
  return infoHash(hashed);
}
