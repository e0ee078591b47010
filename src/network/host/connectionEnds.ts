import type { Connection } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { parseAddress } from './address.js';

/** Where a connection leads, with the peer at its end. */
export function withId({ remoteAddr, remotePeer }: Connection): Multiaddr {
  const text = remoteAddr.toString();
  return parseAddress(text.includes('/p2p/') ? text : `${text}/p2p/${remotePeer}`);
}

/** Ends a connection, in an orderly way if the other end goes along. */
export async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(1_000) });
  } catch (thrown) {
    connection.abort(thrown as Error);
  }
}

/** What a promise gives, unless a signal is aborted first. @throws what the signal was aborted with */
export function within<T>(signal: AbortSignal, promise: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    Promise.resolve(promise).then(resolve, reject);
  });
}
