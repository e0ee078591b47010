import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CHANNEL } from '#src/network/host/channel/Channels.js';
import { Doorstep } from '#src/network/host/channel/Doorstep.js';
import { Tickets } from '#src/network/host/channel/Tickets.js';
import { DEFAULT_LIMITS } from '#src/network/host/HostOptions.js';
import type { FrameStream, Host, Protocol } from '#src/network/index.js';
import { until } from '../../until.js';
import { FaultProxy } from '../faults/FaultProxy.js';
import { addressOf, Hosts } from './hosts.js';

const BULK: Protocol = {
  name: 'bulk/1',
  maxFrame: 1 << 20,
  idleTimeout: 5_000,
  streamsPerPeer: 2,
  isBulk: true,
};
const TLS = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  checkServerIdentity: () => undefined,
} as const;
const hosts = new Hosts();
const proxies: FaultProxy[] = [];
let giver: Host;
let port: number;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((done) => setTimeout(done, milliseconds));

/** Sends back what comes. */
async function echo(stream: FrameStream): Promise<void> {
  for (let frame = await stream.receive(); frame; frame = await stream.receive()) {
    await stream.send(frame);
  }
}

async function proxyTo(host: Host): Promise<{ proxy: FaultProxy; address: string }> {
  const target = { host: '127.0.0.1', port: portOf(host) };
  const proxy = await FaultProxy.listen(target);
  proxies.push(proxy);
  const address = addressOf(host).replace(`/tcp/${target.port}/`, `/tcp/${proxy.port}/`);
  return { proxy, address };
}

function portOf(host: Host): number {
  return Number(/\/tcp\/(\d+)\//.exec(addressOf(host))![1]);
}

/** A channel made by hand, for as much or as little as a peer likes to say on it. */
async function channelByHand(from: Host, name = BULK.name): Promise<TLSSocket> {
  const bytes = await from.request(giver.id, CHANNEL, Buffer.from(name));
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ...TLS,
    pskCallback: () => ({
      psk: bytes.subarray(16),
      identity: Buffer.from(bytes.subarray(0, 16)).toString('hex'),
    }),
  });
  socket.on('error', () => {}).resume();
  await new Promise((done) => socket.once('secureConnect', done));
  return socket;
}

/** Connects, and waits until the other end has said what it speaks. */
async function meet(from: Host, address: string): Promise<void> {
  const { peer } = await from.dial(address);
  await until(() => from.protocolsOf(peer).includes('channel/1'));
}

beforeAll(async () => {
  giver = await hosts.start('giver', { limits: { handshakeTimeout: 3_000, pending: 40 } });
  giver.handle(BULK, echo);
  port = portOf(giver);
});

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

afterAll(async () => {
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a stream of a protocol that carries much', () => {
  it('has a connection of its own to whom this host dialled, at the same port, and is counted as traffic', async () => {
    const taker = await hosts.start('taker');
    const { proxy, address } = await proxyTo(giver);
    await meet(taker, address);
    expect(proxy.connections).toBe(1);
    const before = taker.traffic(giver.id);
    const streams = [await taker.open(giver.id, BULK), await taker.open(giver.id, BULK)];
    expect(proxy.connections).toBe(3);
    const sent = Uint8Array.from({ length: 1 << 20 }, (_, i) => i * 31);
    for (const stream of streams) {
      await stream.send(sent);
      expect(Buffer.from((await stream.receive())!).equals(sent)).toBe(true);
    }
    for (const way of ['sent', 'received'] as const) {
      expect(taker.traffic(giver.id)[way] - before[way]).toBeGreaterThan(2 << 20);
    }
    await Promise.all(streams.map((stream) => stream.end()));
    for (const stream of streams) expect(await stream.receive()).toBeUndefined();
    await until(() => proxy.open === 1);
    await taker.close();
  });

  it('shares the connection to one who dialled us', async () => {
    const taker = await hosts.start('dialled');
    taker.handle(BULK, echo);
    const { proxy, address } = await proxyTo(taker);
    await meet(giver, address);
    // the one that was dialled asks back: it can't know that the other end can be dialled where it came from
    await until(() => taker.protocolsOf(giver.id).includes('channel/1'));
    const stream = await taker.open(giver.id, BULK);
    await stream.send(Uint8Array.of(7));
    expect(await stream.receive()).toEqual(Uint8Array.of(7));
    expect(proxy.connections).toBe(1);
    await taker.close();
  });

  it('shares the connection where none of its own can be made', async () => {
    const taker = await hosts.start('blocked');
    const { proxy, address } = await proxyTo(giver);
    await meet(taker, address);
    proxy.refuseNew();
    for (let i = 0; i < 2; i++) {
      const stream = await taker.open(giver.id, BULK);
      await stream.send(Uint8Array.of(i));
      expect(await stream.receive()).toEqual(Uint8Array.of(i));
    }
    expect(proxy.refused).toBe(1);
    await taker.close();
  });

  it('ends with the last connection to its peer, at both ends', async () => {
    const taker = await hosts.start('banned');
    const { proxy, address } = await proxyTo(giver);
    await meet(taker, address);
    const stream = await taker.open(giver.id, BULK);
    await stream.send(Uint8Array.of(1));
    await stream.receive();
    const received = stream.receive().catch(({ code }) => code);
    await giver.disconnect(taker.id);
    expect(['STREAM_ENDED', undefined]).toContain(await received);
    await until(() => proxy.open === 0);
    await taker.close();
  });

  it('goes on at once after many were dropped, and nobody is blamed', async () => {
    const taker = await hosts.start('dropper');
    const offences: string[] = [];
    giver.on('offence', (_peer, offence) => offences.push(offence));
    await meet(taker, addressOf(giver));
    for (let i = 0; i < 30; i++) {
      const stream = await taker.open(giver.id, BULK);
      void stream.send(new Uint8Array(1 << 18)).catch(() => {});
      if (i % 3 === 0) await stream.receive();
      stream.abort();
    }
    const last = await taker.open(giver.id, BULK);
    await last.send(Uint8Array.of(9));
    expect(await last.receive()).toEqual(Uint8Array.of(9));
    expect(offences).toEqual([]);
    giver.removeAllListeners('offence');
    await taker.close();
  });

  it('breaks off in the middle of a frame as an error', async () => {
    const taker = await hosts.start('cut');
    const { proxy, address } = await proxyTo(giver);
    await meet(taker, address);
    const stream = await taker.open(giver.id, BULK);
    await stream.send(new Uint8Array(100));
    await stream.receive();
    proxy.faults = { ...proxy.faults, rate: 100_000 };
    await stream.send(new Uint8Array(1 << 20));
    const received = stream.receive().catch(({ code }) => code);
    await pause(300);
    proxy.cutAll();
    expect(await received).toBe('STREAM_ENDED');
    await taker.close();
  });
});

describe('a peer', () => {
  it('that leaves while channels of it wait for their turn is served as before when it comes back', async () => {
    const taker = await hosts.start('returning');
    const offences: string[] = [];
    giver.on('offence', (_peer, offence) => offences.push(offence));
    await meet(taker, addressOf(giver));
    // two that are served, and two that wait
    for (let i = 0; i < 4; i++) (await channelByHand(taker)).write(Uint8Array.of(1, 7));
    await pause(200);
    await giver.disconnect(taker.id);
    await until(() => !taker.isConnected(giver.id));
    await meet(taker, addressOf(giver));
    for (let i = 0; i < 6; i++) {
      const stream = await taker.open(giver.id, BULK);
      await stream.send(Uint8Array.of(i));
      expect(await stream.receive()).toEqual(Uint8Array.of(i));
      await stream.end();
    }
    expect(offences).toEqual([]);
    giver.removeAllListeners('offence');
    await taker.close();
  });

  it('that asks much and leaves is not answered for ever', async () => {
    let answered = 0;
    const asked: Protocol = { ...BULK, name: 'asked/1' };
    giver.handle(asked, async (stream) => {
      // without waiting for anything but room
      while (await stream.receive()) {
        await stream.send(new Uint8Array(1 << 19));
        answered++;
      }
    });
    const taker = await hosts.start('asking');
    await meet(taker, addressOf(giver));
    for (let i = 0; i < 12; i++) {
      const channel = await channelByHand(taker, asked.name);
      // a hundred and fifty thousand questions of one byte
      channel.write(Buffer.alloc(300_000, 1));
      await pause(2 * i);
      channel.destroy();
      await pause(100);
    }
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(2_000);
    await taker.close();
  });

  it('gets ordinary streams when all channels there may be are taken', async () => {
    const many: Protocol = { ...BULK, name: 'many/1', streamsPerPeer: 200, idleTimeout: 200_000 };
    giver.handle(many, echo);
    const taker = await hosts.start('many');
    const { proxy, address } = await proxyTo(giver);
    await meet(taker, address);
    const streams: FrameStream[] = [];
    for (let i = 0; i < 131; i++) streams.push(await taker.open(giver.id, many));
    expect(proxy.connections).toBe(1 + 128);
    for (const stream of streams.slice(-3)) {
      await stream.send(Uint8Array.of(5));
      expect(await stream.receive()).toEqual(Uint8Array.of(5));
    }
    for (const stream of streams) stream.abort();
    await taker.close();
  });
});

describe('at the port that channels share', () => {
  it('one address has only so many handshakes under way, and others have theirs', async () => {
    const host = await hosts.start('narrow', {
      limits: { perAddress: 8, handshakeTimeout: 200_000 },
    });
    host.handle(BULK, echo);
    const taker = await hosts.start('narrow-taker');
    const { proxy, address } = await proxyTo(host);
    await meet(taker, address);
    let closed = 0;
    const sockets = Array.from({ length: 30 }, () => {
      const socket = connect(portOf(host), '127.0.0.1', () => socket.write(Uint8Array.of(22)));
      return socket
        .resume()
        .on('error', () => {})
        .once('close', () => closed++);
    });
    // at once, and not when their time is over
    await until(() => closed >= 22);
    for (const socket of sockets) socket.destroy();
    await until(async () => {
      const before = proxy.connections;
      const stream = await taker.open(host.id, BULK);
      stream.abort();
      return proxy.connections > before;
    });
    await taker.close();
    await host.close();
  });

  it('a stranger without a ticket is cut off, with one made up too, and learns nothing', async () => {
    for (const identity of ['', 'a'.repeat(32), 'x'.repeat(120)]) {
      const outcome = await new Promise<string>((done) => {
        const socket = connectTls({
          port,
          host: '127.0.0.1',
          ...TLS,
          rejectUnauthorized: false,
          ...(identity && { pskCallback: () => ({ psk: Buffer.alloc(32), identity }) }),
        });
        socket.once('secureConnect', () => done('admitted'));
        socket.once('error', () => done('refused'));
      });
      expect(outcome).toBe('refused');
    }
  });

  it('garbage in the place of a handshake, or half of one, is cut off in time', async () => {
    const gone = (bytes: number[]): Promise<boolean> =>
      new Promise((done) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(Uint8Array.from(bytes)));
        socket
          .resume()
          .on('error', () => {})
          .once('close', () => done(true));
      });
    const all = [[22], [22, 3, 1], [22, 3, 1, 0xff, 0xff], [22, 3, 3, 0, 5, 1, 2, 3, 4, 5]];
    expect(await Promise.all(all.map(gone))).toEqual(all.map(() => true));
  }, 15_000);

  it('those who say nothing are bounded and end soon, and others come in meanwhile', async () => {
    const silent: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 200; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      silent.push(socket.once('close', () => closed++));
    }
    // all beyond the bound at once, and the rest when the time for a handshake is over
    await until(() => closed >= 160);
    const guest = await hosts.start('guest');
    await until(
      async () => (await guest.dial(addressOf(giver)).catch(() => undefined)) !== undefined,
    );
    await until(() => closed === silent.length);
    await guest.close();
  });

  it('a host that closes does not wait for those who say nothing', async () => {
    const host = await hosts.start('closing');
    const socket = connect(portOf(host), '127.0.0.1').on('error', () => {});
    await new Promise((done) => socket.once('connect', done));
    const started = Date.now();
    await host.close();
    expect(Date.now() - started).toBeLessThan(4_000);
    socket.destroy();
  });

  it('nobody stands before a listener of another make', () => {
    const listener = { close: () => Promise.resolve() };
    const transport = { createListener: () => listener };
    const doorstep = new Doorstep(DEFAULT_LIMITS);
    const { close } = listener;
    doorstep.before(transport as never).createListener({} as never);
    expect(listener.close).toBe(close);
    expect(doorstep.waiting).toBe(0);
  });
});

describe('a ticket', () => {
  it('is good once, and for what it was given', () => {
    const tickets = new Tickets();
    const ticket = tickets.give('peer', 'bulk/1')!;
    expect(tickets.take('0'.repeat(32))).toBeUndefined();
    const { peer, protocol, secret } = tickets.take(ticket.name)!;
    expect([peer, protocol]).toEqual(['peer', 'bulk/1']);
    expect(secret).toEqual(ticket.secret);
    expect(tickets.take(ticket.name)).toBeUndefined();
  });

  it('is worth nothing when its peer has left', () => {
    const tickets = new Tickets();
    const [gone, stays] = [tickets.give('a', 'bulk/1')!, tickets.give('b', 'bulk/1')!];
    tickets.revoke('a');
    expect(tickets.take(gone.name)).toBeUndefined();
    expect(tickets.take(stays.name)?.peer).toBe('b');
  });

  it('is given to one peer, and to all, only so often while none is used', () => {
    const tickets = new Tickets();
    const given = Array.from({ length: 20 }, () => tickets.give('greedy', 'bulk/1'));
    expect(given.filter((ticket) => ticket !== undefined)).toHaveLength(8);
    expect(tickets.give('other', 'bulk/1')).toBeDefined();
    for (let i = 0; i < 2_000; i++) tickets.give(`peer${i}`, 'bulk/1');
    expect(tickets.give('late', 'bulk/1')).toBeUndefined();
    tickets.take(given[0]!.name);
    expect(tickets.give('late', 'bulk/1')).toBeDefined();
  });

  it('is good for ten seconds', () => {
    vi.useFakeTimers();
    try {
      const tickets = new Tickets();
      const [early, late] = [tickets.give('a', 'bulk/1')!, tickets.give('a', 'bulk/1')!];
      vi.advanceTimersByTime(9_900);
      expect(tickets.take(early.name)).toBeDefined();
      vi.advanceTimersByTime(200);
      expect(tickets.take(late.name)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });
});
