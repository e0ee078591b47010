import type { Socket } from 'node:net';

/**
 * The connections whose callers have not shown the password yet. Whoever may call from no address that is let in is cut
 * off at once; of the others the oldest goes when there are too many, so that who says nothing, or says it slowly, keeps
 * no room from the owner.
 */
export class Strangers {
  readonly #isCaller: (address: string | undefined) => boolean;
  readonly #limit: number;
  /** The oldest first. */
  readonly #sockets = new Set<Socket>();

  /**
   * @param isCaller whether an address may call
   * @param limit most connections
   */
  constructor(isCaller: (address: string | undefined) => boolean, limit: number) {
    this.#isCaller = isCaller;
    this.#limit = limit;
  }

  /** A connection was opened. */
  meet(socket: Socket): void {
    if (!this.#isCaller(socket.remoteAddress)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size <= this.#limit) return;
    const [oldest] = this.#sockets;
    this.#sockets.delete(oldest!);
    oldest!.destroy();
  }

  /** The caller has shown the password: the connection is no stranger's any more. */
  know(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}
