import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalBytes,
  readWithin,
  sha256,
  toHex,
  utf8,
  writeFileAtomic,
} from '../../base/index.js';
import { CALIBRATION_SUFFIX } from '../bundle/calibrationNames.js';

/** Most bytes of a calibration that passes from node to node, as canonical JSON. */
export const MAX_CALIBRATION = 256 * 1024;
/** Files looked at in one folder, and the largest that is read. */
const MOST_FILES = 64;
const LARGEST_FILE = 1024 * 1024;
/** Characters of the graph's own name that stand in that of its calibration. */
const LONGEST_STEM = 60;

/** A calibration of one graph, as a model's pin names it (docs/rewards.md). */
export interface CalibrationRef {
  /** The graph's path in the bundle. */
  readonly file: string;
  /** SHA-256 of the calibration's canonical JSON, hex. */
  readonly hash: string;
}

/** A `*.calibration.json` beside a model. What it says is not checked but for whom it is of. */
export interface StoredCalibration extends CalibrationRef {
  /** Its own name in the folder. */
  readonly name: string;
  /** Model id, hex. */
  readonly model: string;
  /** Canonical JSON. */
  readonly bytes: Uint8Array;
}

/** The calibrations that lie beside a model; what is none is left out, since opening the model says what is wrong with it. */
export async function storedCalibrations(dir: string): Promise<StoredCalibration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(CALIBRATION_SUFFIX)).sort();
  const stored: StoredCalibration[] = [];
  for (const name of names.slice(0, MOST_FILES)) {
    const read = readStored(dir, name);
    if (read) stored.push(read);
  }
  return stored;
}

function readStored(dir: string, name: string): StoredCalibration | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(readWithin(dir, name, LARGEST_FILE)));
    const { model, file } = value;
    if (typeof model !== 'string' || typeof file !== 'string') return undefined;
    const bytes = canonicalBytes(value);
    return { name, model, file, bytes, hash: toHex(sha256(bytes)) };
  } catch {
    // no JSON, no integers, no file of its own, gone meanwhile: whatever it is, it is no calibration that can be passed on
    return undefined;
  }
}

/** A calibration beside a model by its hash, if it is short enough to be passed on: canonical JSON. */
export async function findCalibration(
  dir: string,
  model: string,
  hash: string,
): Promise<Uint8Array | undefined> {
  const stored = await storedCalibrations(dir);
  const found = stored.find((each) => each.model === model && each.hash === hash)?.bytes;
  return found && found.length <= MAX_CALIBRATION ? found : undefined;
}

/**
 * The name that a fetched calibration gets: the same for one graph at all times, so that a newer one takes the place of the
 * older, and another one for every graph, wherever it lies in the bundle.
 */
export function calibrationFile(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1).replace(/\.onnx$/, '');
  const stem = base.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST_STEM);
  return `${stem}-${toHex(sha256(utf8(file))).slice(0, 8)}${CALIBRATION_SUFFIX}`;
}

/** Puts a calibration that was checked beside its model. @throws BitmodelError `WRITE_FAILED` */
export function keepCalibration(dir: string, file: string, bytes: Uint8Array): void {
  writeFileAtomic(join(dir, calibrationFile(file)), bytes);
}
