import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { multiaddr } from '@multiformats/multiaddr';
import { afterAll, describe, expect, it } from 'vitest';
import { type Host, Peers, type PeersOptions, readMultiaddr } from '#src/network/index.js';
import { TABLES } from '#src/network/peers/BookTables.js';
import { encodeRecords } from '#src/network/peers/exchangeCodec.js';
import { PEERS_PROTOCOL } from '#src/network/peers/PeerExchange.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';

const root = mkdtempSync(join(tmpdir(), 'bitmodel-peers-'));
const running = new Set<Peers>();
const warnings: string[] = [];

async function start(name: string, options: Partial<PeersOptions> = {}): Promise<Peers> {
  const peers = await Peers.start({
    folder: join(root, name),
    network: 'regtest',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  running.add(peers);
  return peers;
}

async function stop(peers: Peers): Promise<void> {
  running.delete(peers);
  await peers.close();
}

const address = (peers: Peers): string => peers.host.addresses()[0]!;
const knows = (peers: Peers, others: readonly Peers[]): boolean =>
  others.every(({ host }) => peers.host.isConnected(host.id));

afterAll(async () => {
  await Promise.all([...running].map((peers) => peers.close()));
  rmSync(root, { recursive: true, force: true });
});

describe('peers', () => {
  it('find each other through one seed, and go on without it', async () => {
    const seed = await start('seed');
    const seeds = [address(seed)];
    const others = await Promise.all(['a', 'b', 'c'].map((name) => start(name, { seeds })));
    for (const peers of others) {
      const rest = others.filter((each) => each !== peers);
      await until(() => knows(peers, rest));
    }
    await stop(seed);
    const newcomer = await start('d', { seeds: [address(others[1]!)] });
    await until(() => knows(newcomer, others));
    const again = await start('seed', {
      listen: seeds.map((text) => text.replace(/\/p2p\/.*/, '')),
    });
    await until(() => knows(again, others));
    // each says once that the seed is away, if it noticed at all
    const { host: at, port } = readMultiaddr(seeds[0]!)!;
    const away = `seed ${at}:${port} does not answer; it is tried again and again`;
    expect(warnings.filter((text) => text !== away)).toEqual([]);
    expect(warnings.length).toBeLessThanOrEqual(3);
  });

  it('come back to whom they knew, without any seed', async () => {
    const first = await start('first');
    const second = await start('second', { seeds: [address(first)] });
    await until(() => knows(second, [first]));
    await stop(second);
    const again = await start('second');
    expect(again.book.anchors).toEqual([first.host.id]);
    await until(() => knows(again, [first]));
    // the one that was dialled knows it, too, by the record that came with its question
    await until(() => first.book.get(again.host.id) !== undefined);
    const there = address(again).replace(/\/p2p\/.*/, '');
    await stop(again);
    await until(() => !knows(first, [again]));
    expect(first.book.get(again.host.id)).toMatchObject({ origin: 'inbound', tried: false });
    const known = await start('second', { listen: [there], connect: [] });
    await until(() => knows(first, [known]));
  });

  it('connect to those alone that they are told to, whatever part of them would dial others', async () => {
    const named = await start('named');
    const others = await Promise.all(
      ['x', 'y', 'z'].map((name) => start(name, { seeds: [address(named)] })),
    );
    for (const each of others) await until(() => knows(each, [named]));
    const bare = address(named).replace(/\/p2p\/.*/, '');
    const only = await start('only', { listen: [], connect: [bare] });
    await until(() => knows(only, [named]));
    const stranger = others[0]!;
    const refused = { code: 'PEER_REFUSED' };
    const through = `${address(named)}/p2p-circuit/p2p/${stranger.host.id}`;
    await expect(only.host.dial(address(stranger))).rejects.toMatchObject(refused);
    await expect(only.host.dial(through)).rejects.toMatchObject(refused);
    await expect(only.host.dial(address(named))).resolves.toMatchObject({ peer: named.host.id });
    const lastsUntil = Date.now() + 2_500;
    while (Date.now() < lastsUntil) {
      expect(only.host.addresses()).toEqual([]);
      expect(new Set(only.host.connections().map(({ peer }) => peer))).toEqual(
        new Set([named.host.id]),
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // who is told to by hand, does
    await only.dialler.once(address(stranger));
    expect(knows(only, [stranger])).toBe(true);
  });

  it('stay as they are when the address of a node is dead or its own', async () => {
    const warningsBefore = warnings.length;
    const peers = await start('lonely', { seeds: ['/ip4/127.0.0.1/tcp/1'] });
    peers.dialler.add(address(peers).replace(/\/p2p\/.*/, ''));
    peers.dialler.add('/ip4/127.0.0.1/tcp/2');
    await start('named alone', { listen: [], connect: ['/ip4/127.0.0.1/tcp/3'] });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(peers.host.connections()).toEqual([]);
    expect(peers.book.size).toBe(0);
    expect(warnings.slice(warningsBefore).sort()).toEqual([
      'added node 127.0.0.1:2 does not answer; it is tried again and again',
      'peer 127.0.0.1:3 does not answer; it is tried again and again',
      'seed 127.0.0.1:1 does not answer; it is tried again and again',
    ]);
  });
});

describe('a peer that lies about peers', () => {
  const hosts = new Hosts();
  let names = 0;
  afterAll(() => hosts.close());

  /** Somebody who connects to a node and behaves as the test says. */
  async function meet(victim: Peers): Promise<Host> {
    const host = await hosts.start(`attacker ${++names}`);
    await host.dial(address(victim));
    return host;
  }

  const own = async (host: Host): Promise<Uint8Array> => host.sealRecord(Date.now());
  const ask = (host: Host, victim: Peers, records: readonly Uint8Array[]): Promise<Uint8Array> =>
    host.request(victim.host.id, PEERS_PROTOCOL, encodeRecords(records), { timeout: 5_000 });

  it.each([
    ['bytes that are no question', async () => Uint8Array.of(9, 9, 9)],
    [
      'a question with a hundred records',
      async (host: Host) => {
        const record = await own(host);
        return encodeRecords(Array<Uint8Array>(100).fill(record));
      },
    ],
    [
      'a record with another address in it than was signed',
      async (host: Host) => {
        const forged = Buffer.from(await own(host));
        const at = forged.indexOf(Buffer.from([127, 0, 0, 1]));
        forged[at + 3] = 2;
        return encodeRecords([forged]);
      },
    ],
    [
      "another peer's record as its own",
      async () => encodeRecords([await own(await hosts.start(`other ${++names}`))]),
    ],
  ])('is banned for %s, also after a restart', async (what, frameOf) => {
    const name = `victim of ${what}`;
    const victim = await start(name);
    const attacker = await meet(victim);
    const frame = await frameOf(attacker);
    for (let i = 0; i < 2; i++) {
      await attacker
        .request(victim.host.id, PEERS_PROTOCOL, frame, { timeout: 2_000 })
        .catch(() => undefined);
    }
    await until(() => !victim.host.isConnected(attacker.id));
    expect(victim.bans.hasPeer(attacker.id)).toBe(true);
    expect(victim.book.size).toBe(0);
    await stop(victim);
    const again = await start(name);
    await attacker.dial(address(again)).catch(() => undefined);
    await until(() => !again.host.isConnected(attacker.id));
    await expect(again.host.dial(addressOf(attacker))).rejects.toThrow();
  });

  it('whose link comes and goes, or who starts often, may ask each time, and is not always answered', async () => {
    const victim = await start('asked often');
    const attacker = await meet(victim);
    for (let i = 0; i < 30; i++) await ask(attacker, victim, []);
    expect(victim.scores.scoreOf(attacker.id)).toBe(0);
    expect(victim.bans.hasPeer(attacker.id)).toBe(false);
  });

  it('is asked only so often, however often its link comes back', async () => {
    const asked = await hosts.start('asked');
    let questions = 0;
    asked.answer(PEERS_PROTOCOL, () => {
      questions++;
      return encodeRecords([]);
    });
    const peers = await start('asks after each link', { listen: [] });
    for (let i = 0; i < 6; i++) {
      await peers.host.dial(addressOf(asked));
      await until(() => peers.host.protocolsOf(asked.id).includes(PEERS_PROTOCOL.name));
      // it comes a moment after the connection; of a fourth there is nothing to wait for
      await until(() => questions >= Math.min(i + 1, 3));
      if (i >= 3) await new Promise((done) => setTimeout(done, 200));
      await peers.host.disconnect(asked.id);
    }
    expect(questions).toBe(3);
  });

  it('is banned for asking without end', async () => {
    const victim = await start('asked without end');
    const attacker = await meet(victim);
    for (let i = 0; i < 150 && !victim.bans.hasPeer(attacker.id); i++) {
      await ask(attacker, victim, []).catch(() => undefined);
    }
    expect(victim.bans.hasPeer(attacker.id)).toBe(true);
  });

  it.each([
    ['more records than agreed', (record: Uint8Array) => Array<Uint8Array>(101).fill(record)],
    [
      'forged records',
      (record: Uint8Array) => [Uint8Array.from(record, (byte, i) => (i === 60 ? byte ^ 1 : byte))],
    ],
  ])('is held to account for answers with %s', async (what, recordsOf) => {
    const liar = await hosts.start(`liar with ${what}`);
    const record = await own(liar);
    liar.answer(PEERS_PROTOCOL, () => encodeRecords(recordsOf(record)));
    const victim = await start(`asks a liar with ${what}`, { seeds: [addressOf(liar)] });
    await until(() => victim.scores.scoreOf(liar.id) >= 49);
    expect(victim.book.entries().map(({ peer }) => peer)).toEqual([liar.id]);
  });

  it('fills no more than a share with records that are signed, and keeps no honest peer away', async () => {
    const liar = await hosts.start('liar with many ids');
    const keys = await Promise.all(Array.from({ length: 100 }, () => generateKeyPair('Ed25519')));
    const records = await Promise.all(
      keys.map(async (key, i) => {
        const record = new PeerRecord({
          peerId: peerIdFromPrivateKey(key),
          multiaddrs: [multiaddr(`/ip4/8.8.8.${i}/tcp/9732`), multiaddr('/ip4/127.0.0.1/tcp/9')],
          seqNumber: BigInt(Date.now()),
        });
        return (await RecordEnvelope.seal(record, key)).marshal();
      }),
    );
    liar.answer(PEERS_PROTOCOL, () => encodeRecords(records));
    const honest = await start('honest');
    const victim = await start('flooded', { seeds: [addressOf(liar), address(honest)] });
    await until(() => victim.book.size > 2);
    await until(() => victim.host.isConnected(honest.host.id));
    expect(victim.book.size).toBeLessThanOrEqual(2 + TABLES.fresh.share * TABLES.fresh.size);
    expect(victim.book.get(honest.host.id)).toMatchObject({ tried: true });
  });

  it('comes in thousands from one machine and leaves a node its peers', async () => {
    const honest = await start('friend');
    const victim = await start('crowded', { seeds: [address(honest)], maxPeers: 20 });
    await until(() => knows(victim, [honest]));
    const { port } = readMultiaddr(address(victim))!;
    const sockets = Array.from({ length: 2_000 }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    const attackers = await Promise.all(
      Array.from({ length: 24 }, (_, i) => hosts.start(`crowd ${i}`)),
    );
    await Promise.all(attackers.map((host) => host.dial(address(victim)).catch(() => undefined)));
    const inbound = victim.host.connections().filter(({ direction }) => direction === 'inbound');
    expect(inbound.length).toBeLessThanOrEqual(20);
    expect(victim.host.isConnected(honest.host.id)).toBe(true);
    expect(await victim.host.ping(honest.host.id)).toBeGreaterThanOrEqual(0);
    for (const socket of sockets) socket.destroy();
  });
});
