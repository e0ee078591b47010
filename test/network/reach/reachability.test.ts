import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host, Protocol } from '#src/network/index.js';
import { DialBack } from '#src/network/reach/DialBack.js';
import { Reachability } from '#src/network/reach/Reachability.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';
import { speaksHop } from './hop.js';

const ECHO: Protocol = {
  name: 'echo/1',
  maxFrame: 1 << 16,
  idleTimeout: 10_000,
  streamsPerPeer: 8,
  overRelay: true,
};
const hosts = new Hosts();
const offences: string[] = [];
const penalties = {
  penalise: (_peer: string, offence: string): void => void offences.push(offence),
};
const closing: { close(): void }[] = [];
/** Whoever can be dialled, dials back and passes on for others. */
const others: Host[] = [];
/** Tells others only an address at which nobody listens. */
let hidden: Host;
let reach: Reachability;
/** Where it says that it is, and where it is. */
let closedPort: number;
let inner: number;
let gateway: Server | undefined;

function portOf(host: Host): number {
  return Number(/\/tcp\/(\d+)/.exec(addressOf(host))![1]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const direct = (): string[] =>
  hidden.addresses().filter((address) => !address.includes('/p2p-circuit'));

beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) {
    const host = await hosts.start(name, { relayService: true });
    host.answer(ECHO, (frame) => frame);
    closing.push(new DialBack({ host, penalties }));
    others.push(host);
  }
  closedPort = await freePort();
  const announce = [`/ip4/127.0.0.1/tcp/${closedPort}`];
  hidden = await hosts.start('hidden', { announce, relayService: true, relays: 'later' });
  hidden.answer(ECHO, (frame) => frame);
  const onWarning = (message: string): void => void offences.push(message);
  const waits = { yes: 1_500, no: 1_500, again: 1_000 };
  inner = portOf(hidden);
  reach = new Reachability({ host: hidden, penalties, announce, onWarning, waits });
  closing.push(reach, { close: () => gateway?.close() });
  for (const other of others) await hidden.dial(addressOf(other));
  gateway = createServer((socket) => {
    const through = connect(inner, '127.0.0.1');
    socket.pipe(through).pipe(socket);
    socket.on('error', () => through.destroy());
    through.on('error', () => socket.destroy());
  });
});

afterAll(async () => {
  for (const each of closing) each.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a node that listens where nobody can dial it', () => {
  it('is told so by its peers, takes places at two relays, and tells no address that nobody reaches', async () => {
    expect(reach.reachable).toBe('unknown');
    await until(() => reach.reachable === 'no' && hidden.relays().length === 2);
    expect(direct()).toEqual([]);
    expect(hidden.addresses().every((address) => address.includes('/p2p-circuit/'))).toBe(true);
  });

  it('is dialled through a relay', async () => {
    const stranger = await hosts.start('stranger');
    const connection = await stranger.dial(addressOf(hidden));
    expect(connection).toMatchObject({ peer: hidden.id, isRelayed: true });
    expect(await stranger.request(hidden.id, ECHO, Uint8Array.of(7))).toEqual(Uint8Array.of(7));
    await stranger.close();
  });

  it('relays for nobody', async () => {
    const [a] = others as [Host];
    await until(async () => !(await speaksHop(hidden, inner)));
    expect(await speaksHop(a, portOf(a))).toBe(true);
  });

  it('gives its places back when others reach it again, and keeps its connections', async () => {
    const before = others.map((other) => hidden.isConnected(other.id));
    gateway!.listen(closedPort, '127.0.0.1');
    await until(() => reach.reachable === 'yes' && hidden.relays().length === 0);
    expect(direct()).toEqual([`/ip4/127.0.0.1/tcp/${closedPort}/p2p/${hidden.id}`]);
    expect(hidden.addresses()).toEqual(direct());
    expect(others.map((other) => hidden.isConnected(other.id))).toEqual(before);
    expect(await speaksHop(hidden, inner)).toBe(true);
  });

  it('takes places again when it is lost again', async () => {
    await new Promise((resolve) => {
      gateway!.close(resolve);
    });
    await until(() => reach.reachable === 'no' && hidden.relays().length === 2);
    expect(offences).toEqual([]);
  });
});
