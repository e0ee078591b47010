import type { MessageStream, StreamMessageEvent } from '@libp2p/interface';
import type { WireOffence } from './Host.js';

/** Most bytes a stream's window grows to, and so the longest frame of yamux that an honest peer sends. */
export const MAX_WINDOW = 2 * 1024 * 1024;
/** Bytes that may wait in memory to be sent over one connection. */
const MAX_UNSENT = 64 * 1024 * 1024;

const HEADER = 12;
const DATA = 0;
const PING = 2;
const LAST_TYPE = 3;
const SYN = 1;
const LAST_FLAG = 15;

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
 * length (up to 4 GiB) is complete, and queues an answer to every ping and every refused stream.
 */
export class MuxerGuard {
  readonly #connection: MessageStream;
  readonly #report: (offence: WireOffence) => void;
  readonly #streams = new Allowance(4_000, 2_000);
  readonly #pings = new Allowance(60, 2);
  readonly #header = new Uint8Array(HEADER);
  #filled = 0;
  #skip = 0;
  #isStopped = false;

  /** Reads along a connection from now on, before the multiplexer that is made for it next. */
  static watch(connection: MessageStream, report: (offence: WireOffence) => void): void {
    const guard = new MuxerGuard(connection, report);
    connection.addEventListener('message', guard.#onMessage);
  }

  private constructor(connection: MessageStream, report: (offence: WireOffence) => void) {
    this.#connection = connection;
    this.#report = report;
    connection.maxWriteBufferLength = MAX_UNSENT;
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
    const length = view.getUint32(8);
    const isNew = (flags & SYN) !== 0;
    if (view.getUint8(0) !== 0 || type > LAST_TYPE || flags > LAST_FLAG) this.#stop('garbage');
    else if (type === DATA && length > MAX_WINDOW) this.#stop('oversized-frame');
    else if (isNew && !(type === PING ? this.#pings : this.#streams).take()) {
      this.#stop('stream-flood');
    } else if (type === DATA) this.#skip = length;
  }

  #stop(offence: WireOffence): void {
    this.#isStopped = true;
    this.#report(offence);
    this.#connection.abort(new Error(`the peer broke a rule of multiplexing (${offence})`));
  }
}
