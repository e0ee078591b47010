import type { MessageStream } from '@libp2p/interface';
import type { PeerId, Transfer } from './Host.js';

/** Bytes over one connection, inside its encryption. */
class Meter {
  /** Known once the connection is made. */
  peer: PeerId | undefined;
  received = 0;
  sent = 0;
}

/** Counts the bytes that go over connections: all since the start, and those of the connections that are open. */
export class Traffic {
  readonly #open = new Set<Meter>();
  #received = 0;
  #sent = 0;

  /** Counts what goes over a connection from now on. The peer is set when it is known whose it is. */
  watch(connection: MessageStream): { peer: PeerId | undefined } {
    const meter = new Meter();
    this.#open.add(meter);
    connection.addEventListener('message', ({ data }) => {
      this.#received += data.byteLength;
      meter.received += data.byteLength;
    });
    const send = connection.send.bind(connection);
    connection.send = (data) => {
      this.#sent += data.byteLength;
      meter.sent += data.byteLength;
      return send(data);
    };
    connection.addEventListener('close', () => this.#open.delete(meter));
    return meter;
  }

  /** Bytes to and from a peer over the connections that are open, or of all since the start. */
  of(peer?: PeerId): Transfer {
    if (peer === undefined) return { received: this.#received, sent: this.#sent };
    const own = [...this.#open].filter((each) => each.peer === peer);
    return {
      received: own.reduce((sum, { received }) => sum + received, 0),
      sent: own.reduce((sum, { sent }) => sum + sent, 0),
    };
  }
}
