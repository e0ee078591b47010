import { messageOf, toHex } from '../../base/index.js';
import {
  BLOCK,
  findCalibration,
  HASH,
  PIECE,
  type ServedBundle,
  type ServedModels,
} from '../../model/index.js';
import type { FrameStream, Host, PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import type { Penalties } from '../peers/offences.js';
import {
  answerFrame,
  type ChunkQuestion,
  type ChunkRequest,
  decodeCalibrationQuestion,
  decodeHaveQuestion,
  decodeRequest,
  encodeHaveAnswer,
} from './chunkCodec.js';
import { ANSWER_HEAD, CALIBRATION, CHUNKS, HAVE } from './protocols.js';

const BLOCKS_PER_PIECE = PIECE / BLOCK;
/** Streams served at once, over all peers: each holds up to two pieces in memory. */
const MOST_STREAMS = 64;
/**
 * Questions of a peer beside pieces, which the link itself limits: each can cost a piece read and hashed. Beyond this an
 * answer waits, and with it all that the peer asks next on that stream; who lists many models is no flooder.
 */
const QUESTIONS = { perSecond: 40, burst: 200 };
const HAVES = { perSecond: 50, burst: 200 };
/** Calibrations asked for by a peer: each reads those that lie beside a model. */
const CALIBRATIONS = { perSecond: 2, burst: 64 };

/** What is served from, and who is held to what. */
export interface ChunkServerOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly models: ServedModels;
  /** Streams served at once, over all peers; 64 unless stated. */
  readonly mostStreams?: number;
  /** Told of what went wrong here, in one sentence. */
  readonly onWarning: (message: string) => void;
}

/**
 * Gives pieces of the models of a data folder, and the calibrations beside them, to whoever asks; pieces in the order of a
 * stream's questions.
 */
export class ChunkServer {
  readonly #options: ChunkServerOptions;
  readonly #questions = new RateLimit(QUESTIONS);
  readonly #haves = new RateLimit(HAVES);
  readonly #calibrations = new RateLimit(CALIBRATIONS);
  #streams = 0;
  #bytesServed = 0;

  constructor(options: ChunkServerOptions) {
    this.#options = options;
    options.host.handle(CHUNKS, (stream) => this.#serve(stream));
    options.host.answer(HAVE, (frame, peer) => this.#have(frame, peer));
    options.host.answer(CALIBRATION, (frame, peer) => this.#calibration(frame, peer));
  }

  /** Bytes of pieces given away since the start. */
  get bytesServed(): number {
    return this.#bytesServed;
  }

  async #have(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const ids = this.#decoded(peer, () => decodeHaveQuestion(frame));
    await turn(this.#haves, peer);
    const found = await Promise.all(ids.map((id) => this.#options.models.find(toHex(id))));
    return encodeHaveAnswer(found.map((bundle) => bundle !== undefined));
  }

  /** A calibration beside a model that is given away, if it is there; what else lies in the folder can't be had. */
  async #calibration(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const question = this.#decoded(peer, () => decodeCalibrationQuestion(frame));
    await turn(this.#calibrations, peer);
    const id = toHex(question.id);
    const bundle = await this.#options.models.find(id);
    const found = bundle && (await findCalibration(bundle.dir, id, toHex(question.hash)));
    return found ?? new Uint8Array();
  }

  async #serve(stream: FrameStream): Promise<void> {
    // decided once: those who are served already go on being served
    const isBusy = this.#streams >= (this.#options.mostStreams ?? MOST_STREAMS);
    if (!isBusy) this.#streams++;
    // the answer before goes out while the next one is read from the disk
    let sending: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const frame = await stream.receive();
        if (frame === undefined) break;
        const request = this.#decoded(stream.peer, () => decodeRequest(frame));
        const answer = isBusy
          ? answerFrame({ status: 'busy', number: request.number })
          : await this.#answer(request, stream.peer);
        await sending;
        sending = stream.send(answer);
        // failing is seen at the next turn
        sending.catch(() => {});
      }
      await sending;
    } finally {
      if (!isBusy) this.#streams--;
    }
  }

  async #answer({ number, id, question }: ChunkRequest, peer: PeerId): Promise<Uint8Array> {
    if (question.kind !== 'piece') await turn(this.#questions, peer);
    const absent = answerFrame({ status: 'absent', number });
    const bundle = await this.#options.models.find(toHex(id));
    if (bundle === undefined) return absent;
    try {
      return (await this.#given(bundle, question, number)) ?? absent;
    } catch (thrown) {
      // such as a file that was changed: nothing of it goes out, and the operator is told
      this.#options.onWarning(`a model is not shared: ${messageOf(thrown)}`);
      return absent;
    }
  }

  async #given(
    bundle: ServedBundle,
    question: ChunkQuestion,
    number: number,
  ): Promise<Uint8Array | undefined> {
    const body = (length: number) => answerFrame({ status: 'given', number }, length);
    const filled = (...parts: readonly Uint8Array[]): Uint8Array => {
      const frame = body(parts.reduce((sum, part) => sum + part.length, 0));
      let at = ANSWER_HEAD;
      for (const part of parts) {
        frame.set(part, at);
        at += part.length;
      }
      return frame;
    };
    switch (question.kind) {
      case 'info':
        return filled(bundle.info.bytes);
      case 'layer': {
        const { file, first, count } = question;
        const hashes = bundle.layer(file)?.subarray(first * HASH, (first + count) * HASH);
        return hashes?.length === count * HASH ? filled(hashes) : undefined;
      }
      case 'piece': {
        const length = bundle.pieceLength(question.file, question.index);
        if (length === undefined) return undefined;
        const frame = body(length);
        await bundle.read(question.file, question.index * PIECE, frame.subarray(ANSWER_HEAD));
        this.#bytesServed += length;
        return frame;
      }
      case 'proof': {
        const block = question.index * BLOCKS_PER_PIECE + question.block;
        const proven = await bundle.prove(question.file, block);
        return proven && filled(proven.proof, proven.bytes);
      }
    }
  }

  #decoded<T>(peer: PeerId, decode: () => T): T {
    try {
      return decode();
    } catch (thrown) {
      this.#options.penalties.penalise(peer, 'garbage', 'a question about a model');
      throw thrown;
    }
  }
}

/** Waits until a peer may have an answer; how many of its questions wait at once, the streams it may open bound. */
async function turn(limit: RateLimit, peer: PeerId): Promise<void> {
  while (!limit.take(peer)) {
    await new Promise((done) => setTimeout(done, Math.max(1, limit.wait(peer))).unref());
  }
}
