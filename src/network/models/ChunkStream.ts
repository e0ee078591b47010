import { BitmodelError, type Deferred, deferred } from '../../base/index.js';
import type { FrameStream, Host, PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { type ChunkQuestion, decodeAnswer, encodeRequest } from './chunkCodec.js';
import { CHUNKS } from './protocols.js';

/**
 * Questions about one model to one peer, several under way at once. Answers are given out as they come; the stream is dropped
 * when the peer answers what was not asked, is silent for the protocol's idle time, or ends it.
 */
export class ChunkStream {
  readonly peer: PeerId;
  readonly #id: Uint8Array;
  readonly #stream: FrameStream;
  readonly #penalties: Penalties;
  readonly #waiting = new Map<number, Deferred<Uint8Array | undefined>>();
  #next = 0;
  #isReading = false;
  #failure: unknown;

  private constructor(id: Uint8Array, stream: FrameStream, penalties: Penalties) {
    this.peer = stream.peer;
    this.#id = id;
    this.#stream = stream;
    this.#penalties = penalties;
  }

  /** @param id of the model, 32 bytes @throws BitmodelError as `Host.open` */
  static async open(
    { host, penalties }: { readonly host: Host; readonly penalties: Penalties },
    peer: PeerId,
    id: Uint8Array,
  ): Promise<ChunkStream> {
    return new ChunkStream(id, await host.open(peer, CHUNKS), penalties);
  }

  /**
   * Asks.
   * @returns what was asked for, unchecked; undefined when the peer does not have it
   * @throws BitmodelError `PEER_BUSY` when it serves too many others now; `STREAM_ENDED`, `STREAM_TIMEOUT`, `FRAME_TOO_LARGE`, `BAD_CHUNK_MESSAGE`
   */
  async ask(question: ChunkQuestion): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    const number = this.#next++;
    const answer = deferred<Uint8Array | undefined>();
    this.#waiting.set(number, answer);
    try {
      await this.#stream.send(encodeRequest({ number, id: this.#id, question }));
    } catch (thrown) {
      this.#fail(thrown);
    }
    void this.#read();
    return answer.promise;
  }

  /** Ends it in an orderly way, or at once when answers are still awaited. */
  async close(): Promise<void> {
    if (this.#waiting.size > 0) this.abort();
    else await this.#stream.end().catch(() => this.#stream.abort());
  }

  abort(): void {
    this.#stream.abort();
    this.#fail(new BitmodelError('STREAM_ENDED', 'The stream was dropped at this end.'));
  }

  /** Reads only while answers are due, so that a pause of ours is not taken for silence of theirs. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#waiting.size > 0) {
        const frame = await this.#stream.receive();
        if (frame === undefined) {
          throw new BitmodelError('STREAM_ENDED', 'The peer ended the stream before it answered.');
        }
        this.#take(frame);
      }
    } catch (thrown) {
      this.#fail(thrown);
      this.#stream.abort();
    } finally {
      this.#isReading = false;
    }
  }

  #take(frame: Uint8Array): void {
    const { status, number, body } = this.#decoded(frame);
    const answer = this.#waiting.get(number);
    if (answer === undefined) {
      this.#penalties.penalise(this.peer, 'unasked', 'an answer about a model');
      throw new BitmodelError('BAD_CHUNK_MESSAGE', 'The peer answered what was not asked.');
    }
    this.#waiting.delete(number);
    if (status === 'busy') answer.reject(busy());
    else answer.resolve(status === 'given' ? body : undefined);
  }

  #decoded(frame: Uint8Array): ReturnType<typeof decodeAnswer> {
    try {
      return decodeAnswer(frame);
    } catch (thrown) {
      this.#penalties.penalise(this.peer, 'garbage', 'an answer about a model');
      throw thrown;
    }
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown;
    for (const answer of this.#waiting.values()) answer.reject(this.#failure);
    this.#waiting.clear();
  }
}

function busy(): BitmodelError {
  return new BitmodelError('PEER_BUSY', 'The peer gives models to as many as it can already.');
}
