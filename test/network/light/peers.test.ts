import { describe, expect, it } from 'vitest';
import type { PeerConnection } from '#src/network/index.js';
import { choosePeers } from '#src/network/light/peers.js';

type Given = Partial<PeerConnection> & { readonly peer: string };

/** The two things that choosing looks at, of a host with these connections. */
function hostWith(given: readonly Given[], speaks = (_peer: string) => true) {
  const connections = given.map((each, index) => ({
    address: `/ip4/${10 + index}.0.0.1/tcp/1/p2p/${each.peer}`,
    direction: 'outbound' as const,
    openedAt: index,
    isRelayed: false,
    ...each,
  }));
  const protocolsOf = (peer: string) => (speaks(peer) ? ['proofs/1'] : []);
  return { connections: () => connections, protocolsOf };
}

const named = (...names: string[]): Given[] => names.map((peer) => ({ peer }));

describe('who is asked for proofs', () => {
  it('is at most four, each once, who speak the protocol and need no relay', () => {
    const host = hostWith(
      [...named('a', 'b', 'c', 'a', 'd', 'e', 'f'), { peer: 'relayed', isRelayed: true }],
      (peer) => peer !== 'b',
    );
    expect(choosePeers(host, 'proofs/1', 4, 0)).toEqual(['a', 'c', 'd', 'e']);
    expect(choosePeers(host, 'other/1', 4, 0)).toEqual([]);
  });

  it('is of different networks before it is twice of one', () => {
    const address = '/ip4/99.7.0.1/tcp/1';
    const host = hostWith([
      { peer: 'a', address },
      { peer: 'b', address: '/ip4/99.7.200.3/tcp/1' },
      ...named('c', 'd', 'e'),
    ]);
    expect(choosePeers(host, 'proofs/1', 4, 0)).toEqual(['a', 'c', 'd', 'e']);
  });

  it.each([
    ['2001:db8::1', '2001:0db8:5:6:7:8:9:a', 'are of one /32 however they are written'],
    ['::ffff:99.7.0.1', '::ffff:6307:c803', 'are of one /16 of IPv4 written as IPv6'],
  ])('takes %s and %s, which %s, one after the other', (a, b) => {
    const host = hostWith([
      { peer: 'a', address: `/ip6/${a}/tcp/1` },
      { peer: 'b', address: `/ip6/${b}/tcp/1` },
      ...named('c', 'd', 'e'),
    ]);
    expect(choosePeers(host, 'proofs/1', 4, 0)).toEqual(['a', 'c', 'd', 'e']);
  });

  it('takes peers on its own machine, and of other networks, for different ones', () => {
    const host = hostWith([
      { peer: 'a', address: '/ip6/::1/tcp/1' },
      { peer: 'b', address: '/ip6/::1/tcp/2' },
      { peer: 'c', address: '/ip6/2001::1/tcp/1' },
      { peer: 'd', address: '/ip6/2001:1::1/tcp/1' },
      ...named('e'),
    ]);
    expect(choosePeers(host, 'proofs/1', 4, 0)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is chosen by this node itself before those that came to it', () => {
    const host = hostWith([{ peer: 'came', direction: 'inbound' }, ...named('a', 'b', 'c', 'd')]);
    expect(choosePeers(host, 'proofs/1', 4, 0)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('changes in one place every ten minutes, so that nobody decides alone for long', () => {
    const host = hostWith(named('a', 'b', 'c', 'd', 'e', 'f'));
    const last = [0, 1, 2, 3].map((turn) => choosePeers(host, 'proofs/1', 4, turn * 600_000)[3]);
    expect(last).toEqual(['d', 'e', 'f', 'd']);
  });
});
