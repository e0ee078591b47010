import { isIP } from 'node:net';
import type { Network, ShownPeer } from '../Network.js';
import { readMultiaddr, type TcpAddress } from '../peers/addresses.js';
import type { Ban } from '../peers/BanList.js';

/** Bitcoin Core's service bits of a node that has all blocks, and of one that speaks anything else of ours. */
const NODE_NETWORK = 1;

/** Service bits by what a peer speaks: whoever answers for blocks has them all, as far as is known. */
export function serviceBits(services: readonly string[]): number {
  return services.some((name) => name.startsWith('blocks/')) ? NODE_NETWORK : 0;
}

/** Bitcoin Core's name for the network that an address is of. */
export function networkName({ host, isName }: Pick<TcpAddress, 'host' | 'isName'>): string {
  if (isName) return 'not_publicly_routable';
  return isIP(host) === 6 ? 'ipv6' : 'ipv4';
}

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** A peer, as `getpeerinfo` of Bitcoin Core shows it, with its id, whether it is relayed and its score beside. */
export function peerView(peer: ShownPeer): object {
  const { latency, leastLatency, version, services } = peer;
  const at = readMultiaddr(hostToMultiaddr(peer.address));
  return {
    id: peer.number,
    peer: peer.peer,
    addr: peer.address,
    network: at ? networkName(at) : 'not_publicly_routable',
    services: serviceBits(services).toString(16).padStart(16, '0'),
    servicesnames: services,
    relaytxes: services.some((name) => name.startsWith('transactions/')),
    bytessent: peer.transfer.sent,
    bytesrecv: peer.transfer.received,
    conntime: seconds(peer.connectedAt),
    timeoffset: peer.clockOffset ?? 0,
    ...(latency === undefined ? {} : { pingtime: latency / 1000 }),
    ...(leastLatency === undefined ? {} : { minping: leastLatency / 1000 }),
    version: 1,
    subver: version ?? '',
    inbound: peer.direction === 'inbound',
    synced_headers: peer.headers ?? -1,
    synced_blocks: peer.height ?? -1,
    connection_type: connectionType(peer),
    relayed: peer.isRelayed,
    score: peer.score,
  };
}

function connectionType({ direction, isFixed }: ShownPeer): string {
  if (direction === 'inbound') return 'inbound';
  return isFixed ? 'manual' : 'outbound-full-relay';
}

/** `host:port` as a multiaddr; what isn't one stays as it is, and reads as none. */
function hostToMultiaddr(address: string): string {
  const parts = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address);
  if (!parts) return address;
  const [, host, port] = parts as unknown as [string, string, string];
  const protocol = isIP(host) === 4 ? 'ip4' : isIP(host) === 6 ? 'ip6' : 'dns';
  return `/${protocol}/${host}/tcp/${port}`;
}

/** A ban, as `listbanned` of Bitcoin Core shows it, with its reason beside. */
export function banView({ target, created, until, reason }: Ban): object {
  return {
    address:
      target.includes('/') || isIP(target) === 0
        ? target
        : `${target}/${isIP(target) === 4 ? 32 : 128}`,
    ban_created: seconds(created),
    banned_until: seconds(until),
    ban_duration: seconds(until) - seconds(created),
    time_remaining: Math.max(0, seconds(until - Date.now())),
    reason,
  };
}

/** What `node status` shows of the network. */
export function statusView(network: Network): object {
  const { host, peers } = network;
  const list = network.list();
  return {
    id: host.id,
    addresses: host.addresses(),
    // whoever listens finds it out
    reachable: 'no',
    relays: host.relays(),
    outbound: list.filter(({ direction }) => direction === 'outbound').length,
    inbound: list.filter(({ direction }) => direction === 'inbound').length,
    aim: peers.aim,
    known: peers.book.size,
    banned: peers.bans.list().length,
    ...host.traffic(),
    seeds: peers.dialler.fixed().map(({ address, peer }) => ({
      address,
      connected: peer !== undefined && host.isConnected(peer),
    })),
    ...network.status(),
  };
}
