import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressGroup,
  hostAndPort,
  machineOf,
  maySpeakOf,
  parsePeerAddress,
  readMultiaddr,
  scopeOf,
} from '#src/network/peers/addresses.js';
import { cases } from '../../long.js';

const PEER = '12D3KooWGJxS6k9Vt33MU3UDza64Mtnc9VfD6fpXyaR2hMFnF2Ar';

describe('the address of a node', () => {
  it.each([
    ['192.0.2.7:9000', '/ip4/192.0.2.7/tcp/9000'],
    ['192.0.2.7', '/ip4/192.0.2.7/tcp/9732'],
    ['[2001:DB8::0:1]:9000', '/ip6/2001:db8::1/tcp/9000'],
    ['[2001:db8::1]', '/ip6/2001:db8::1/tcp/9732'],
    ['2001:db8::1', '/ip6/2001:db8::1/tcp/9732'],
    ['[::ffff:192.0.2.7]:1', '/ip4/192.0.2.7/tcp/1'],
    ['node.example.org', '/dns/node.example.org/tcp/9732'],
    ['node.example.org:81', '/dns/node.example.org/tcp/81'],
    [`/ip4/192.0.2.7/tcp/9000/p2p/${PEER}`, `/ip4/192.0.2.7/tcp/9000/p2p/${PEER}`],
    ['/dns4/node.example.org/tcp/1', '/dns4/node.example.org/tcp/1'],
  ])('%s is %s', (text, multiaddr) => {
    expect(parsePeerAddress(text, 9732)).toBe(multiaddr);
  });

  it.each([
    '',
    ':',
    ':9732',
    'a:b:c',
    '1.2.3.4:',
    '1.2.3.4:65536',
    '1.2.3:1',
    '1.2.3.4:-1',
    '[1.2.3.4]:1',
    '[::1',
    '::1]:1',
    'a b:1',
    '-x:1',
    'x/../y:1',
    '/ip4/1.2.3.4',
    '/ip4/::1/tcp/1',
    '/ip4/1.2.3.4/udp/1',
    '/ip4/1.2.3.4/tcp/1/p2p/nobody',
    `/ip4/1.2.3.4/tcp/1/p2p/${PEER}/x`,
    'http://1.2.3.4:1',
    '\u001b[31m:1',
  ])('%j is none', (text) => {
    expect(() => parsePeerAddress(text, 9732)).toThrow(/is no address of a node/);
  });

  it('is read as it was written, and any other text as none', () => {
    const ports = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), ports, (host, port) => {
        const text = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
        const read = readMultiaddr(parsePeerAddress(text, 1))!;
        expect(read.port).toBe(port);
        expect(parsePeerAddress(hostAndPort(read), 1)).toBe(parsePeerAddress(text, 1));
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 600 })), (text) => {
        try {
          expect(readMultiaddr(parsePeerAddress(text, 1))).toBeDefined();
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_ADDRESS' });
        }
        readMultiaddr(`/${text}`);
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });

  it('of a relayed peer is that of the relay and its own id', () => {
    const relay = '12D3KooWEJLtzx6ZW9Hzt5RuGn8M1C6pnWEURaek1bAtPCpRGEug';
    const text = `/ip4/192.0.2.7/tcp/1/p2p/${relay}/p2p-circuit/p2p/${PEER}`;
    expect(readMultiaddr(text)).toMatchObject({ host: '192.0.2.7', peer: PEER, isRelayed: true });
  });
});

describe('how far an address reaches', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.9.9', 'private'],
    ['169.254.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fe80::1', 'private'],
    ['fd00::1', 'private'],
    ['fec0::1', 'private'],
    ['feff:ffff::1', 'private'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['2002:7f00:1::', 'loopback'],
    ['::10.1.2.3', 'private'],
    ['64:ff9b::192.168.9.9', 'private'],
    ['2002:c0a8:909:1::7', 'private'],
    ['2002:a9fe:a9fe::', 'private'],
    ['::8.8.8.8', 'public'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['2002:808:808::1', 'public'],
    ['64:ff9b:0:0:1::7f00:1', 'public'],
    ['64:ff9b::0.0.0.1', undefined],
    ['2002:e000:1::', undefined],
    ['::7', undefined],
    ['172.32.0.1', 'public'],
    ['100.128.0.1', 'public'],
    ['8.8.8.8', 'public'],
    ['2001:db8::1', 'public'],
    ['0.0.0.0', undefined],
    ['224.0.0.1', undefined],
    ['255.255.255.255', undefined],
    ['::', undefined],
    ['ff02::1', undefined],
  ])('%s: %s', (host, scope) => {
    expect(scopeOf(host)).toBe(scope);
  });

  it('decides of whose addresses a peer may speak', () => {
    expect(maySpeakOf('public', 'loopback')).toBe(false);
    expect(maySpeakOf('public', 'private')).toBe(false);
    expect(maySpeakOf('private', 'loopback')).toBe(false);
    expect(maySpeakOf('private', 'public')).toBe(true);
    expect(maySpeakOf('loopback', 'loopback')).toBe(true);
  });
});

describe('the group of an address', () => {
  const group = (text: string): string => addressGroup(readMultiaddr(parsePeerAddress(text, 1))!);

  it('is /16 of IPv4 and /32 of IPv6', () => {
    expect(group('8.8.1.1')).toBe(group('8.8.200.7:5'));
    expect(group('8.8.1.1')).not.toBe(group('8.9.1.1'));
    expect(group('2001:db8:1::1')).toBe(group('2001:db8:ffff:9::2'));
    expect(group('2001:db8::1')).not.toBe(group('2001:db9::1'));
  });

  it('tells neighbours in a private network and ports of this machine apart', () => {
    expect(group('192.168.1.1')).not.toBe(group('192.168.1.2'));
    expect(group('127.0.0.1:1')).not.toBe(group('127.0.0.1:2'));
  });

  it('has a machine for each IPv4 address and each /64', () => {
    expect(machineOf('8.8.1.1')).toBe('8.8.1.1');
    expect(machineOf('2001:db8::1')).toBe(machineOf('2001:db8::ffff:1'));
    expect(machineOf('2001:db8::1')).toBe('2001:db8:0:0::/64');
  });
});
