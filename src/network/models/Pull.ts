import { BitmodelError, EXIT, fromHex } from '../../base/index.js';
import {
  type Bundle,
  type BundleAbout,
  type BundleInfo,
  type BundlePiece,
  type CalibrationRef,
  HASH,
  PartialBundle,
  type PieceKeeper,
  pieceCount,
  wholeBundle,
} from '../../model/index.js';
import type { Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { ChunkStream } from './ChunkStream.js';
import { MOST_HASHES } from './chunkCodec.js';
import { type CalibrationTest, fetchCalibrations } from './fetchCalibrations.js';
import type { Holders } from './Holders.js';
import { Lane, type LaneEnd } from './Lane.js';
import { PieceQueue } from './PieceQueue.js';

/** Peers asked at once, and pieces that may wait to be checked. */
const MOST_LANES = 12;
const MOST_PENDING = 24;
const LOOK_MS = 1_000;
/** How often more peers are looked for while some are there. */
const ASK_AGAIN_MS = 5_000;
/** A peer that stalled or lacked a piece is asked again after this. */
const REST_MS = 30_000;
/** A busy one at first after this, and each time in a row after twice as long, up to so long. */
const BUSY_REST_MS = 1_000;
const LONGEST_BUSY_REST_MS = 16_000;
/** How long nobody may be found before the download is given up; what is there stays. */
const PATIENCE_MS = 30_000;

/** Which model is fetched, from whom and to where. */
export interface PullOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly holders: Holders;
  readonly keeper: PieceKeeper;
  /** Model id, hex. */
  readonly id: string;
  /** Where it goes. */
  readonly dir: string;
  readonly about: BundleAbout;
  /** Largest model taken, in bytes. */
  readonly maxBytes?: number | undefined;
  /** Calibrations that its publisher named, fetched with it. */
  readonly calibrations: readonly CalibrationRef[];
  readonly isCalibration: CalibrationTest;
  readonly signal: AbortSignal;
  /** Milliseconds without anybody who holds it; 30 s unless stated. */
  readonly patience?: number;
}

/** What a download is doing. */
export type PullState = 'looking' | 'checking' | 'fetching' | 'finishing' | 'done' | 'failed';

/** How far a pull is; bytes. */
export interface PullProgress {
  readonly state: PullState;
  /** Bytes that are there and right, and of the whole model; 0 while its description is not here. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Peers that are asked now. */
  readonly peers: number;
  /** Pieces that did not have their hash; each cost its sender the connection. */
  readonly badPieces: number;
  /** Whether all of it lay there before. */
  readonly wasHere: boolean;
  /** Files whose published calibration no peer gave; nobody is asked before the model is there. */
  readonly calibrationsMissing: readonly string[];
}

/** A model being fetched from all peers that hold it. */
export class Pull {
  readonly #options: PullOptions;
  readonly #lanes = new Map<PeerId, Promise<void>>();
  /** When a peer may be asked again; never for one that lied. */
  readonly #rest = new Map<PeerId, number>();
  /** How often in a row a peer was busy. */
  readonly #busy = new Map<PeerId, number>();
  #state: PullState = 'looking';
  #bundle: PartialBundle | undefined;
  /** The model, when all of it lay there before. */
  #here: Bundle | undefined;
  #calibrationsMissing: readonly string[] = [];
  #badPieces = 0;
  #failure: unknown;
  #seenAt = performance.now();
  #nextAsk = 0;
  /** Ends what is under way when the download ends, for whatever reason. */
  readonly #ending = new AbortController();

  constructor(options: PullOptions) {
    const signal = AbortSignal.any([options.signal, this.#ending.signal]);
    this.#options = { ...options, signal };
  }

  progress(): PullProgress {
    return {
      state: this.#state,
      bytesDone: this.#bundle?.bytesDone ?? this.#here?.size ?? 0,
      bytesTotal: this.#bundle?.info.size ?? this.#here?.size ?? 0,
      peers: this.#lanes.size,
      badPieces: this.#badPieces,
      wasHere: this.#here !== undefined,
      calibrationsMissing: this.#calibrationsMissing,
    };
  }

  /**
   * Fetches the model, or what is missing of it, and its calibrations. What lies there whole is not looked at again.
   * @throws BitmodelError `NO_HOLDERS`, `MODEL_TOO_LARGE`, `BAD_INFO`, and as `PartialBundle`; what was fetched stays
   */
  async run(): Promise<Bundle> {
    const { dir, id } = this.#options;
    try {
      this.#here = wholeBundle(dir, id);
      const bundle = this.#here ?? (await this.#fetch());
      this.#state = 'finishing';
      this.#calibrationsMissing = await fetchCalibrations(bundle, this.#options);
      this.#state = 'done';
      return bundle;
    } catch (thrown) {
      this.#state = 'failed';
      throw thrown;
    } finally {
      this.#ending.abort();
      await Promise.allSettled(this.#lanes.values());
      await this.#bundle?.close();
    }
  }

  async #fetch(): Promise<Bundle> {
    const { dir, about, holders, signal } = this.#options;
    const info = PartialBundle.savedInfo(dir) ?? (await this.#findInfo());
    this.#assertSize(info);
    holders.learn(info);
    this.#state = 'checking';
    this.#bundle = await PartialBundle.open(dir, info, signal);
    this.#state = 'fetching';
    await this.#fetchLayers(this.#bundle);
    await this.#fetchPieces(this.#bundle);
    this.#state = 'finishing';
    return this.#bundle.finish(about);
  }

  #assertSize({ size }: BundleInfo): void {
    const { maxBytes } = this.#options;
    if (maxBytes === undefined || size <= maxBytes) return;
    throw new BitmodelError(
      'MODEL_TOO_LARGE',
      `The model has ${size} bytes, more than the ${maxBytes} you allow.`,
      { next: 'Pull it with a larger --max-size', exitCode: EXIT.notAllowed },
    );
  }

  #findInfo(): Promise<BundleInfo> {
    const { holders, id } = this.#options;
    return this.#fromOne((stream) => holders.fetchInfo(stream, id));
  }

  async #fetchLayers(bundle: PartialBundle): Promise<void> {
    while (bundle.missingLayers().length > 0) {
      await this.#fromOne(async (stream) => {
        for (const file of bundle.missingLayers()) {
          const layer = await fetchLayer(stream, file, bundle.info.files[file]!.size);
          if (layer === undefined) return undefined;
          if (bundle.setLayer(file, layer)) continue;
          this.#blame(stream.peer, 'piece hashes that do not make the root');
          return undefined;
        }
        return true;
      });
    }
  }

  async #fetchPieces(bundle: PartialBundle): Promise<void> {
    const queue = new PieceQueue(bundle.missing());
    while (!queue.isEmpty) {
      const peers = await this.#sources(MOST_LANES - this.#lanes.size);
      for (const peer of peers) this.#openLane(peer, bundle, queue);
      await this.#pause();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#lanes.size > 0) this.#seenAt = performance.now();
    }
    await Promise.all(this.#lanes.values());
    if (this.#failure !== undefined) throw this.#failure;
  }

  #openLane(peer: PeerId, bundle: PartialBundle, queue: PieceQueue): void {
    const lane = this.#runLane(peer, bundle, queue)
      .catch((thrown: unknown) => this.#laneFailed(peer, thrown))
      .finally(() => this.#lanes.delete(peer));
    this.#lanes.set(peer, lane);
  }

  async #runLane(peer: PeerId, bundle: PartialBundle, queue: PieceQueue): Promise<void> {
    const { id, keeper, signal } = this.#options;
    const stream = await ChunkStream.open(this.#options, peer, fromHex(id));
    const keep = (piece: BundlePiece, bytes: Uint8Array) => this.#keep(bundle, peer, piece, bytes);
    const room = async (): Promise<void> => {
      while (keeper.pending > MOST_PENDING) await new Promise((done) => setTimeout(done, 2));
    };
    this.#afterLane(peer, await new Lane({ stream, queue, keep, room }).run(signal));
  }

  async #keep(bundle: PartialBundle, peer: PeerId, piece: BundlePiece, bytes: Uint8Array) {
    try {
      if (await bundle.keep(piece, bytes, this.#options.keeper)) return 'kept';
    } catch (thrown) {
      // the disk's fault ends the download, not the peer's lane
      this.#failure ??= thrown;
      throw thrown;
    }
    this.#badPieces++;
    this.#blame(peer, `piece ${piece.index} of ${bundle.info.files[piece.file]!.path}`);
    return 'bad';
  }

  #blame(peer: PeerId, detail: string): void {
    this.#rest.set(peer, Number.POSITIVE_INFINITY);
    this.#options.penalties.penalise(peer, 'bad-piece', detail);
  }

  #afterLane(peer: PeerId, end: LaneEnd): void {
    if (end === 'busy') {
      this.#restBusy(peer);
      return;
    }
    this.#busy.delete(peer);
    if (end === 'done' || end === 'bad') return;
    this.#options.penalties.penalise(peer, 'stall', `a piece of a model: ${end}`);
    this.#restFor(peer);
  }

  #laneFailed(peer: PeerId, thrown: unknown): void {
    if (thrown instanceof BitmodelError && thrown.code === 'PEER_BUSY') {
      this.#restBusy(peer);
      return;
    }
    if (thrown instanceof BitmodelError && thrown.code === 'STREAM_TIMEOUT') {
      this.#options.penalties.penalise(peer, 'stall', 'pieces of a model');
    }
    this.#restFor(peer);
  }

  /** It has done nothing wrong; and not all who found it busy come back at once. */
  #restBusy(peer: PeerId): void {
    const times = this.#busy.get(peer) ?? 0;
    this.#busy.set(peer, times + 1);
    const longest = Math.min(LONGEST_BUSY_REST_MS, BUSY_REST_MS * 2 ** times);
    this.#restFor(peer, longest * (0.5 + Math.random() / 2));
  }

  #restFor(peer: PeerId, milliseconds = REST_MS): void {
    const until = performance.now() + milliseconds;
    this.#rest.set(peer, Math.max(until, this.#rest.get(peer) ?? 0));
  }

  /** Peers that hold the model, by their word, and may be asked. @throws BitmodelError `NO_HOLDERS` */
  async #sources(most: number): Promise<PeerId[]> {
    const { holders, id, signal, patience = PATIENCE_MS } = this.#options;
    signal.throwIfAborted();
    const now = performance.now();
    if (most <= 0 || (this.#lanes.size > 0 && now < this.#nextAsk)) return [];
    this.#nextAsk = now + ASK_AGAIN_MS;
    const resting = [...this.#rest].filter(([, until]) => until > now).map(([peer]) => peer);
    const except = new Set([...resting, ...this.#lanes.keys()]);
    let found = await holders.ask(id, except);
    if (found.length + this.#lanes.size < 2) {
      const reached = await holders.reach(id, most);
      found = [...found, ...reached.filter((peer) => !except.has(peer) && !found.includes(peer))];
    }
    signal.throwIfAborted();
    if (found.length > 0) this.#seenAt = performance.now();
    else if (this.#lanes.size === 0 && performance.now() - this.#seenAt > patience) throw none(id);
    return found.slice(0, most);
  }

  /** Asks one peer after another until one gives what is asked for. */
  async #fromOne<T>(ask: (stream: ChunkStream) => Promise<T | undefined>): Promise<T> {
    for (;;) {
      for (const peer of await this.#sources(MOST_LANES)) {
        const answer = await this.#fromPeer(peer, ask);
        if (answer !== undefined) return answer;
      }
      await this.#pause();
    }
  }

  async #fromPeer<T>(
    peer: PeerId,
    ask: (stream: ChunkStream) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { id } = this.#options;
    let stream: ChunkStream | undefined;
    try {
      stream = await ChunkStream.open(this.#options, peer, fromHex(id));
      const answer = await ask(stream);
      this.#busy.delete(peer);
      if (answer === undefined) this.#restFor(peer);
      return answer;
    } catch (thrown) {
      if (!isPeersFault(thrown)) throw thrown;
      this.#laneFailed(peer, thrown);
      return undefined;
    } finally {
      await stream?.close();
    }
  }

  /** Settles when a lane ends, or after a while, when it is looked for more peers. */
  async #pause(): Promise<void> {
    const { signal } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const wait = new Promise<void>((done) => {
      timer = setTimeout(done, LOOK_MS);
    });
    await Promise.race([...this.#lanes.values(), wait]).finally(() => clearTimeout(timer));
    signal.throwIfAborted();
  }
}

/** Codes of what a peer, or the link to it, can cause. */
const PEER_CODES = new Set([
  'PEER_BUSY',
  'STREAM_ENDED',
  'STREAM_TIMEOUT',
  'FRAME_TOO_LARGE',
  'BAD_FRAME',
  'BAD_CHUNK_MESSAGE',
  'BAD_ENCODING',
  'PEER_UNREACHABLE',
  'PROTOCOL_UNSUPPORTED',
]);

function isPeersFault(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && PEER_CODES.has(thrown.code);
}

async function fetchLayer(
  stream: ChunkStream,
  file: number,
  size: number,
): Promise<Uint8Array | undefined> {
  const layer = new Uint8Array(pieceCount(size) * HASH);
  for (let at = 0; at < layer.length; ) {
    const first = at / HASH;
    const count = Math.min(MOST_HASHES, pieceCount(size) - first);
    const hashes = await stream.ask({ kind: 'layer', file, first, count });
    if (hashes?.length !== count * HASH) return undefined;
    layer.set(hashes, at);
    at += hashes.length;
  }
  return layer;
}

function none(id: string): BitmodelError {
  return new BitmodelError('NO_HOLDERS', `No connected node has model ${id}.`, {
    next: 'Check that the node has peers (bitmodel node peers), and pull again; what is here stays',
    exitCode: EXIT.unreachable,
  });
}
