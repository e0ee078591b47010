import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gate, Host, Protocol } from '#src/network/index.js';
import { SignalWatch } from '../../signals.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from './hosts.js';

const ECHO: Protocol = { name: 'echo/1', maxFrame: 100_000, idleTimeout: 2_000, streamsPerPeer: 8 };
const hosts = new Hosts();
let a: Host;
let b: Host;

beforeAll(async () => {
  a = await hosts.start('a');
  b = await hosts.start('b');
  b.answer(ECHO, (frame) => frame);
  await a.dial(addressOf(b));
});

afterAll(async () => {
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('connections', () => {
  it('tells both ends who the other is, and in which direction', async () => {
    await until(() => b.isConnected(a.id));
    expect(a.connections()).toMatchObject([
      { peer: b.id, direction: 'outbound', isRelayed: false, address: addressOf(b) },
    ]);
    expect(b.connections()).toMatchObject([{ peer: a.id, direction: 'inbound' }]);
  });

  it('learns what the other end speaks, without the name of the network', async () => {
    await until(() => a.protocolsOf(b.id).includes('echo/1'));
    expect(a.protocolsOf('12D3KooWUnknown')).toEqual([]);
  });

  it('measures the round trip to a connected peer only', async () => {
    expect(await a.ping(b.id)).toBeLessThan(5_000);
    await expect(a.ping('12D3KooWUnknown')).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });

  it('refuses addresses that are none, and says which can not be reached', async () => {
    for (const bad of [
      '',
      'x',
      '1.2.3.4',
      '1.2.3.4:99999',
      '/ip4/1.2.3.4/tcp',
      'a b:1',
      'x'.repeat(1000),
    ])
      await expect(a.dial(bad)).rejects.toMatchObject({ code: 'BAD_ADDRESS' });
    await expect(a.dial('127.0.0.1:1')).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    await expect(a.dial('[::1]:1')).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    const other = addressOf(b)
      .replace(b.id, a.id)
      .replace(/\/tcp\/\d+/, '/tcp/1');
    await expect(a.dial(other)).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  });

  it('connects to an address without an id, and learns the id', async () => {
    const c = await hosts.start('c', { listen: [] });
    const connection = await c.dial(addressOf(b).replace(/\/p2p\/.*/, ''));
    expect(connection.peer).toBe(b.id);
    expect(c.addresses()).toEqual([]);
    await until(() => b.isConnected(c.id));
    const gone = new Promise((resolve) =>
      b.on('disconnect', (peer) => peer === c.id && resolve(peer)),
    );
    await c.disconnect(b.id);
    expect(c.isConnected(b.id)).toBe(false);
    expect(await gone).toBe(c.id);
  });

  it('lets nobody in whom the gate refuses, by address or by id', async () => {
    const refuse = { address: false, peer: false };
    const gate: Gate = { allowsAddress: () => !refuse.address, allowsPeer: () => !refuse.peer };
    const guarded = await hosts.start('guarded', { gate });
    refuse.peer = true;
    await a.dial(addressOf(guarded), { timeout: 3_000 }).catch(() => {});
    await until(() => !a.isConnected(guarded.id));
    expect(guarded.connections()).toEqual([]);
    await expect(guarded.dial(addressOf(b))).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    refuse.peer = false;
    refuse.address = true;
    await expect(a.dial(addressOf(guarded), { timeout: 3_000 })).rejects.toMatchObject({
      code: 'DIAL_FAILED',
    });
    await expect(guarded.dial(addressOf(b))).rejects.toMatchObject({ code: 'PEER_REFUSED' });
    refuse.address = false;
    expect((await guarded.dial(addressOf(b))).peer).toBe(b.id);
  });

  it('never speaks with a node of another network', async () => {
    const main = await hosts.start('main', { network: 'main' });
    await main.dial(addressOf(b));
    await expect(main.request(b.id, ECHO, Uint8Array.of(1))).rejects.toMatchObject({
      code: 'PROTOCOL_UNSUPPORTED',
    });
    expect(main.protocolsOf(b.id)).toEqual([]);
    await main.close();
  });
});

describe('the node key', () => {
  it('is made once, kept for ever, and read by nobody else', async () => {
    const first = await hosts.start('key', { listen: [] });
    const { id } = first;
    await first.close();
    const second = await hosts.start('key', { listen: [] });
    expect(second.id).toBe(id);
    expect(statSync(join(hosts.folder, 'key.json')).mode & 0o777).toBe(0o600);
  });

  it('is never replaced when it is damaged, nor quoted', async () => {
    await (await hosts.start('damaged', { listen: [] })).close();
    const path = join(hosts.folder, 'damaged.json');
    const whole = readFileSync(path, 'utf8');
    const { seed } = JSON.parse(whole) as { seed: string };
    const turned = seed.replace(/^./, (first) => (first === '0' ? '1' : '0'));
    for (const bytes of ['', '{', '{}', whole.slice(0, -10), whole.replace(seed, turned), 'null']) {
      writeFileSync(path, bytes);
      const failed = await hosts.start('damaged').catch((thrown: Error) => thrown);
      expect(failed).toMatchObject({ code: 'BAD_NODE_KEY' });
      expect(String((failed as Error).message)).not.toContain(seed.slice(2, 20));
      expect(readFileSync(path, 'utf8')).toBe(bytes);
    }
  });
});

describe('requests', () => {
  it('brings the answer to each question', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => a.request(b.id, ECHO, Uint8Array.of(i))),
    );
    expect(answers.map(([i]) => i)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('are counted in bytes, of each peer and of all', async () => {
    const bytes = 50_000;
    const [ofPeer, ofAll, there] = [a.traffic(b.id), a.traffic(), b.traffic(a.id)];
    await a.request(b.id, ECHO, new Uint8Array(bytes));
    const more = (after: typeof ofAll, before: typeof ofAll): number[] => [
      after.sent - before.sent,
      after.received - before.received,
    ];
    const grown = [
      more(a.traffic(b.id), ofPeer),
      more(a.traffic(), ofAll),
      more(b.traffic(a.id), there),
    ];
    for (const each of grown.flat()) {
      expect(each).toBeGreaterThanOrEqual(bytes);
      expect(each).toBeLessThan(1.2 * bytes);
    }
    expect(a.traffic('12D3KooWUnknown')).toEqual({ received: 0, sent: 0 });
  });

  it('carries empty frames, and frames as long as allowed', async () => {
    expect(await a.request(b.id, ECHO, new Uint8Array(0))).toEqual(new Uint8Array(0));
    const longest = new Uint8Array(ECHO.maxFrame).fill(7);
    expect(Buffer.from(await a.request(b.id, ECHO, longest)).equals(longest)).toBe(true);
    await expect(a.request(b.id, ECHO, new Uint8Array(ECHO.maxFrame + 1))).rejects.toMatchObject({
      code: 'STREAM_ENDED',
    });
  });

  it('says when nobody is connected, and when the protocol is unknown', async () => {
    await expect(a.request('12D3KooWUnknown', ECHO, new Uint8Array(1))).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
    });
    const unknown = { ...ECHO, name: 'unknown/1' };
    await expect(a.request(b.id, unknown, new Uint8Array(1))).rejects.toMatchObject({
      code: 'PROTOCOL_UNSUPPORTED',
    });
  });

  it('gives up in time, and when told to', async () => {
    const slow = { ...ECHO, name: 'slow/1' };
    b.answer(slow, async (frame) => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return frame;
    });
    await expect(a.request(b.id, slow, Uint8Array.of(1), { timeout: 100 })).rejects.toMatchObject({
      code: 'STREAM_TIMEOUT',
    });
    const signal = AbortSignal.timeout(100);
    await expect(a.request(b.id, slow, Uint8Array.of(1), { signal })).rejects.toMatchObject({
      code: 'STREAM_TIMEOUT',
    });
    expect(await a.request(b.id, slow, Uint8Array.of(9))).toEqual(Uint8Array.of(9));
  });

  it('leave nothing behind in signals that live longer, also of the caller', async () => {
    const owner = new AbortController();
    const options = { timeout: 10_000, signal: owner.signal };
    const watch = new SignalWatch();
    try {
      for (let i = 0; i < 100; i++) await a.request(b.id, ECHO, Uint8Array.of(i), options);
      for (let i = 0; i < 100; i++) (await a.open(b.id, ECHO)).abort();
      for (let i = 0; i < 100; i++) await a.dial(addressOf(b), options);
    } finally {
      watch.close();
    }
    expect(watch.most()).toBeLessThan(10);
  });

  it('resets the stream of a handler that throws, and nothing else', async () => {
    const throwing = { ...ECHO, name: 'throwing/1' };
    b.answer(throwing, () => {
      throw new Error('a secret of the handler');
    });
    await expect(a.request(b.id, throwing, Uint8Array.of(1))).rejects.toMatchObject({
      code: 'STREAM_ENDED',
    });
    expect(await a.request(b.id, ECHO, Uint8Array.of(1))).toEqual(Uint8Array.of(1));
  });
});
