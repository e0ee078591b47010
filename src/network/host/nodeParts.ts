import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface';
import { parseAddress } from './address.js';
import { Connections } from './Connections.js';
import { Doorstep } from './channel/Doorstep.js';
import { Doorkeeper } from './Doorkeeper.js';
import { Gossip } from './Gossip.js';
import type { PeerId, WireOffence } from './Host.js';
import { DEFAULT_LIMITS, type HostOptions } from './HostOptions.js';
import type { NodeParts } from './libp2pNode.js';
import { MuxerGuard } from './MuxerGuard.js';
import { nodeKey } from './nodeKey.js';
import { OwnAddresses } from './OwnAddresses.js';
import { Relays } from './Relays.js';
import { Traffic } from './Traffic.js';

/**
 * Makes what a host is put together from.
 * @throws BitmodelError `BAD_ADDRESS`, `BAD_NODE_KEY`
 */
export async function nodeParts(
  options: HostOptions,
  offend: (peer: PeerId, offence: WireOffence) => void,
): Promise<NodeParts> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const prefix = `/bitmodel/${options.network}/`;
  const privateKey = await nodeKey(options.keyFile);
  const connections = new Connections();
  const traffic = new Traffic();
  let fresh: { peer: PeerId | undefined } | undefined;
  const doorkeeper = new Doorkeeper(limits, options.gate, {
    inbound: () => connections.count('inbound'),
    to: (peer) => connections.to(peer).length,
    upgraded: (peer) => {
      // the multiplexer made last, in this very tick, belongs to this peer; nothing else says whose it is
      if (fresh !== undefined) fresh.peer = peer;
      fresh = undefined;
    },
  });
  const guard = (factory: StreamMuxerFactory): StreamMuxerFactory => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection: MessageStream) => {
      const whose = traffic.watch(connection);
      fresh = whose;
      MuxerGuard.watch(connection, (offence) => {
        if (whose.peer !== undefined) offend(whose.peer, offence);
      });
      return factory.createStreamMuxer(connection);
    },
  });
  return {
    network: options.network,
    prefix,
    privateKey,
    listen: (options.listen ?? []).map((text) => parseAddress(text).toString()),
    announce: (options.announce ?? []).map((text) => parseAddress(text).toString()),
    limits,
    doorkeeper,
    doorstep: new Doorstep(limits),
    gate: options.gate,
    guard,
    connections,
    traffic,
    gossip: new Gossip(prefix, offend),
    relays: new Relays(options.relays ?? 'none'),
    isRelay: options.relayService ?? false,
    ownAddresses: new OwnAddresses(),
  };
}
