import { BitmodelError, EXIT } from '../../base/index.js';
import type { Host, PeerConnection, PeerId } from '../host/Host.js';
import { addressGroup, readMultiaddr } from '../peers/addresses.js';

/** Peers asked at once: all of them must lie together for a lie of omission to be believed. */
const ASKED = 4;

/** The first of each group, then the rest: as different as they can be. */
function spread(connections: readonly PeerConnection[]): PeerConnection[] {
  const seen = new Set<string>();
  const first: PeerConnection[] = [];
  const rest: PeerConnection[] = [];
  for (const connection of connections) {
    const address = readMultiaddr(connection.address);
    const group = address ? addressGroup(address) : connection.address;
    (seen.has(group) ? rest : first).push(connection);
    seen.add(group);
  }
  return [...first, ...rest];
}

/** After so many milliseconds another peer has its turn. */
const TURN = 600_000;

/**
 * Whom to ask: connected peers that speak a protocol, those that this node chose itself before those that came to it, of
 * different networks as far as there are, the longest connected first. The last place goes round among all the rest, so
 * that those who are asked first never decide alone for long.
 * @param now milliseconds, from any start
 */
export function choosePeers(
  host: Pick<Host, 'connections' | 'protocolsOf'>,
  protocol: string,
  most = ASKED,
  now: number = performance.now(),
): PeerId[] {
  const able = host
    .connections()
    .filter(({ peer, isRelayed }) => !isRelayed && host.protocolsOf(peer).includes(protocol))
    .sort((a, b) => a.openedAt - b.openedAt);
  const outbound = able.filter(({ direction }) => direction === 'outbound');
  const inbound = able.filter(({ direction }) => direction === 'inbound');
  const ordered = [...spread(outbound), ...spread(inbound)].map(({ peer }) => peer);
  const unique = [...new Set(ordered)];
  const rest = unique.slice(most - 1);
  const turn = rest[Math.floor(now / TURN) % rest.length];
  return [...unique.slice(0, most - 1), ...(turn === undefined ? [] : [turn])];
}

/** Nobody can be asked. */
export function noPeers(): BitmodelError {
  return new BitmodelError('NO_PEERS', 'No node that proves what it says is connected.', {
    next: 'Wait a moment, or name one with --seed-node; see bitmodel node peers',
    exitCode: EXIT.unreachable,
  });
}
