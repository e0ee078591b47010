import { randomBytes } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import type { Libp2p, MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Host, PeerId, Protocol, WireOffence } from '#src/network/index.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from './hosts.js';

const ECHO: Protocol = { name: 'echo/1', maxFrame: 100_000, idleTimeout: 1_000, streamsPerPeer: 4 };
const WIRE_NAME = '/bitmodel/regtest/echo/1';
const LIMITS = { inbound: 12, pending: 20, handshakeTimeout: 1_500, streamsPerConnection: 64 };
const MEBIBYTE = 1 << 20;

const hosts = new Hosts();
/** Under attack. */
let target: Host;
/** An honest node, which must be served whatever others do. */
let honest: Host;
const offences: [PeerId, WireOffence][] = [];
const attackers: Libp2p[] = [];

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function port(): number {
  return Number(/\/tcp\/(\d+)/.exec(addressOf(target))![1]);
}

function rawSocket(): Socket {
  const socket = createConnection({ host: '127.0.0.1', port: port() });
  socket.on('error', () => {});
  return socket;
}

/** A node of libp2p without any manners; what it sends on its connections, once multiplexed, can be made by hand. */
async function attacker(): Promise<{ node: Libp2p; raw: () => MessageStream }> {
  const [{ createLibp2p }, { tcp }, { tls }, { yamux }, { identify }] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('@libp2p/tls'),
    import('@libp2p/yamux'),
    import('@libp2p/identify'),
  ]);
  let connection: MessageStream | undefined;
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [tls()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    streamMuxers: [
      (): StreamMuxerFactory => {
        const real = yamux({ maxOutboundStreams: 100_000 })();
        return {
          protocol: real.protocol,
          createStreamMuxer: (stream) => {
            connection = stream;
            return real.createStreamMuxer(stream);
          },
        };
      },
    ],
    services: { identify: identify({ protocolPrefix: 'bitmodel/regtest' }) },
  });
  attackers.push(node);
  await node.dial(multiaddr(addressOf(target)));
  await until(() => target.isConnected(node.peerId.toString()));
  return { node, raw: () => connection! };
}

const open = (node: Libp2p): Promise<Stream> =>
  node.dialProtocol(multiaddr(addressOf(target)), WIRE_NAME, { maxOutboundStreams: 100_000 });

/** A header of yamux. */
function header(type: number, flags: number, stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(1, type);
  view.setUint16(2, flags);
  view.setUint32(4, stream);
  view.setUint32(8, length);
  return bytes;
}

async function honestIsServed(): Promise<void> {
  if (!honest.isConnected(target.id)) await honest.dial(addressOf(target));
  expect(await honest.request(target.id, ECHO, Uint8Array.of(7))).toEqual(Uint8Array.of(7));
}

beforeAll(async () => {
  target = await hosts.start('target', { limits: LIMITS });
  honest = await hosts.start('honest');
  target.answer(ECHO, (frame) => frame);
  target.on('offence', (peer, offence) => offences.push([peer, offence]));
  await honest.dial(addressOf(target));
});

beforeEach(() => {
  offences.length = 0;
});

afterAll(async () => {
  await Promise.all(attackers.map((node) => node.stop()));
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('strangers at the door', () => {
  it('who send garbage are cut off', async () => {
    const closed = Array.from({ length: 10 }, () => {
      const socket = rawSocket();
      socket.on('connect', () => socket.write(randomBytes(5_000)));
      return new Promise((resolve) => socket.on('close', resolve));
    });
    await Promise.all(closed);
    await honestIsServed();
  });

  it('who say nothing, or half a handshake, are cut off when its time is over', async () => {
    const multistream = Buffer.from('\x13/multistream/1.0.0\n');
    const begun = [
      [],
      [multistream.subarray(0, 4)],
      [multistream],
      [multistream, Buffer.from('\x0b/tls/1.0.0\n'), Buffer.from([0x16, 3, 1])],
    ];
    const start = Date.now();
    const closed = begun.map((pieces) => {
      const socket = rawSocket();
      for (const piece of pieces) socket.write(piece);
      return new Promise((resolve) => socket.on('close', resolve));
    });
    await Promise.all(closed);
    expect(Date.now() - start).toBeGreaterThanOrEqual(LIMITS.handshakeTimeout - 100);
    await honestIsServed();
  });

  it('who come by the thousand never hold more than the bound, and leave room when they are gone', async () => {
    const heap = process.memoryUsage().heapUsed;
    const sockets = Array.from({ length: 1_000 }, rawSocket);
    let open = 0;
    for (const socket of sockets) {
      socket.on('connect', () => open++);
      socket.on('close', () => open--);
    }
    await pause(200);
    // the kernel opens more of them than the node takes, until it has dropped the rest
    await until(() => open <= LIMITS.inbound + LIMITS.pending);
    expect(await honest.request(target.id, ECHO, Uint8Array.of(1))).toEqual(Uint8Array.of(1));
    await until(() => sockets.every((socket) => socket.destroyed));
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(64 * MEBIBYTE);
    await honestIsServed();
    const newcomer = await hosts.start('newcomer');
    expect((await newcomer.dial(addressOf(target))).peer).toBe(target.id);
    await newcomer.close();
  });

  it('who do finish the handshake are refused beyond the bound', async () => {
    const crowd = await Promise.all(
      Array.from({ length: 16 }, (_, i) => hosts.start(`crowd${i}`, { listen: [] })),
    );
    await Promise.allSettled(crowd.map((host) => host.dial(addressOf(target))));
    await pause(300);
    expect(target.connections().length).toBeLessThanOrEqual(LIMITS.inbound);
    expect(await honest.request(target.id, ECHO, Uint8Array.of(1))).toEqual(Uint8Array.of(1));
    await Promise.all(crowd.map((host) => host.close()));
    await until(() => target.connections().length === 1);
  });

  it('who come too often from one address are refused', async () => {
    const shy = await hosts.start('shy', { limits: { perAddress: 2 } });
    const [one, two, three] = await Promise.all(
      ['p1', 'p2', 'p3'].map((name) => hosts.start(name, { listen: [] })),
    );
    await one!.dial(addressOf(shy));
    await two!.dial(addressOf(shy));
    await until(() => shy.connections().length === 2);
    await expect(three!.dial(addressOf(shy))).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    await one!.disconnect(shy.id);
    await until(() => shy.connections().length === 1);
    expect((await three!.dial(addressOf(shy))).peer).toBe(shy.id);
  });
});

describe('a peer that breaks the rules of the wire', () => {
  it('by announcing a frame that is too long loses the stream and is told on', async () => {
    const { node } = await attacker();
    const stream = await open(node);
    const closed = new Promise((resolve) => stream.addEventListener('close', resolve));
    stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f));
    await closed;
    expect(offences).toEqual([[node.peerId.toString(), 'oversized-frame']]);
    expect(target.isConnected(node.peerId.toString())).toBe(true);
    await node.stop();
  });

  it('by garbage in place of a length is told on', async () => {
    const { node } = await attacker();
    const stream = await open(node);
    stream.send(new Uint8Array(10).fill(0xff));
    await until(() => offences.length > 0);
    expect(offences).toEqual([[node.peerId.toString(), 'garbage']]);
    await node.stop();
  });

  it('by a frame that never ends is cut off in time, also when it comes byte by byte', async () => {
    const { node } = await attacker();
    const dripping = await open(node);
    const stopped = await open(node);
    const closed = [dripping, stopped].map(
      (stream) => new Promise((resolve) => stream.addEventListener('close', resolve)),
    );
    stopped.send(Uint8Array.of(100, 1, 2, 3));
    dripping.send(Uint8Array.of(100));
    const drip = setInterval(
      () => dripping.status === 'open' && dripping.send(Uint8Array.of(1)),
      100,
    );
    await Promise.all(closed);
    clearInterval(drip);
    expect(offences).toEqual([[node.peerId.toString(), 'slow']]);
    await node.stop();
  });

  it('by more streams than its share has them reset and is told on', async () => {
    const { node } = await attacker();
    const streams = await Promise.allSettled(Array.from({ length: 40 }, () => open(node)));
    await until(() => offences.length > 0);
    const kept = streams.filter(
      (stream) => stream.status === 'fulfilled' && stream.value.status === 'open',
    );
    expect(kept.length).toBeLessThanOrEqual(ECHO.streamsPerPeer);
    expect(offences).toContainEqual([node.peerId.toString(), 'stream-flood']);
    await honestIsServed();
    await node.stop();
  });

  it('by half-open streams without end is cut off', async () => {
    const { node, raw } = await attacker();
    const peer = node.peerId.toString();
    const connection = raw();
    for (let id = 1_001; id < 20_001 && target.isConnected(peer); id += 2) {
      if (connection.status === 'open') connection.send(header(1, 1, id, 0));
      if (id % 1_000 === 1) await pause(1);
    }
    await until(() => !target.isConnected(peer));
    expect(offences).toContainEqual([peer, 'stream-flood']);
    await honestIsServed();
  });

  it('by filling streams whose protocol it never says has little memory spent on it', async () => {
    const { node, raw } = await attacker();
    const connection = raw();
    const line = Buffer.from('\x13/multistream/1.0.0\n');
    const before = process.memoryUsage().arrayBuffers;
    for (let id = 1_001; id < 1_201 && connection.status === 'open'; id += 2) {
      connection.send(header(1, 1, id, 0));
      for (const bytes of [line, Buffer.alloc(200_000, 'x'), Buffer.alloc(50_000)]) {
        connection.send(header(0, 0, id, bytes.length));
        connection.send(bytes);
      }
      if (id % 20 === 1) await pause(1);
    }
    await honestIsServed();
    await pause(200);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEBIBYTE);
    await node.stop();
  });

  it('by announcing gigabytes to the multiplexer is cut off before they come', async () => {
    const { node, raw } = await attacker();
    raw().send(header(0, 1, 1_001, 0xffff_ffff));
    await until(() => !target.isConnected(node.peerId.toString()));
    expect(offences).toEqual([[node.peerId.toString(), 'oversized-frame']]);
    await honestIsServed();
  });

  it('by garbage to the multiplexer is cut off', async () => {
    const { node, raw } = await attacker();
    raw().send(new Uint8Array(1_000).fill(0x47));
    await until(() => !target.isConnected(node.peerId.toString()));
    expect(offences).toEqual([[node.peerId.toString(), 'garbage']]);
  });

  it('by pinging without end is cut off', async () => {
    const { node, raw } = await attacker();
    for (let i = 0; i < 200; i++) raw().send(header(2, 1, 0, i));
    await until(() => !target.isConnected(node.peerId.toString()));
    expect(offences).toEqual([[node.peerId.toString(), 'stream-flood']]);
    await honestIsServed();
  });

  it('by gossip that is too long, or is none, is told on or not heard', async () => {
    const { node } = await attacker();
    const gossip = (): Promise<Stream> =>
      node.dialProtocol(multiaddr(addressOf(target)), '/meshsub/1.1.0');
    const garbled = await gossip();
    garbled.send(Uint8Array.of(5, 1, 2, 3, 4, 5));
    await pause(100);
    const endless = await gossip();
    endless.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f));
    await until(() => offences.length > 0);
    expect(offences).toEqual([[node.peerId.toString(), 'oversized-frame']]);
    await honestIsServed();
  });
});
