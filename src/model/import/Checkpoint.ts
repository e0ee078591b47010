import { closeSync, existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BitmodelError, EXIT, openWithin } from '../../base/index.js';
import { readBundleJson } from '../config.js';
import { fileSource } from '../onnx/wire.js';
import { readSafetensors, type StoredTensor } from './safetensors.js';

/** Number types of weights that can be imported. */
export type FloatType = 'F32' | 'F16' | 'BF16';

/** A weight of a checkpoint: where its numbers lie. */
export interface Weight extends StoredTensor {
  readonly dtype: FloatType;
  /** The file that holds it. */
  readonly path: string;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const FLOATS: readonly string[] = ['F32', 'F16', 'BF16'];
const COMPARED = 1 << 20;
/** A file in Hugging Face's cache: the hash of what it holds, by git or SHA-256. */
const BLOB = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

function refuse(dir: string, why: string, next = 'Fetch the model again'): BitmodelError {
  return new BitmodelError('BAD_CHECKPOINT', `${dir} can't be imported: ${why}.`, { next });
}

/** A few names in words. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** Names of the files of weights, and which holds which tensor where an index says so. */
function shardsOf(dir: string): { files: string[]; map: ReadonlyMap<string, string> | undefined } {
  const index = readBundleJson(dir, INDEX)?.weight_map;
  if (index !== undefined) {
    const map = new Map(Object.entries(index as object));
    const files = [...new Set(map.values())].sort();
    const bad = files.find(
      (file) => typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file),
    );
    if (bad !== undefined || files.length === 0) {
      throw refuse(dir, `${INDEX} names a file that is no .safetensors file of this folder`);
    }
    return { files, map };
  }
  const found = readdirSync(dir).filter((name) => name.endsWith('.safetensors'));
  const only = found.includes(SINGLE) ? SINGLE : found[0];
  if (only === undefined) {
    throw new BitmodelError('NO_SAFETENSORS', `There is no .safetensors file in ${dir}.`, {
      next: 'Fetch the weights as safetensors; models in ONNX need no import: bitmodel model run DIR',
      exitCode: EXIT.notFound,
    });
  }
  if (only !== SINGLE && found.length > 1) {
    throw refuse(dir, `it has ${found.length} .safetensors files, but no ${INDEX}`);
  }
  return { files: [only], map: undefined };
}

/**
 * The path of a regular file of the folder. A snapshot in Hugging Face's cache is made of links into the `blobs` beside it;
 * links elsewhere are not followed.
 * @throws BitmodelError `UNREADABLE_FILE`
 */
export function fileOf(dir: string, name: string): string {
  const folder = realpathSync(dir);
  const blobs = join(dirname(dirname(folder)), 'blobs');
  const path = join(folder, name);
  const real = existsSync(path) ? realpathSync(path) : path;
  // whoever made the folder may call the one that it lies in as they like, but none of the reader's files is called so
  const isBlob =
    basename(dirname(folder)) === 'snapshots' &&
    dirname(real) === blobs &&
    BLOB.test(basename(real));
  const { descriptor } = isBlob ? openWithin(blobs, basename(real)) : openWithin(folder, name);
  closeSync(descriptor);
  return realpathSync(path);
}

function readShard(dir: string, file: string): (StoredTensor & { path: string })[] {
  const path = fileOf(dir, file);
  const source = fileSource(path);
  try {
    return readSafetensors(source).map((tensor) => ({ ...tensor, path }));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    const message = thrown.message.replace('The safetensors file', join(dir, file));
    throw new BitmodelError(thrown.code, message, { next: 'Fetch the file again', cause: thrown });
  } finally {
    source.close();
  }
}

/** Weights by name, of one file or several, each to be taken once, so that what nobody took can be told. */
export class Checkpoint {
  readonly dir: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor & { path: string }>;
  readonly #taken = new Set<string>();

  private constructor(dir: string, tensors: ReadonlyMap<string, StoredTensor & { path: string }>) {
    this.dir = dir;
    this.#tensors = tensors;
  }

  /**
   * Reads the headers of a folder's safetensors files: `model.safetensors`, or those that `model.safetensors.index.json` names.
   * @throws BitmodelError `NO_SAFETENSORS`, `BAD_SAFETENSORS`, `BAD_CHECKPOINT`, `UNREADABLE_FILE`
   */
  static open(dir: string): Checkpoint {
    const { files, map } = shardsOf(dir);
    const tensors = new Map<string, StoredTensor & { path: string }>();
    for (const file of files) {
      for (const tensor of readShard(dir, file)) {
        if (tensors.has(tensor.name)) throw refuse(dir, `${tensor.name} lies in two files`);
        if (map !== undefined && map.get(tensor.name) !== file) {
          throw refuse(dir, `${INDEX} does not say that ${tensor.name} lies in ${file}`);
        }
        tensors.set(tensor.name, tensor);
      }
    }
    const missing = [...(map?.keys() ?? [])].filter((name) => !tensors.has(name));
    if (missing.length > 0) throw refuse(dir, `its files lack ${some(missing)}`);
    return new Checkpoint(dir, tensors);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * A weight of this shape.
   * @throws BitmodelError `BAD_CHECKPOINT` where it is missing, of another shape, or of a type that we don't read
   */
  take(name: string, shape: readonly number[]): Weight {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw refuse(this.dir, `its weights lack ${name}`);
    if (tensor.shape.join() !== shape.join()) {
      const [is, wanted] = [tensor.shape, shape].map((dims) => dims.join(' × ') || 'a number');
      throw refuse(this.dir, `${name} is ${is}, where its config.json asks for ${wanted}`);
    }
    if (!FLOATS.includes(tensor.dtype)) {
      throw refuse(
        this.dir,
        `${name} is of type ${tensor.dtype}, and only F32, F16 and BF16 are read`,
        'Fetch the model in one of these types',
      );
    }
    this.#taken.add(name);
    return tensor as Weight;
  }

  /** The error of a checkpoint whose weights are not what they should be. */
  refusal(why: string): BitmodelError {
    return refuse(this.dir, why);
  }

  /** Marks tensors that carry nothing the graph needs, such as masks. */
  skip(pattern: RegExp): void {
    for (const name of this.#tensors.keys()) if (pattern.test(name)) this.#taken.add(name);
  }

  /** @throws BitmodelError `BAD_CHECKPOINT` where there are tensors that nobody took */
  assertAllTaken(): void {
    const left = [...this.#tensors.keys()].filter((name) => !this.#taken.has(name));
    if (left.length === 0) return;
    throw refuse(
      this.dir,
      `it holds weights that its config.json has no use for (${some(left)})`,
      'Import a model of a type that docs/models.md names, "Importing"',
    );
  }
}

/** Whether two weights hold the same numbers. */
export function sameNumbers(a: Weight, b: Weight): boolean {
  if (a.dtype !== b.dtype || a.bytes !== b.bytes) return false;
  const sources = [fileSource(a.path), fileSource(b.path)] as const;
  try {
    for (let at = 0; at < a.bytes; at += COMPARED) {
      const length = Math.min(COMPARED, a.bytes - at);
      const [one, other] = [
        sources[0].read(a.offset + at, length),
        sources[1].read(b.offset + at, length),
      ];
      if (Buffer.compare(one, other) !== 0) return false;
    }
    return true;
  } finally {
    for (const source of sources) source.close();
  }
}
