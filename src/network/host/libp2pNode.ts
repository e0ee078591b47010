import './polyfill.js';
import { identify, identifyPush } from '@libp2p/identify';
import type { Ed25519PrivateKey, Libp2p, StreamMuxerFactory } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { Connections } from './Connections.js';
import { MOST_CHANNELS } from './channel/Channels.js';
import type { Doorstep } from './channel/Doorstep.js';
import { MOST_HANDSHAKES } from './channel/psk.js';
import type { Doorkeeper } from './Doorkeeper.js';
import type { Gossip } from './Gossip.js';
import type { Gate } from './Host.js';
import type { HostLimits } from './HostOptions.js';
import { MAX_WINDOW } from './MuxerGuard.js';
import type { OwnAddresses } from './OwnAddresses.js';
import type { Relays } from './Relays.js';
import type { Traffic } from './Traffic.js';

/** What a node of libp2p is put together from. */
export interface NodeParts {
  readonly network: string;
  /** `/bitmodel/NETWORK/`, before the name of each protocol and topic. */
  readonly prefix: string;
  readonly privateKey: Ed25519PrivateKey;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly limits: HostLimits;
  readonly doorkeeper: Doorkeeper;
  readonly doorstep: Doorstep;
  readonly gate: Gate | undefined;
  readonly guard: (factory: StreamMuxerFactory) => StreamMuxerFactory;
  readonly gossip: Gossip;
  readonly connections: Connections;
  readonly traffic: Traffic;
  readonly relays: Relays;
  /** Whether it passes on for others. */
  readonly isRelay: boolean;
  readonly ownAddresses: OwnAddresses;
}

/** Milliseconds between looks whether a connection still carries anything, and for the answer. */
const PING_INTERVAL = 30_000;
const PING_TIMEOUT = 30_000;

/** A node of libp2p with everything off that would dial, remember or decide by itself; not started yet. */
export async function createNode(parts: NodeParts): Promise<Libp2p<{ ping: Ping }>> {
  const { limits, network } = parts;
  const protocolPrefix = `bitmodel/${network}`;
  const transport = tcp({
    // above all that is bounded elsewhere: it drops whoever comes without asking the gate, which could make room
    maxConnections: limits.inbound + 2 * limits.pending + MOST_HANDSHAKES + MOST_CHANNELS,
  });
  return createLibp2p({
    start: false,
    privateKey: parts.privateKey,
    nodeInfo: { userAgent: 'bitmodel' },
    addresses: {
      listen: [...parts.listen, ...parts.relays.listen],
      appendAnnounce: [...parts.announce],
      announceFilter: (sure) => parts.ownAddresses.told(sure),
    },
    transports: [
      (components) => parts.doorstep.before(transport(components)),
      parts.relays.transport(),
    ],
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [
      () =>
        parts.guard(
          yamux({
            maxInboundStreams: limits.streamsPerConnection,
            maxOutboundStreams: 1_024,
            streamOptions: {
              maxStreamWindowSize: MAX_WINDOW,
              maxReadBufferLength: 2 * MAX_WINDOW,
            },
          })(),
        ),
    ],
    connectionGater: parts.doorkeeper,
    connectionManager: {
      // our own bounds are lower; libp2p would close connections of its own choice at these
      maxConnections: 4 * (limits.inbound + limits.outbound),
      inboundConnectionThreshold: limits.inbound + limits.pending,
      maxIncomingPendingConnections: limits.pending,
      inboundUpgradeTimeout: limits.handshakeTimeout,
      reconnectRetries: 0,
    },
    connectionMonitor: {
      protocolPrefix,
      pingInterval: PING_INTERVAL,
      pingTimeout: { minTimeout: PING_TIMEOUT },
    },
    services: {
      identify: identify({ protocolPrefix, timeout: 15_000 }),
      identifyPush: identifyPush({ protocolPrefix }),
      ping: ping({ protocolPrefix, timeout: 10_000 }),
      gossip: parts.gossip.service(network === 'main'),
      ownAddresses: parts.ownAddresses.service(),
      ...(parts.isRelay ? { relay: parts.relays.server() } : {}),
    },
  });
}
