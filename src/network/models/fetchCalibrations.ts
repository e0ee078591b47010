import { fromHex, sha256, toHex } from '../../base/index.js';
import {
  type Bundle,
  type CalibrationRef,
  calibrationFile,
  keepCalibration,
  storedCalibrations,
} from '../../model/index.js';
import type { Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { encodeCalibrationQuestion } from './chunkCodec.js';
import type { Holders } from './Holders.js';
import { CALIBRATION } from './protocols.js';

/** Peers asked for the calibrations of a model, and how long each may take for one. */
const MOST_PEERS = 12;
const ASK_MS = 5_000;

/**
 * Whether bytes are a calibration of a model's graph. The network knows no more of calibrations than their hashes: who
 * starts it knows their form.
 */
export type CalibrationTest = (json: Uint8Array, of: CalibrationFor) => boolean;

/** What a calibration must be of. */
export interface CalibrationFor {
  /** Model id, hex. */
  readonly model: string;
  /** The graph's path in the bundle. */
  readonly file: string;
}

/** Which calibrations of a model are asked for, and of whom. */
export interface FetchCalibrationsOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly holders: Holders;
  /** The folder of the model, which is all there. */
  readonly dir: string;
  /** Calibrations that the model's publisher named. */
  readonly calibrations: readonly CalibrationRef[];
  readonly isCalibration: CalibrationTest;
  readonly signal: AbortSignal;
}

/**
 * Fetches the calibrations that a model's publisher named and that do not lie beside it, from peers that hold the model. One
 * made by hand stays. Who has none is asked no more and not blamed; who sends another one is.
 * @returns those of the named files that still have no such calibration
 * @throws BitmodelError `WRITE_FAILED`
 */
export async function fetchCalibrations(
  bundle: Bundle,
  options: FetchCalibrationsOptions,
): Promise<string[]> {
  const { dir, calibrations } = options;
  const graphs = new Set(bundle.files.map(({ path }) => path));
  const named = calibrations.filter(({ file }) => graphs.has(file));
  const stored = await storedCalibrations(dir);
  const absent = named.filter(
    ({ file, hash }) => !stored.some((each) => each.file === file && each.hash === hash),
  );
  const wanted = absent.filter(
    ({ file }) =>
      !stored.some(
        (each) =>
          each.model === bundle.id && each.file === file && each.name !== calibrationFile(file),
      ),
  );
  const peers = wanted.length === 0 ? new Set<PeerId>() : await sources(bundle.id, options);
  const missing = new Set(absent.map(({ file }) => file));
  for (const calibration of wanted) {
    const bytes = await fetchOne(bundle.id, calibration, peers, options);
    if (bytes === undefined) continue;
    // whoever was first to publish a model may have named the hash of anything
    if (!options.isCalibration(bytes, { model: bundle.id, file: calibration.file })) continue;
    keepCalibration(dir, calibration.file, bytes);
    missing.delete(calibration.file);
  }
  return [...missing];
}

/** Peers that hold the model, by their word. */
async function sources(id: string, options: FetchCalibrationsOptions): Promise<Set<PeerId>> {
  const { holders, signal } = options;
  signal.throwIfAborted();
  const connected = await holders.ask(id);
  const found = connected.length > 0 ? connected : await holders.reach(id, MOST_PEERS);
  return new Set(found.slice(0, MOST_PEERS));
}

/** Asks one peer after another. @param peers those that lie are taken out */
async function fetchOne(
  id: string,
  { file, hash }: CalibrationRef,
  peers: Set<PeerId>,
  { host, penalties, signal }: FetchCalibrationsOptions,
): Promise<Uint8Array | undefined> {
  const question = encodeCalibrationQuestion({ id: fromHex(id), hash: fromHex(hash) });
  for (const peer of [...peers]) {
    signal.throwIfAborted();
    let answer: Uint8Array;
    try {
      answer = await host.request(peer, CALIBRATION, question, { timeout: ASK_MS, signal });
    } catch {
      // an older node, one that went, one that is slow: the next may have it
      continue;
    }
    if (answer.length === 0) continue;
    if (toHex(sha256(answer)) === hash) return answer;
    peers.delete(peer);
    penalties.penalise(peer, 'bad-piece', `the calibration of ${file}`);
  }
  signal.throwIfAborted();
  return undefined;
}
