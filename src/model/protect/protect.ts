import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  BitmodelError,
  EXIT,
  fromHex,
  makeWholeFolder,
  toHex,
  type WholeFolderOptions,
} from '../../base/index.js';
import type { HashProgress } from '../bundle/pack.js';
import type { BundleFile } from '../bundle/walk.js';
import { FileBlocks, readFully } from './blocks.js';
import {
  POSITIONS,
  PROTECTION,
  type Protection,
  protectionText,
  withShares,
} from './description.js';
import { chooseShuffled, filesToSeal, idOfFiles, plainFiles, type ShuffleChoice } from './files.js';
import {
  commitmentTo,
  contentKey,
  isPublicKey,
  newSecret,
  type ShareHolder,
  sealPositions,
} from './keys.js';
import type { WeightGroup } from './layout.js';
import { defaultMoves, drawMoves, encodeMoves } from './moves.js';
import { rearrange } from './rearrange.js';
import { FileSink } from './sinks.js';
import { SEGMENT, SegmentCipher } from './stream.js';

/** How a model is protected: its weights shuffled, or every byte of them encrypted. */
export type ProtectionMode = 'shuffle' | 'full';

/** For whom a model is protected, and how. */
export interface ProtectOptions extends HashProgress {
  /** Compressed public keys of who holds the shares, hex. */
  readonly contributor: string;
  readonly platform: string;
  /** `shuffle` unless stated. */
  readonly mode?: ProtectionMode;
  /** ONNX file inside the folder; must be named where there are several and the mode is `shuffle`. */
  readonly file?: string;
  /** Parameters that are moved; `defaultMoves` unless stated. */
  readonly moves?: number;
}

/** What protecting came to. */
export interface ProtectedModel {
  readonly dir: string;
  /** Id of the model as it was, hex. */
  readonly plain: string;
  readonly mode: ProtectionMode;
  /** Elements that may be moved, and those that were; only of a shuffled model. */
  readonly parameters?: number;
  readonly moves?: number;
  /** Files of weights that were not taken over. */
  readonly leftOut: readonly string[];
}

/** How many elements of each group are moved: in proportion, at least one of each. */
function movesOfGroups(groups: readonly WeightGroup[], moves: number, all: number): number[] {
  return groups.map(({ total }) => Math.min(total, Math.max(1, Math.round((moves * total) / all))));
}

function copyFiles(from: string, to: string, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(join(to, dirname(path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
}

/** Counts bytes of all files for whoever watches. */
function counter(files: readonly BundleFile[], options: HashProgress): (count: number) => void {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  return (count) => {
    done += count;
    options.onProgress?.(Math.min(done, total), total);
  };
}

interface Sharing {
  readonly key: Uint8Array;
  readonly secrets: Readonly<Record<ShareHolder, Uint8Array>>;
  readonly common: Pick<Protection, 'v' | 'label' | 'contributor' | 'platform'>;
}

/** Makes the shares; they are sealed to their holders when all is known that the bundle says of itself. */
function share(options: ProtectOptions): Sharing {
  if (options.contributor === options.platform) {
    throw new BitmodelError('SAME_HOLDER', 'Contributor and platform have the same key.', {
      next: "Name the platform's own public key with --platform",
      exitCode: EXIT.usage,
    });
  }
  const label = newSecret();
  const secrets = { contributor: newSecret(), platform: newSecret() };
  const entry = (holder: ShareHolder): Protection['contributor'] => ({
    publicKey: checkedKey(options[holder], holder),
    sealed: '',
    commitment: toHex(commitmentTo(secrets[holder], label)),
  });
  const contributor = entry('contributor');
  const platform = entry('platform');
  return {
    key: contentKey(secrets, label),
    secrets,
    common: { v: 1, label: toHex(label), contributor, platform },
  };
}

function checkedKey(text: string, holder: ShareHolder): string {
  if (/^0[23][0-9a-f]{64}$/.test(text) && isPublicKey(fromHex(text))) return text;
  throw new BitmodelError('BAD_KEY', `The ${holder}'s key is no compressed public key.`, {
    next: 'Give its 66 hexadecimal digits, as keygen --json shows them, or the name of a key here',
    exitCode: EXIT.usage,
  });
}

function writeDescription(out: string, body: Protection, { key, secrets }: Sharing): void {
  writeFileSync(join(out, PROTECTION), protectionText(withShares(body, secrets), key));
}

function checkMoves(moves: number | undefined, parameters: number): number {
  const count = moves ?? defaultMoves(parameters);
  if (Number.isSafeInteger(count) && count >= 1 && count <= parameters && count < 2 ** 32) {
    return count;
  }
  throw new BitmodelError('BAD_MOVES', `${count} of ${parameters} parameters can't be moved.`, {
    next: 'Choose a whole number from 1 to that many',
    exitCode: EXIT.usage,
  });
}

async function shuffle(
  dir: string,
  out: string,
  choice: ShuffleChoice,
  sharing: Sharing,
  options: ProtectOptions,
): Promise<Omit<ProtectedModel, 'dir'>> {
  const { key, common } = sharing;
  const { layout, paths, kept, leftOut, file } = choice;
  const parameters = layout.groups.reduce((sum, { total }) => sum + total, 0);
  const wanted = checkMoves(options.moves, parameters);
  const counts = movesOfGroups(layout.groups, wanted, parameters);
  const moves = layout.groups.map(({ total }, i) => drawMoves(counts[i]!, total));
  const count = counter(kept, options);
  const blocks = await FileBlocks.open(paths.map((path) => join(dir, path)));
  const id = idOfFiles(dir, kept, options.signal);
  // hashing goes on beside the rest; its failure is told when it is waited for
  id.catch(() => undefined);
  try {
    copyFiles(
      dir,
      out,
      kept.map(({ path }) => path).filter((path) => !paths.includes(path)),
    );
    const sinkOf = async (index: number): Promise<FileSink> => {
      const path = join(out, paths[index]!);
      mkdirSync(dirname(path), { recursive: true });
      return FileSink.create(path);
    };
    await rearrange(blocks, layout, moves, sinkOf, { onBytes: count, signal: options.signal });
  } finally {
    await Promise.allSettled([blocks.close(), id]);
  }
  const plain = await id;
  const moved = moves.reduce((sum, { order }) => sum + order.length, 0);
  const label = fromHex(common.label);
  writeFileSync(join(out, POSITIONS), sealPositions(key, label, encodeMoves(moves)));
  const body: Protection = { ...common, mode: 'shuffle', plain, file, parameters, moves: moved };
  writeDescription(out, body, sharing);
  return { plain, mode: 'shuffle', parameters, moves: moved, leftOut };
}

async function sealFile(
  from: string,
  to: string,
  cipher: SegmentCipher,
  onBytes: (count: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const source = await open(from, 'r');
  try {
    const { size } = await source.stat();
    const sink = await FileSink.create(to);
    try {
      await put(sink, cipher.head);
      const buffer = Buffer.allocUnsafeSlow(SEGMENT);
      const segments = Math.max(1, Math.ceil(size / SEGMENT));
      for (let index = 0; index < segments; index++) {
        signal?.throwIfAborted();
        const length = Math.min(SEGMENT, size - index * SEGMENT);
        const segment = buffer.subarray(0, length);
        if ((await readFully(source, segment, index * SEGMENT)) < length) throw changed(from);
        for (const part of cipher.seal(segment, index, index === segments - 1)) {
          await put(sink, part);
        }
        onBytes(length);
      }
    } finally {
      await sink.close();
    }
  } finally {
    await source.close();
  }
}

function changed(path: string): BitmodelError {
  return new BitmodelError('FILE_CHANGED', `${path} changed while it was read.`, {
    next: 'Wait until nothing writes to it, then try again',
  });
}

async function put(sink: FileSink, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    if (sink.used === sink.buffer.length) await sink.flush();
    const count = Math.min(bytes.length - at, sink.buffer.length - sink.used);
    sink.buffer.set(bytes.subarray(at, at + count), sink.used);
    sink.used += count;
    at += count;
  }
}

async function encrypt(
  dir: string,
  out: string,
  files: readonly BundleFile[],
  sharing: Sharing,
  options: ProtectOptions,
): Promise<Omit<ProtectedModel, 'dir'>> {
  const { key, common } = sharing;
  const sealed = filesToSeal(dir, files);
  if (sealed.length === 0) {
    throw new BitmodelError('NOTHING_TO_PROTECT', `${dir} holds no weights.`, {
      next: 'Name the folder that holds config.json and the ONNX file',
      exitCode: EXIT.usage,
    });
  }
  const id = idOfFiles(dir, files, options.signal);
  // hashing goes on beside the rest; its failure is told when it is waited for
  id.catch(() => undefined);
  try {
    const count = counter(files, options);
    const sealing = new Set(sealed);
    copyFiles(
      dir,
      out,
      files.map(({ path }) => path).filter((path) => !sealing.has(path)),
    );
    for (const path of sealed) {
      mkdirSync(join(out, dirname(path)), { recursive: true });
      const cipher = SegmentCipher.create(key, path);
      await sealFile(join(dir, path), join(out, path), cipher, count, options.signal);
    }
  } finally {
    await Promise.allSettled([id]);
  }
  const plain = await id;
  const body: Protection = { ...common, mode: 'full', plain, files: sealed };
  writeDescription(out, body, sharing);
  return { plain, mode: 'full', leftOut: [] };
}

/**
 * Makes a protected copy of a model in a new folder (DESIGN 7, "Protection"). `shuffle` moves some parameters, so that all
 * between them are shifted, and encrypts only from where to where; `full` encrypts the weights. Both need the shares of
 * contributor and platform to be undone, and give back the same bytes.
 * @throws BitmodelError `NOT_A_FOLDER`, `BAD_BUNDLE_FILE`, `ALREADY_PROTECTED`, `MANY_WEIGHTS`, `NOTHING_TO_PROTECT`,
 *   `BAD_ONNX`, `BAD_MOVES`, `BAD_KEY`, `SAME_HOLDER`, `FOLDER_IN_USE`, `NO_SPACE`, `WRITE_FAILED`, `FILE_CHANGED`
 */
export async function protectModel(
  dir: string,
  out: string,
  options: ProtectOptions,
): Promise<ProtectedModel> {
  const sharing = share(options);
  const made =
    options.mode === 'full'
      ? await encryptAll(dir, out, sharing, options)
      : await shuffleAll(dir, out, sharing, options);
  return { dir: resolve(out), ...made };
}

/** As large as what it is made of, and for its owner alone. */
const privately = (files: readonly BundleFile[]): WholeFolderOptions => ({
  bytes: files.reduce((sum, { size }) => sum + size, 0),
  mode: 0o700,
});

function shuffleAll(dir: string, out: string, sharing: Sharing, options: ProtectOptions) {
  const choice = chooseShuffled(dir, options.file);
  return makeWholeFolder(
    out,
    (partial) => shuffle(dir, partial.dir, choice, sharing, options),
    privately(choice.kept),
  );
}

function encryptAll(dir: string, out: string, sharing: Sharing, options: ProtectOptions) {
  const files = plainFiles(dir);
  return makeWholeFolder(
    out,
    (partial) => encrypt(dir, partial.dir, files, sharing, options),
    privately(files),
  );
}
