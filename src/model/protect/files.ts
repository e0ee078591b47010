import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { hashFound } from '../bundle/pack.js';
import { infoHash } from '../bundle/torrent.js';
import { type BundleFile, listBundleFiles } from '../bundle/walk.js';
import { readModelConfig } from '../config.js';
import { readGraphFacts } from '../onnx/facts.js';
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

/** No tokenizer or licence is larger. */
const LARGEST_TEXT = 64 << 20;

const isCalledReadable = (path: string): boolean => READABLE.test(path);

function isText(path: string, size: number): boolean {
  if (size > LARGEST_TEXT) return false;
  const bytes = readFileSync(path);
  return isUtf8(bytes) && !bytes.includes(0);
}

/** The graph that a model's configuration names, which may be called anything. */
function configuredGraph(dir: string): string | undefined {
  try {
    return readModelConfig(dir).file;
  } catch (thrown) {
    // weights that can't be run as they are, such as a checkpoint, are encrypted all the same
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}

/** The files of a model that runs, if there is one: its graphs and what they keep weights in, whatever these are called. */
function graphFiles(dir: string, files: readonly BundleFile[]): Set<string> {
  const graphs = new Set(files.map(({ path }) => path).filter((path) => /\.onnx$/i.test(path)));
  const configured = configuredGraph(dir);
  if (configured !== undefined) graphs.add(configured);
  const found = new Set(graphs);
  for (const graph of graphs) {
    const source = fileSource(join(dir, graph));
    try {
      for (const name of readGraphFacts(source).externalFiles) found.add(beside(graph, name));
    } finally {
      source.close();
    }
  }
  return found;
}

const beside = (file: string, name: string): string =>
  normalize(join(dirname(file), name))
    .split('\\')
    .join('/');

/**
 * The files that are to be encrypted: all but those that are called what a program reads before it runs a model, hold text,
 * and are no part of a graph. A name alone may be that of anything.
 * @throws BitmodelError `BAD_ONNX`
 */
export function filesToSeal(dir: string, files: readonly BundleFile[]): string[] {
  const weights = graphFiles(dir, files);
  const isReadable = ({ path, size }: BundleFile): boolean =>
    isCalledReadable(path) && !weights.has(path) && isText(join(dir, path), size);
  return files.filter((file) => !isReadable(file)).map(({ path }) => path);
}

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
  const paths = layout.files.map((name) => (name === '' ? file : beside(file, name)));
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
  const weights = graphFiles(dir, files);
  const mayBeWeights = ({ path, size }: BundleFile): boolean =>
    WEIGHTS.test(path) ||
    weights.has(path) ||
    (isCalledReadable(path) ? !isText(join(dir, path), size) : size > LARGEST_OTHER);
  const others = files.filter(
    (other) => !shuffled.paths.includes(other.path) && mayBeWeights(other),
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
 * The id that these files of a folder have as a model: of their bytes, not of what an earlier pack noted, since a protected
 * copy of which the id is wrong can't be unlocked any more.
 */
export async function idOfFiles(
  dir: string,
  files: readonly BundleFile[],
  signal?: AbortSignal,
): Promise<string> {
  const paths = new Set(files.map(({ path }) => path));
  const list = (): BundleFile[] => listBundleFiles(dir).filter(({ path }) => paths.has(path));
  const hashed = await hashFound(dir, files, list, signal ? { signal } : {});
  return infoHash(hashed);
}
