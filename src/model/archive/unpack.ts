import { closeSync, existsSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  BitmodelError,
  EXIT,
  makeWholeFolder,
  openWithin,
  type PartialFolder,
} from '../../base/index.js';
import { calibrationNames } from '../bundle/calibrationNames.js';
import { type BundleFault, compareBundle } from '../bundle/check.js';
import { type Bundle, MANIFEST, readBundle } from '../bundle/manifest.js';
import { isPortable } from '../bundle/names.js';
import { type HashProgress, hashBundle, type PackedModel, recordModel } from '../bundle/pack.js';
import { readArchive } from './readArchive.js';
import { type ArchiveLimits, Staging } from './Staging.js';

/** How a model is unpacked. */
export interface UnpackOptions extends HashProgress {
  /** Folder to be made; else one of the model's name in the current folder. */
  readonly out?: string;
  /** Most bytes of its files together. */
  readonly maxBytes?: number;
  /** The id that it must have; else the one that it comes with, if any. */
  readonly id?: string;
}

/** What was unpacked. */
export interface UnpackedModel extends PackedModel {
  /** Whether it came with an id, or one was asked for, and is just that. */
  readonly isChecked: boolean;
  /** Files of the archive that no model needs, such as those whose names begin with a dot. */
  readonly leftOut: number;
}

const CHUNK = 1024 * 1024;
const ENDINGS = /\.(?:tar\.gz|tgz|tar|zip)$/i;
/** Files of which one lies beside the weights of every model, so that a folder that holds it is the model's. */
const SIGNS = [MANIFEST, 'config.json', 'genai_config.json', 'tokenizer.json'];

/** A folder's name for a model: `name:tag` does not travel. */
export function folderName(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[.-]+|[. -]+$/g, '');
  return isPortable(plain) ? plain : 'model';
}

/** Where the model begins in what was unpacked: archives often hold one folder with all the rest in it. */
function rootOf(dir: string): string {
  if (SIGNS.some((name) => existsSync(join(dir, name)))) return dir;
  const [only, ...others] = readdirSync(dir, { withFileTypes: true });
  if (!only?.isDirectory() || others.length > 0) return dir;
  const inner = join(dir, only.name);
  return SIGNS.some((name) => existsSync(join(inner, name))) ? inner : dir;
}

function wrongModel(
  claimed: string,
  actual: string,
  faults: readonly BundleFault[],
): BitmodelError {
  const shown = faults.slice(0, 3).map(({ path, kind }) => `${path} (${kind})`);
  const which = shown.length > 0 ? `: ${shown.join(', ')}${faults.length > 3 ? ', …' : ''}` : '';
  return new BitmodelError(
    'WRONG_MODEL',
    `It should be model ${claimed}, but is ${actual}${which}; nothing was kept.`,
    { next: 'Get it again, or from somebody else', exitCode: EXIT.invalid },
  );
}

/** Hashes what lies in a staging folder, holds it against its id, and has it take its place. */
async function finish(
  staging: Staging,
  partial: PartialFolder,
  fallbackName: string,
  options: UnpackOptions,
): Promise<UnpackedModel> {
  const root = rootOf(staging.dir);
  const hashed = await hashBundle(root, options);
  const claimed = existsSync(join(root, MANIFEST)) ? readBundle(root) : undefined;
  const expected = options.id ?? claimed?.id;
  const packed = recordModel(root, hashed, {
    name: claimed?.name ?? fallbackName,
    ...(claimed?.licence === undefined ? {} : { licence: claimed.licence }),
    parents: claimed?.parents ?? [],
  });
  if (expected !== undefined && expected !== packed.id) {
    throw wrongModel(expected, packed.id, claimed ? compareBundle(claimed, hashed) : []);
  }
  partial.keepOnly(root);
  const isChecked = expected !== undefined;
  return { ...packed, dir: partial.out, isChecked, leftOut: staging.leftOut };
}

function withStaging(
  out: string,
  limits: ArchiveLimits,
  work: (staging: Staging, partial: PartialFolder) => Promise<UnpackedModel>,
): Promise<UnpackedModel> {
  return makeWholeFolder(out, async (partial) => {
    const staging = new Staging(partial.dir, limits);
    try {
      return await work(staging, partial);
    } finally {
      staging.close();
    }
  });
}

/**
 * Unpacks an archive of a model (tar, tar.gz, zip) into a new folder: whole and, where it comes with an id, checked against
 * that, or not at all. The archive may come from anybody; see `Staging` for what is refused.
 * @throws BitmodelError `BAD_ARCHIVE`, `ARCHIVE_TOO_LARGE`, `WRONG_MODEL` (exit code 10), `FOLDER_IN_USE`, `NO_SPACE`,
 *   `WRITE_FAILED`, and as `packModel`
 */
export function unpackArchive(path: string, options: UnpackOptions = {}): Promise<UnpackedModel> {
  const name = folderName(basename(path).replace(ENDINGS, ''));
  const out = resolve(options.out ?? name);
  const archiveBytes = statSync(path).size;
  const { onProgress, signal, maxBytes } = options;
  const limits = { archiveBytes, ...(maxBytes === undefined ? {} : { maxBytes }) };
  return withStaging(out, limits, async (staging, partial) => {
    await readArchive(path, staging, {
      onBytes: (bytes) => onProgress?.(bytes, archiveBytes),
      ...(signal && { signal }),
    });
    return finish(staging, partial, name, options);
  });
}

async function copy(
  from: string,
  to: Staging,
  bundle: Bundle,
  options: HashProgress,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  const beside = [MANIFEST, ...(await calibrationNames(from))].map((path) => ({
    path,
    size: undefined,
  }));
  let done = 0;
  for (const { path, size } of [...beside, ...bundle.files]) {
    // the description may be anybody's: nothing outside of the folder is read, and no pipe waited for
    const { descriptor, size: there } = openWithin(from, path);
    try {
      to.begin(path, size ?? there);
      for (;;) {
        const count = readSync(descriptor, buffer);
        if (count === 0) break;
        to.write(buffer.subarray(0, count));
        done += count;
        options.onProgress?.(Math.min(done, bundle.size), bundle.size);
        options.signal?.throwIfAborted();
        await setImmediate();
      }
      to.end();
    } finally {
      closeSync(descriptor);
    }
  }
}

/**
 * Brings a model of this machine to a folder: a copy of just what was packed, with its calibrations, checked against its id.
 * @throws BitmodelError `NOT_PACKED`, and as {@link unpackArchive}
 */
export function unpackModel(dir: string, options: UnpackOptions = {}): Promise<UnpackedModel> {
  const bundle = readBundle(dir);
  const out = resolve(options.out ?? folderName(bundle.name));
  const { maxBytes } = options;
  const limits = { archiveBytes: bundle.size, ...(maxBytes === undefined ? {} : { maxBytes }) };
  return withStaging(out, limits, async (staging, partial) => {
    await copy(dir, staging, bundle, options);
    return finish(staging, partial, bundle.name, options);
  });
}
