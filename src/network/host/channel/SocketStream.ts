import type { Logger } from '@libp2p/interface';
import { AbstractStream, type SendResult } from '@libp2p/utils';
import type { Channel } from './psk.js';

/** Most bytes of a record of TLS: one as long is most likely not the last of what was sent. */
const FULL_RECORD = 16 * 1024;
/** Bytes of full records that are gathered at most before they are passed on: the layers above cost by the event. */
const GATHERED = 512 * 1024;

/** What a {@link SocketStream} is made of. */
export interface SocketStreamInit {
  readonly channel: Channel;
  readonly direction: 'inbound' | 'outbound';
  /** Full name of the protocol, as on any other stream. */
  readonly protocol: string;
  readonly log: Logger;
}

/** A stream of libp2p that is a TLS connection and nothing else, its handshake done. */
export class SocketStream extends AbstractStream {
  readonly #channel: Channel;
  #flush: NodeJS.Immediate | undefined;

  constructor({ channel, direction, protocol, log }: SocketStreamInit) {
    super({ id: `channel-${channel.socket.localPort}`, direction, protocol, log });
    this.#channel = channel;
    const { secured } = channel;
    secured.on('data', this.#onRecord);
    secured.on('end', () => {
      this.#pass();
      this.onRemoteCloseWrite();
    });
    secured.on('drain', () => this.safeDispatchEvent('drain'));
    secured.on('close', () => {
      this.#pass();
      this.onTransportClosed();
    });
    // one that said nothing may have ended before anybody listened
    if (secured.readableEnded) this.onRemoteCloseWrite();
  }

  readonly #onRecord = (record: Uint8Array): void => {
    if (this.readStatus === 'closing' || this.readStatus === 'closed') return;
    this.readBuffer.append(record);
    if (record.length < FULL_RECORD || this.readBuffer.byteLength >= GATHERED) this.#pass();
    else this.#flush ??= setImmediate(this.#pass);
  };

  readonly #pass = (): void => {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.dispatchReadBuffer();
  };

  sendData(data: Parameters<AbstractStream['sendData']>[0]): SendResult {
    const sentBytes = data.byteLength;
    const { secured } = this.#channel;
    // it would say that there is room, for ever, to somebody who then lets nobody else have a turn, the close included
    if (secured.destroyed) throw new Error('the connection is closed');
    secured.cork();
    for (const part of data) secured.write(part);
    secured.uncork();
    return { sentBytes, canSendMore: !secured.writableNeedDrain };
  }

  /** By a reset of TCP, unless it is being shut down. The other end may see no more than an end: so TCP has it. */
  sendReset(): void {
    const { secured, socket } = this.#channel;
    if (!secured.writableEnded && !socket.destroyed) socket.resetAndDestroy();
    secured.destroy();
  }

  sendPause(): void {
    this.#channel.secured.pause();
  }

  sendResume(): void {
    this.#channel.secured.resume();
  }

  sendCloseWrite(): Promise<void> {
    this.#channel.secured.end();
    return Promise.resolve();
  }

  /** A socket has no way of saying so. */
  sendCloseRead(): Promise<void> {
    return Promise.resolve();
  }
}
