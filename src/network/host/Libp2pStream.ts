import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import { BitmodelError, concatBytes, type Deferred, deferred } from '../../base/index.js';
import { FrameReader, framePrefix } from './FrameReader.js';
import type { FrameStream, PeerId, Protocol, WireOffence } from './Host.js';

/** Unread bytes at which a stream stops asking for more. */
const READ_AHEAD = 512 * 1024;
/** Unsent bytes below which there is room for the next frame. */
const WRITE_AHEAD = 256 * 1024;
/** Bytes per millisecond below which a frame under way counts as held up on purpose, after the idle time. */
const SLOWEST = 4;
/** Frames up to this length go out together with their prefix. */
const SMALL_FRAME = 16 * 1024;

/** Frames over one stream of libp2p, with bounds in both directions. */
export class Libp2pStream implements FrameStream {
  readonly peer: PeerId;
  readonly #stream: Stream;
  readonly #protocol: Protocol;
  readonly #offend: (offence: WireOffence) => void;
  readonly #reader: FrameReader;
  readonly #waiting: Deferred<Uint8Array | undefined>[] = [];
  #writable: Deferred<void> | undefined;
  #hasEnded = false;
  #isOver = false;
  #failure: BitmodelError | undefined;
  #hasReceived = false;
  #frameStart: number | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    stream: Stream,
    peer: PeerId,
    protocol: Protocol,
    offend: (offence: WireOffence) => void,
  ) {
    this.#stream = stream;
    this.peer = peer;
    this.#protocol = protocol;
    this.#offend = offend;
    this.#reader = new FrameReader(protocol.maxFrame);
    this.#hasEnded = stream.remoteWriteStatus === 'closed' && stream.status === 'open';
    stream.addEventListener('remoteCloseWrite', this.#onRemoteEnd);
    stream.addEventListener('end', this.#onOver);
    stream.addEventListener('close', this.#onClose);
    stream.addEventListener('drain', this.#onDrain);
    stream.addEventListener('idle', this.#onDrain);
    stream.addEventListener('message', this.#onMessage);
    if (stream.readableEnded) this.#isOver = true;
  }

  async send(frame: Uint8Array): Promise<void> {
    await this.#room();
    const prefix = framePrefix(frame.length);
    try {
      if (frame.length <= SMALL_FRAME) {
        this.#stream.send(concatBytes(prefix, frame));
      } else {
        this.#stream.send(prefix);
        this.#stream.send(frame);
      }
    } catch (cause) {
      throw this.#ended(cause);
    }
    await this.#room();
  }

  receive(): Promise<Uint8Array | undefined> {
    const waiting = deferred<Uint8Array | undefined>();
    this.#waiting.push(waiting);
    this.#advance();
    return waiting.promise;
  }

  async end(): Promise<void> {
    if (this.#stream.writeStatus !== 'writable') return;
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(this.#protocol.idleTimeout) });
    } catch (cause) {
      this.abort();
      throw this.#ended(cause);
    }
  }

  abort(): void {
    this.#fail(new BitmodelError('STREAM_ENDED', 'The stream was dropped at this end.'));
  }

  /** Waits until what was sent has nearly gone out. */
  async #room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stream.writeStatus !== 'writable') throw this.#ended();
      if (this.#stream.writeBufferLength <= WRITE_AHEAD) return;
      this.#writable ??= deferred();
      this.#watch();
      await this.#writable.promise;
    }
  }

  readonly #onDrain = (): void => {
    this.#writable?.resolve();
    this.#writable = undefined;
    this.#watch();
  };

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (this.#failure !== undefined) return;
    if (event.data instanceof Uint8Array) this.#reader.push(event.data);
    else for (const chunk of event.data) this.#reader.push(chunk);
    this.#advance();
    this.#checkPace();
  };

  readonly #onRemoteEnd = (): void => {
    this.#hasEnded = true;
    if (this.#stream.readBufferLength === 0) this.#onOver();
  };

  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#advance();
  };

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) this.#fail(this.#ended(event.error));
    else if (this.#stream.readBufferLength === 0) this.#onOver();
    this.#onDrain();
  };

  /** Hands complete frames to whoever waits for them, and decides whether more is wanted. */
  #advance(): void {
    try {
      while (this.#waiting.length > 0) {
        const frame = this.#failure === undefined ? this.#reader.next() : undefined;
        if (frame === undefined) break;
        this.#hasReceived = true;
        this.#frameStart = undefined;
        this.#waiting.shift()!.resolve(frame);
      }
    } catch (thrown) {
      const error = thrown as BitmodelError;
      this.#offend(error.code === 'FRAME_TOO_LARGE' ? 'oversized-frame' : 'garbage');
      this.#fail(error);
    }
    if (this.#failure !== undefined) this.#settle((waiting) => waiting.reject(this.#failure));
    else if (this.#isOver) this.#finish();
    else this.#pace();
    this.#watch();
  }

  #finish(): void {
    const isOrderly = this.#hasEnded && !this.#reader.isMidFrame;
    if (isOrderly) this.#settle((waiting) => waiting.resolve(undefined));
    else if (this.#waiting.length > 0) this.#fail(this.#ended());
  }

  #settle(how: (waiting: Deferred<Uint8Array | undefined>) => void): void {
    for (const waiting of this.#waiting.splice(0)) how(waiting);
  }

  /** Stops the other end while nobody here reads, so that memory stays bounded; goes on when somebody does. */
  #pace(): void {
    try {
      if (this.#waiting.length > 0) this.#stream.resume();
      else if (this.#reader.buffered >= READ_AHEAD) this.#stream.pause();
    } catch {
      // a stream that ends just now can be neither held up nor resumed, and need not be
    }
  }

  #checkPace(): void {
    if (!this.#reader.isMidFrame || this.#waiting.length === 0) {
      this.#frameStart = undefined;
      return;
    }
    this.#frameStart ??= Date.now();
    const allowed = this.#protocol.idleTimeout + (this.#reader.frameLength ?? 0) / SLOWEST;
    if (Date.now() - this.#frameStart > allowed) this.#onIdle();
  }

  /** Runs the clock while this end waits for the other, each event winding it up anew. */
  #watch(): void {
    const isWaiting = this.#waiting.length > 0 || this.#writable !== undefined;
    if (!isWaiting || this.#failure !== undefined) {
      clearTimeout(this.#idle);
      this.#idle = undefined;
    } else if (this.#idle === undefined) {
      this.#idle = setTimeout(this.#onIdle, this.#protocol.idleTimeout);
    } else {
      this.#idle.refresh();
    }
  }

  readonly #onIdle = (): void => {
    const isSilent = this.#stream.direction === 'inbound' && !this.#hasReceived;
    if (this.#reader.isMidFrame || this.#writable !== undefined || isSilent) this.#offend('slow');
    this.#fail(
      new BitmodelError(
        'STREAM_TIMEOUT',
        `The other end was silent for ${this.#protocol.idleTimeout} ms (${this.#protocol.name}).`,
      ),
    );
  };

  #fail(error: BitmodelError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    clearTimeout(this.#idle);
    this.#settle((waiting) => waiting.reject(error));
    this.#stream.abort(error);
    this.#onDrain();
  }

  #ended(cause?: unknown): BitmodelError {
    return (
      this.#failure ??
      new BitmodelError(
        'STREAM_ENDED',
        `The other end dropped the stream (${this.#protocol.name}).`,
        {
          cause,
        },
      )
    );
  }
}
