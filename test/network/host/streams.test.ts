import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BitmodelError, concatBytes } from '#src/base/index.js';
import { FrameReader, framePrefix } from '#src/network/host/FrameReader.js';
import { LengthScanner } from '#src/network/host/LengthScanner.js';
import type { FrameStream, Host, PeerId, Protocol, WireOffence } from '#src/network/index.js';
import { cases } from '../../long.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from './hosts.js';

const PLAIN: Protocol = {
  name: 'plain/1',
  maxFrame: 1 << 20,
  idleTimeout: 1_000,
  streamsPerPeer: 8,
};
const hosts = new Hosts();
let a: Host;
let b: Host;
const offences: [PeerId, WireOffence][] = [];
let names = 0;
/** What the protocols of the cases that run have in common. */
let kind: Partial<Protocol> = {};

/** A protocol of its own for one case, answered at b. */
function protocol(
  handler: (stream: FrameStream) => Promise<void>,
  change: Partial<Protocol> = {},
): Protocol {
  const made = { ...PLAIN, name: `plain/${++names}`, ...kind, ...change };
  b.handle(made, handler);
  return made;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Two hosts that know nothing of each other yet, and the kind of stream between them. */
async function start(change: Partial<Protocol>): Promise<void> {
  kind = change;
  const name = `${++names}`;
  a = await hosts.start(`a${name}`);
  b = await hosts.start(`b${name}`);
  b.on('offence', (peer, offence) => offences.push([peer, offence]));
}

beforeEach(async () => {
  offences.length = 0;
  if (!a.isConnected(b.id)) await a.dial(addressOf(b));
  // by then each has been told what the other speaks
  await until(() => b.isConnected(a.id) && a.protocolsOf(b.id).includes('channel/1'));
});

afterAll(async () => {
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

const KINDS = [
  { what: 'a stream', kind: {} },
  { what: 'a stream with a connection of its own', kind: { isBulk: true } },
] as const;

describe.each(KINDS)('$what', (each) => {
  beforeAll(() => start(each.kind));

  it('carries frames both ways, in order, until both ends have ended', async () => {
    const got: number[] = [];
    const talk = protocol(async (stream) => {
      for (let frame = await stream.receive(); frame; frame = await stream.receive()) {
        got.push(frame.length);
        await stream.send(frame.subarray(1));
      }
    });
    const stream = await a.open(b.id, talk);
    for (const length of [1, 2, 1000, 70_000, 3]) await stream.send(new Uint8Array(length));
    await stream.end();
    const back: number[] = [];
    for (let frame = await stream.receive(); frame; frame = await stream.receive())
      back.push(frame.length);
    expect(got).toEqual([1, 2, 1000, 70_000, 3]);
    expect(back).toEqual([0, 1, 999, 69_999, 2]);
    expect(await stream.receive()).toBeUndefined();
    await expect(stream.send(new Uint8Array(1))).rejects.toMatchObject({ code: 'STREAM_ENDED' });
  });

  it('slows its writer down to the pace of its reader', async () => {
    let sent = 0;
    const pour = protocol(
      async (stream) => {
        for (; sent < 64; sent++) await stream.send(new Uint8Array(1 << 20));
      },
      { idleTimeout: 5_000 },
    );
    const stream = await a.open(b.id, pour);
    await stream.receive();
    await pause(300);
    const ahead = sent;
    expect(ahead).toBeLessThan(12);
    await pause(300);
    expect(sent).toBe(ahead);
    let received = 1;
    while ((await stream.receive()) !== undefined) received++;
    expect(received).toBe(64);
  });

  it('is dropped when its other end is silent for too long', async () => {
    const silent = protocol(() => pause(3_000));
    const stream = await a.open(b.id, silent);
    const start = Date.now();
    await expect(stream.receive()).rejects.toMatchObject({ code: 'STREAM_TIMEOUT' });
    expect(Date.now() - start).toBeGreaterThan(900);
    expect(a.isConnected(b.id)).toBe(true);
  });

  it('is dropped, and counts against the reader, when nothing is taken from it for too long', async () => {
    const stuck = protocol(async (stream) => {
      for (;;) await stream.send(new Uint8Array(1 << 20));
    });
    const stream = await a.open(b.id, stuck);
    await stream.receive();
    await until(() => offences.length > 0);
    expect(offences).toEqual([[a.id, 'slow']]);
  });

  it('waits for its turn where a peer allows only so many at once', async () => {
    let open = 0;
    let most = 0;
    const narrow = protocol(
      async (stream) => {
        most = Math.max(most, ++open);
        await stream.receive();
        await pause(20);
        open--;
        await stream.send(Uint8Array.of(1));
      },
      { streamsPerPeer: 2 },
    );
    await Promise.all(Array.from({ length: 12 }, () => a.request(b.id, narrow, new Uint8Array(1))));
    expect(most).toBe(2);
    const held = [await a.open(b.id, narrow), await a.open(b.id, narrow)];
    await expect(
      a.request(b.id, narrow, new Uint8Array(1), { timeout: 200 }),
    ).rejects.toMatchObject({
      code: 'STREAM_TIMEOUT',
    });
    for (const stream of held) stream.abort();
    expect(await a.request(b.id, narrow, new Uint8Array(1))).toEqual(Uint8Array.of(1));
    expect(offences).toEqual([]);
  });
});

describe('a stream that shares its connection', () => {
  beforeAll(() => start({}));

  it('tells a reset from an orderly end', async () => {
    const reset = protocol(async (stream) => {
      await stream.send(Uint8Array.of(1));
      await stream.receive();
      throw new Error('reset');
    });
    const stream = await a.open(b.id, reset);
    expect(await stream.receive()).toEqual(Uint8Array.of(1));
    await stream.send(Uint8Array.of(2));
    await expect(stream.receive()).rejects.toMatchObject({ code: 'STREAM_ENDED' });
    await expect(stream.receive()).rejects.toMatchObject({ code: 'STREAM_ENDED' });
  });

  it('that failed by a fault of its own end is told there, and one that the peer spoilt is not', async () => {
    const told: string[] = [];
    const onWarning = (message: string): void => void told.push(message);
    b.on('warning', onWarning);
    const spoilt = protocol(async () => {
      throw new BitmodelError('BAD_ENCODING', 'These bytes are nothing.');
    });
    const faulty = protocol(async () => {
      throw new TypeError('a fault');
    });
    for (const each of [spoilt, faulty]) {
      await expect((await a.open(b.id, each)).receive()).rejects.toThrow();
    }
    b.off('warning', onWarning);
    expect(told).toEqual([expect.stringContaining('a fault')]);
  });
});

describe.each(KINDS)('closing in the middle, with $what,', (each) => {
  beforeAll(() => start(each.kind));

  it('of sending and receiving fails what is under way, and nothing else', async () => {
    const pour = protocol(async (stream) => {
      for (;;) await stream.send(new Uint8Array(1 << 18));
    });
    const swallow = protocol(async (stream) => {
      while (await stream.receive());
    });
    const c = await hosts.start('c', { listen: [] });
    await c.dial(addressOf(b));
    const reading = await c.open(b.id, pour);
    const writing = await c.open(b.id, swallow);
    const received = (async () => {
      while (await reading.receive());
    })();
    const sent = (async () => {
      for (;;) await writing.send(new Uint8Array(1 << 18));
    })();
    const asked = c.request(
      b.id,
      protocol(() => pause(5_000)),
      new Uint8Array(1),
    );
    const outcomes = Promise.allSettled([received, sent, asked]);
    await pause(100);
    await Promise.all([c.close(), c.close()]);
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ reason: { name: 'BitmodelError' } });
    await expect(c.open(b.id, pour)).rejects.toMatchObject({ code: expect.any(String) });
    await expect(c.dial(addressOf(b))).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    await c.close();
  });

  it('of a dial fails the dial', async () => {
    const c = await hosts.start('c2');
    const d = await hosts.start('d2');
    const dials = Promise.allSettled([
      c.dial(addressOf(b)),
      c.dial(addressOf(d)),
      c.dial('10.255.255.1:9'),
    ]);
    await Promise.all([c.close(), d.close()]);
    for (const outcome of await dials) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'DIAL_FAILED' });
    }
  });

  it('of a connection by the other end shows as a broken stream, not as an orderly end', async () => {
    const held = protocol(() => pause(1_000), { idleTimeout: 5_000 });
    const stream = await a.open(b.id, held);
    const received = stream.receive().catch((thrown: unknown) => thrown);
    await pause(50);
    await b.disconnect(a.id);
    expect(await received).toMatchObject({ code: 'STREAM_ENDED' });
    await until(() => !a.isConnected(b.id));
  });

  it('of streams by either end at any moment leaves nothing behind', async () => {
    const echo = protocol(async (stream) => {
      for (let frame = await stream.receive(); frame; frame = await stream.receive())
        await stream.send(frame);
    });
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const stream = await a.open(b.id, echo);
        const work = Promise.allSettled([
          stream.send(new Uint8Array(300_000)),
          stream.receive(),
          stream.end(),
        ]);
        await pause(i % 5);
        stream.abort();
        stream.abort();
        await work;
      }),
    );
    expect(await a.request(b.id, echo, Uint8Array.of(1))).toEqual(Uint8Array.of(1));
  });
});

describe('frames', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 });

  it('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 300 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.flatMap((frame) => [framePrefix(frame.length), frame]));
        const reader = new FrameReader(400);
        const scanner = new LengthScanner(400);
        const got: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const length = cuts.next().value!;
          const piece = bytes.subarray(at, at + length);
          at += length;
          reader.push(piece);
          expect(scanner.scan(piece)).toBe(true);
          for (let frame = reader.next(); frame; frame = reader.next()) got.push(frame);
        }
        expect(got).toEqual(sent);
        expect(reader.buffered).toBe(0);
        expect(reader.isMidFrame).toBe(false);
      }),
      { numRuns: cases(1_000, 100_000) },
    );
  });

  it('come back whole from pieces of any size', () => {
    const random = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) ^ (i >> 8));
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.nat({ max: 20_000 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(sizes, sizes, (lengths, cuts) => {
        const sent = lengths.map((length, i) => random.subarray(i, i + length));
        const wire = concatBytes(...sent.flatMap((each) => [framePrefix(each.length), each]));
        const reader = new FrameReader(20_000);
        const got: Uint8Array[] = [];
        for (let at = 0, i = 0; at < wire.length; i++) {
          const piece = wire.subarray(at, at + Math.max(1, cuts[i % cuts.length]!));
          at += piece.length;
          reader.push(piece);
          if (i % 3 === 0) for (let f = reader.next(); f; f = reader.next()) got.push(f);
        }
        for (let f = reader.next(); f; f = reader.next()) got.push(f);
        expect(got.length).toBe(sent.length);
        expect(got.every((frame, i) => Buffer.from(frame).equals(sent[i]!))).toBe(true);
        expect(reader.buffered).toBe(0);
      }),
      { numRuns: cases(100, 10_000) },
    );
  });

  it('cost about as much memory as their bytes, however small the pieces they come in', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const size = 1_000_000;
    const reader = new FrameReader(size);
    reader.push(framePrefix(size));
    const before = used();
    for (let i = 1; i < size; i++) {
      // as from the network: a view into a larger buffer
      reader.push(new Uint8Array(64).subarray(7, 8));
      if (i === 100) expect(reader.next()).toBeUndefined();
    }
    expect(used() - before).toBeLessThan(8 * size);
    reader.push(Uint8Array.of(1));
    expect(reader.next()?.length).toBe(size);
  });

  it('that are too long are refused by their announcement', () => {
    for (const length of [401, 1 << 14, 1 << 20, (1 << 28) - 1]) {
      const reader = new FrameReader(400);
      reader.push(framePrefix(length));
      expect(() => reader.next()).toThrowError(
        expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
      );
      expect(new LengthScanner(400).scan(framePrefix(length))).toBe(false);
    }
    for (const prefix of [
      [0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff],
      [0x81, 0x80, 0x00],
    ]) {
      const reader = new FrameReader(400);
      reader.push(Uint8Array.from(prefix));
      expect(() => reader.next()).toThrowError(expect.objectContaining({ code: 'BAD_FRAME' }));
    }
  });

  it('are found in any bytes without anything but errors of ours', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (pieces) => {
        const reader = new FrameReader(100);
        try {
          for (const piece of pieces) {
            reader.push(piece);
            while (reader.next());
          }
          expect(reader.buffered).toBeLessThanOrEqual(100);
        } catch (thrown) {
          if (!(thrown instanceof BitmodelError)) throw thrown;
        }
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });
});
