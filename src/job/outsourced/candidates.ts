import { randomInt } from 'node:crypto';
import type { Host, PeerConnection, PeerId } from '../../network/index.js';
import { CHECK_PROTOCOL } from './checkFrames.js';
import type { NeighbourBook } from './NeighbourBook.js';

/** The part of an address that one operator easily has many of: the first half of an IPv4, the first 32 bits of an IPv6. */
function groupOf({ address, peer }: PeerConnection): string {
  const v4 = /^\/ip4\/(\d+\.\d+)\./.exec(address)?.[1];
  const v6 = /^\/ip6\/([0-9a-f]*:[0-9a-f]*):/.exec(address)?.[1];
  const group = v4 ?? v6;
  // on this machine, and behind a relay, an address says nothing about who has it
  return group === undefined || group === '127.0' || group === ':' ? peer : group;
}

/**
 * Connected peers that answer checks, in the order in which they are asked: those that this node dialled itself before
 * those that came to it, and of one group of addresses one before the second of any, since whoever wants to surround a
 * node comes with many from few addresses; else at random. Who was found out is not among them.
 */
export function rankNeighbours(host: Host, book: NeighbourBook): PeerId[] {
  const best = new Map<PeerId, PeerConnection>();
  for (const connection of host.connections()) {
    const { peer, direction } = connection;
    if (!host.protocolsOf(peer).includes(CHECK_PROTOCOL.name) || book.weight(peer) === 0) continue;
    if (!best.has(peer) || direction === 'outbound') best.set(peer, connection);
  }
  const seen = new Map<string, number>();
  return [...best.values()]
    .map((connection) => ({ connection, lot: randomInt(1 << 30) }))
    .sort((a, b) => rankOf(a.connection) - rankOf(b.connection) || a.lot - b.lot)
    .map(({ connection }) => {
      const group = groupOf(connection);
      const before = seen.get(group) ?? 0;
      seen.set(group, before + 1);
      return { peer: connection.peer, before };
    })
    .sort((a, b) => a.before - b.before)
    .map(({ peer }) => peer);
}

function rankOf({ direction, isRelayed }: PeerConnection): number {
  return (direction === 'outbound' ? 0 : 2) + (isRelayed ? 1 : 0);
}
