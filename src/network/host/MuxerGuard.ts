import type { MessageStream, StreamMessageEvent, StreamMuxer } from '@libp2p/interface';
import type { WireOffence } from './Host.js';

/** Most bytes a stream's window grows to, and so the longest frame of yamux that an honest peer sends. */
export const MAX_WINDOW = 2 * 1024 * 1024;
/** Bytes that may wait in memory to be sent over one connection. */
const MAX_UNSENT = 64 * 1024 * 1024;
/** Bytes that one stream, and all of a connection's together, may bring before their protocol is agreed on. */
const EARLY_STREAM = 1024 * 1024;
const EARLY_CONNECTION = 8 * 1024 * 1024;
/** Bytes a new stream may bring before it is looked at: agreeing on a protocol takes less. */
const EARLY_FREE = 64 * 1024;

const HEADER = 12;
const DATA = 0;
const PING = 2;
const LAST_TYPE = 3;
const SYN = 1;

/** So many at once, and so many more each second. */
class Allowance {
  #left: number;
  #at = Date.now();

  constructor(
    private readonly most: number,
    private readonly perSecond: number,
  ) {
    this.#left = most;
  }

  take(): boolean {
    const now = Date.now();
    this.#left = Math.min(this.most, this.#left + ((now - this.#at) * this.perSecond) / 1000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/**
 * Reads along the frame headers of a yamux connection (hashicorp/yamux spec.md), before the multiplexer does, and ends
 * the connection where it would let its memory be filled: it keeps whatever it gets until a frame of the announced
 * length (up to 4 GiB) is complete, queues an answer to every ping, and keeps what comes for streams whose protocol is
 * not agreed on.
 */
export class MuxerGuard {
  readonly #connection: MessageStream;
  readonly #report: (offence: WireOffence) => void;
  readonly #streams = new Allowance(4_000, 2_000);
  readonly #pings = new Allowance(60, 2);
  readonly #early = new Map<number, number>();
  readonly #header = new Uint8Array(HEADER);
  #filled = 0;
  #skip = 0;
  #isStopped = false;
  /** What is guarded; set as soon as it is made. */
  muxer: StreamMuxer | undefined;

  constructor(connection: MessageStream, report: (offence: WireOffence) => void) {
    this.#connection = connection;
    this.#report = report;
    connection.maxWriteBufferLength = MAX_UNSENT;
    connection.addEventListener('message', this.#onMessage);
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (event.data instanceof Uint8Array) this.#read(event.data);
    else for (const chunk of event.data) this.#read(chunk);
  };

  #read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#header[this.#filled++] = chunk[at++]!;
      if (this.#filled < HEADER) continue;
      this.#filled = 0;
      this.#onHeader();
    }
  }

  #onHeader(): void {
    const view = new DataView(this.#header.buffer);
    const type = view.getUint8(1);
    const flags = view.getUint16(2);
    const stream = view.getUint32(4);
    const length = view.getUint32(8);
    if (view.getUint8(0) !== 0 || type > LAST_TYPE || flags > 15) {
      this.#stop('garbage');
      return;
    }
    if (type === DATA) {
      if (length > MAX_WINDOW) {
        this.#stop('oversized-frame');
        return;
      }
      this.#skip = length;
      if (!this.#admits(stream, length)) {
        this.#stop('stream-flood');
        return;
      }
    }
    if (type === PING) {
      if ((flags & SYN) !== 0 && !this.#pings.take()) this.#stop('stream-flood');
    } else if ((flags & SYN) !== 0) {
      if (!this.#streams.take()) {
        this.#stop('stream-flood');
        return;
      }
      if (this.#early.size >= 512) this.#forget();
      this.#early.set(stream, 0);
    }
  }

  /** Counts what comes for a stream until its protocol is agreed on. */
  #admits(stream: number, length: number): boolean {
    const before = this.#early.get(stream);
    if (before === undefined) return true;
    const bytes = before + length;
    this.#early.set(stream, bytes);
    if (bytes <= EARLY_FREE) return true;
    this.#forget();
    if (!this.#early.has(stream)) return true;
    let all = 0;
    for (const early of this.#early.values()) all += early;
    return bytes <= EARLY_STREAM && all <= EARLY_CONNECTION;
  }

  /** Stops counting streams that are gone or whose protocol is agreed on. */
  #forget(): void {
    const open = new Map(this.muxer?.streams.map((stream) => [Number(stream.id), stream]) ?? []);
    for (const id of this.#early.keys()) {
      if ((open.get(id)?.protocol ?? 'gone') !== '') this.#early.delete(id);
    }
  }

  #stop(offence: WireOffence): void {
    this.#isStopped = true;
    this.#report(offence);
    this.#connection.abort(new Error(`the peer broke a rule of multiplexing (${offence})`));
  }
}
