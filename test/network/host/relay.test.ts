import { multiaddr } from '@multiformats/multiaddr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Delivery, type Host, type Protocol } from '#src/network/index.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from './hosts.js';

const ECHO: Protocol = {
  name: 'echo/1',
  maxFrame: 1 << 20,
  idleTimeout: 10_000,
  streamsPerPeer: 8,
  overRelay: true,
};
const DIRECT: Protocol = { ...ECHO, name: 'direct/1', overRelay: false };
const hosts = new Hosts();
let a: Host;
let b: Host;
/** Can be dialled by nobody. */
let c: Host;
const told: (readonly string[])[] = [];

const through = (relay: Host): string => `/p2p/${relay.id}/p2p-circuit/p2p/${c.id}`;
const addressThrough = (relay: Host): string | undefined =>
  c.addresses().find((address) => address.endsWith(through(relay)));

beforeAll(async () => {
  a = await hosts.start('a');
  b = await hosts.start('b', { relayService: true });
  c = await hosts.start('c', { listen: [], relays: 'auto' });
  c.on('addresses', (addresses) => told.push(addresses));
  c.answer(ECHO, (frame) => frame);
  c.answer(DIRECT, (frame) => frame);
  await c.dial(addressOf(b));
  await until(() => addressThrough(b) !== undefined);
});

afterAll(async () => {
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a node that nobody can dial', () => {
  it('keeps a place at a relay, and says under which address it can be reached', async () => {
    expect(c.addresses().every((address) => address.includes('/p2p-circuit/'))).toBe(true);
    await until(() => told.length > 0);
    expect(told.at(-1)).toEqual(c.addresses());
  });

  it('is reached through the relay, by protocols that allow it', async () => {
    const connection = await a.dial(addressThrough(b)!);
    expect(connection).toMatchObject({ peer: c.id, isRelayed: true, direction: 'outbound' });
    expect(await a.request(c.id, ECHO, Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2));
    await expect(a.request(c.id, DIRECT, Uint8Array.of(1))).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    expect(c.connections().find(({ peer }) => peer === a.id)).toMatchObject({ isRelayed: true });
    expect(await a.ping(c.id)).toBeLessThan(5_000);
  });

  it('has whole pieces of models passed on, at the pace of who takes them', async () => {
    let sent = 0;
    const pour: Protocol = { ...ECHO, name: 'pour/1' };
    c.handle(pour, async (stream) => {
      for (; sent < 24; sent++) await stream.send(new Uint8Array(1 << 20).fill(sent));
    });
    const stream = await a.open(c.id, pour);
    await stream.receive();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(sent).toBeLessThan(16);
    let bytes = 1 << 20;
    for (let frame = await stream.receive(); frame; frame = await stream.receive()) {
      bytes += frame.length;
      expect(frame[frame.length - 1]).toBe(bytes / (1 << 20) - 1);
    }
    expect(bytes).toBe(24 << 20);
  });

  it('gets private messages through the relay, from a node that knows only its address', async () => {
    const penalties = { penalise: () => {} };
    const sender = await hosts.start('sender');
    const addressesOf = (): string[] => [addressThrough(b)!];
    const deliveries = [
      new Delivery({ host: c, penalties }),
      new Delivery({ host: sender, penalties, addressesOf }),
    ] as const;
    deliveries[0].receive('greeting', async (message) => message);
    expect(await deliveries[1].deliver(c.id, 'greeting', Uint8Array.of(9))).toEqual(
      Uint8Array.of(9),
    );
    for (const delivery of deliveries) delivery.close();
    await sender.close();
  });

  it('takes a place at another relay when one dies', async () => {
    const d = await hosts.start('d', { relayService: true });
    await c.dial(addressOf(d));
    await until(() => addressThrough(d) !== undefined);
    await b.close();
    await until(() => addressThrough(b) === undefined && !a.isConnected(c.id));
    const connection = await a.dial(addressThrough(d)!);
    expect(connection.isRelayed).toBe(true);
    expect(await a.request(c.id, ECHO, Uint8Array.of(3))).toEqual(Uint8Array.of(3));
    const e = await hosts.start('e', { relayService: true });
    await c.dial(addressOf(e));
    await until(() => addressThrough(e) !== undefined);
  });

  it('finds relays by their addresses, and again when they come back', async () => {
    const first = await hosts.start('relay', { relayService: true });
    const address = addressOf(first);
    const hidden = await hosts.start('hidden', { listen: [], relays: [address] });
    const isReachable = (): boolean => hidden.addresses().some((own) => own.includes(first.id));
    await until(isReachable);
    await first.close();
    await until(() => !isReachable());
    const listen = [address.replace(/\/p2p\/.*/, '')];
    await hosts.start('relay', { relayService: true, listen });
    await until(isReachable);
  });

  it('takes no relayed connections from a node at which it has no place', async () => {
    const [{ createLibp2p }, { tcp }, { tls }, { yamux }] = await Promise.all([
      import('libp2p'),
      import('@libp2p/tcp'),
      import('@libp2p/tls'),
      import('@libp2p/yamux'),
    ]);
    const stranger = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      connectionGater: { denyDialMultiaddr: () => false },
    });
    const stop = '/libp2p/circuit/relay/0.2.0/stop';
    const stream = await stranger.dialProtocol(multiaddr(addressOf(a)), stop);
    await until(() => stream.status === 'reset');
    await stranger.stop();
  });
});
