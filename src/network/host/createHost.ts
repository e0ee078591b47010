import type { Host } from './Host.js';
import type { HostOptions } from './HostOptions.js';

/**
 * Starts a host: it listens, but connects to nobody by itself; whoever holds it decides whom to dial.
 * libp2p is loaded here and not before, so that commands without a network start as fast as ever.
 * @throws BitmodelError `BAD_ADDRESS`, `BAD_NODE_KEY`, `LISTEN_FAILED`
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const { Libp2pHost } = await import('./Libp2pHost.js');
  return Libp2pHost.start(options);
}
