import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  decodeDelivery,
  encodeDelivery,
  letterToSign,
  openOutcome,
  sealEnvelope,
} from '#src/network/delivery/envelope.js';
import {
  decodePath,
  decodeQuestion,
  encodePath,
  encodeQuestion,
} from '#src/network/delivery/Routes.js';
import { peerIdBytes, peerIdFromBytes } from '#src/network/host/peerKeys.js';
import { Delivery, type Host, type PeerId, type Protocol } from '#src/network/index.js';
import { cases } from '../../long.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';

const DELIVER: Protocol = {
  name: 'deliver/1',
  maxFrame: 1 << 21,
  idleTimeout: 5_000,
  streamsPerPeer: 16,
};
const ROUTE: Protocol = { ...DELIVER, name: 'route/1', maxFrame: 256 };
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

const hosts = new Hosts();
const penalties: [PeerId, string][] = [];
const addresses = new Map<PeerId, readonly string[]>();
const received: [string, PeerId][] = [];

interface Place {
  readonly host: Host;
  readonly delivery: Delivery;
}

/** A node whose receiver answers with what it got. */
async function place(name: string): Promise<Place> {
  const host = await hosts.start(name);
  const delivery = new Delivery({
    host,
    penalties: { penalise: (peer, offence) => void penalties.push([peer, offence]) },
    addressesOf: (peer) => addresses.get(peer) ?? [],
  });
  delivery.receive('greeting', async (message, from) => {
    received.push([name, from]);
    return bytes(`${name} got ${text(message)}`);
  });
  delivery.receive('broken', () => Promise.reject(new Error('this node is out of order')));
  return { host, delivery };
}

async function join(one: Place, other: Place): Promise<void> {
  await one.host.dial(addressOf(other.host));
  await until(
    () =>
      one.host.protocolsOf(other.host.id).includes('deliver/1') &&
      other.host.protocolsOf(one.host.id).includes('deliver/1'),
  );
}

/** A message written by hand, signed by its sender. */
async function letter(
  from: Host,
  to: Host,
  change: { sentAt?: number; path?: Uint8Array[] } = {},
): Promise<Uint8Array> {
  const sealed = sealEnvelope({
    from: await peerIdBytes(from.id),
    to: await peerIdBytes(to.id),
    id: crypto.getRandomValues(new Uint8Array(16)),
    sentAt: change.sentAt ?? Date.now(),
    subject: 'greeting',
    message: bytes('by hand'),
  });
  return encodeDelivery({
    path: change.path ?? [],
    patience: 20_000,
    sealed,
    signature: await from.sign(letterToSign(sealed)),
  });
}

let line: Place[];

beforeAll(async () => {
  line = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(place));
  for (let i = 1; i < line.length; i++) await join(line[i - 1]!, line[i]!);
});

afterAll(async () => {
  for (const { delivery } of line) delivery.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a private message', () => {
  it('reaches a connected node, and its answer comes back', async () => {
    const [a, b] = line as [Place, Place];
    expect(text(await a.delivery.deliver(b.host.id, 'greeting', bytes('hello')))).toBe(
      'b got hello',
    );
    expect(received.at(-1)).toEqual(['b', a.host.id]);
  });

  it('reaches the own node', async () => {
    const [a] = line as [Place];
    expect(text(await a.delivery.deliver(a.host.id, 'greeting', bytes('me')))).toBe('a got me');
  });

  it('is forwarded over one, two and three nodes, and no further', async () => {
    const [a, , c, d, e, f] = line as [Place, Place, Place, Place, Place, Place];
    for (const [to, name] of [
      [c, 'c'],
      [d, 'd'],
      [e, 'e'],
    ] as const) {
      const answer = await a.delivery.deliver(to.host.id, 'greeting', bytes('far'));
      expect(text(answer)).toBe(`${name} got far`);
      expect(received.at(-1)).toEqual([name, a.host.id]);
      expect(a.host.isConnected(to.host.id)).toBe(false);
    }
    await expect(a.delivery.deliver(f.host.id, 'greeting', bytes('too far'))).rejects.toMatchObject(
      { code: 'DELIVERY_FAILED' },
    );
  });

  it('is as long as a mebibyte, and no longer', async () => {
    const [a, , c] = line as [Place, Place, Place];
    const longest = new Uint8Array(1024 * 1024).fill(65);
    c.delivery.receive('echo', async (message) => message);
    const answer = await a.delivery.deliver(c.host.id, 'echo', longest);
    expect(Buffer.from(answer).equals(longest)).toBe(true);
    await expect(
      a.delivery.deliver(c.host.id, 'echo', new Uint8Array(1024 * 1024 + 1)),
    ).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  it('goes over a new connection where an address is known', async () => {
    const [a] = line as [Place];
    const g = await place('g');
    addresses.set(g.host.id, ['/ip4/127.0.0.1/tcp/1', addressOf(g.host)]);
    expect(text(await a.delivery.deliver(g.host.id, 'greeting', bytes('hi')))).toBe('g got hi');
    expect(a.host.isConnected(g.host.id)).toBe(true);
    await a.host.disconnect(g.host.id);
    await g.host.close();
  });

  it('is refused with the reason of its receiver', async () => {
    const [a, b, c] = line as [Place, Place, Place];
    for (const { host } of [b, c]) {
      await expect(a.delivery.deliver(host.id, 'broken', bytes('x'))).rejects.toMatchObject({
        code: 'DELIVERY_REFUSED',
        message: expect.stringContaining('out of order'),
      });
      await expect(a.delivery.deliver(host.id, 'unknown', bytes('x'))).rejects.toMatchObject({
        code: 'DELIVERY_REFUSED',
      });
    }
  });

  it('is given up in time when nobody answers', async () => {
    const [a, , c] = line as [Place, Place, Place];
    c.delivery.receive('silence', () => new Promise(() => {}));
    const start = Date.now();
    await expect(
      a.delivery.deliver(c.host.id, 'silence', bytes('x'), { timeout: 1_500 }),
    ).rejects.toMatchObject({ code: 'DELIVERY_FAILED' });
    expect(Date.now() - start).toBeLessThan(10_000);
  });

  it('is nothing that anybody was blamed for so far', () => {
    expect(penalties).toEqual([]);
  });
});

describe('nodes on the way', () => {
  it('can not answer in place of the receiver', async () => {
    const [a, b] = line as [Place, Place];
    const liar = await hosts.start('liar');
    const victim = await hosts.start('victim', { listen: [] });
    liar.answer({ ...DELIVER, name: 'route/1' }, async () =>
      encodePath([await peerIdBytes(victim.id)]),
    );
    liar.answer(DELIVER, async () => Uint8Array.of(1, ...new Uint8Array(64), 65));
    await b.host.disconnect(a.host.id);
    await until(() => !a.host.isConnected(b.host.id));
    await a.host.dial(addressOf(liar));
    await until(() => a.host.protocolsOf(liar.id).includes('deliver/1'));
    await expect(
      a.delivery.deliver(victim.id, 'greeting', bytes('x'), { timeout: 3_000 }),
    ).rejects.toMatchObject({ code: 'DELIVERY_FAILED' });
    expect(penalties).toContainEqual([liar.id, 'garbage']);
    await liar.close();
    await join(a, b);
  });

  it('are not believed about a path that leads elsewhere', async () => {
    const [a] = line as [Place];
    const liar = await hosts.start('liar2');
    liar.answer(DELIVER, async () => Uint8Array.of(0));
    liar.answer({ ...DELIVER, name: 'route/1' }, async () =>
      encodePath([await peerIdBytes(liar.id)]),
    );
    await a.host.dial(addressOf(liar));
    await until(() => a.host.protocolsOf(liar.id).includes('route/1'));
    const nobody = await hosts.start('nobody', { listen: [] });
    await expect(
      a.delivery.deliver(nobody.id, 'greeting', bytes('x'), { timeout: 3_000 }),
    ).rejects.toMatchObject({ code: 'DELIVERY_FAILED' });
    expect(penalties).toContainEqual([liar.id, 'garbage']);
    await liar.close();
  });
});

describe('a node that sends deliveries of its own making', () => {
  /** A letter signed by one host, as it goes over the wire. */
  it('has a repeated one taken once, with the same answer', async () => {
    const [, b] = line as [Place, Place];
    const sender = await hosts.start('sender');
    await sender.dial(addressOf(b.host));
    const frame = await letter(sender, b.host);
    const before = received.length;
    const first = await sender.request(b.host.id, DELIVER, frame);
    expect(await sender.request(b.host.id, DELIVER, frame)).toEqual(first);
    expect(received.length).toBe(before + 1);
    const { envelope, sealed } = decodeDelivery(frame);
    expect(await openOutcome(first, envelope.to, sealed)).toMatchObject({ outcome: 'answered' });
  });

  it('has a stale one refused, and is blamed for one that its sender did not sign', async () => {
    const [a, b] = line as [Place, Place];
    const sender = await hosts.start('sender2');
    await sender.dial(addressOf(b.host));
    const stale = await letter(sender, b.host, { sentAt: Date.now() - 3_600_000 });
    const { envelope, sealed } = decodeDelivery(stale);
    const answer = await sender.request(b.host.id, DELIVER, stale);
    expect(await openOutcome(answer, envelope.to, sealed)).toMatchObject({ outcome: 'refused' });
    const forged = await letter(sender, b.host);
    forged.set(await peerIdBytes(a.host.id), 6);
    expect(await sender.request(b.host.id, DELIVER, forged)).toEqual(Uint8Array.of(0));
    expect(penalties).toContainEqual([sender.id, 'garbage']);
  });

  it('is held to its share', async () => {
    const [, b] = line as [Place, Place];
    const sender = await hosts.start('flooder');
    await sender.dial(addressOf(b.host));
    const frame = await letter(sender, b.host);
    const isBlamed = (): boolean =>
      penalties.some(([peer, offence]) => peer === sender.id && offence === 'flood');
    // a busy machine asks slowly, and its share grows meanwhile
    for (let i = 0; i < 500 && !isBlamed(); i++) {
      const all = Array.from({ length: 10 }, () =>
        sender.request(b.host.id, DELIVER, frame).catch(() => {}),
      );
      await Promise.all(all);
    }
    expect(isBlamed()).toBe(true);
  });
});

describe('a node that strangers have carry more than its share', () => {
  it('is blamed by nobody, passes on half of what its neighbour takes, and has room for its own', async () => {
    const carrier = await place('carrier');
    const end = await place('end');
    await join(carrier, end);
    const strangers = await Promise.all([1, 2, 3].map((i) => hosts.start(`asker ${i}`)));
    const nobody = await hosts.start('nobody');
    const to = await peerIdBytes(nobody.id);
    await Promise.all(strangers.map((host) => host.dial(addressOf(carrier.host))));
    await Promise.all(
      strangers.map(async (host) => {
        for (let i = 0; i < 95; i++) {
          const id = crypto.getRandomValues(new Uint8Array(16));
          await host.request(carrier.host.id, ROUTE, encodeQuestion({ id, to, hops: 1 }));
        }
      }),
    );
    const endId = await peerIdBytes(end.host.id);
    const before = received.length;
    let undelivered = 0;
    await Promise.all(
      strangers.map(async (host) => {
        for (let i = 0; i < 120; i++) {
          const frame = await letter(host, end.host, { path: [endId] });
          const answer = await host.request(carrier.host.id, DELIVER, frame);
          if (answer[0] === 0) undelivered++;
        }
      }),
    );
    expect(undelivered).toBeGreaterThan(0);
    expect(received.length - before).toBeGreaterThanOrEqual(50);
    expect(penalties.filter(([peer]) => peer === carrier.host.id)).toEqual([]);
    const answer = await carrier.delivery.deliver(end.host.id, 'greeting', bytes('mine'));
    expect(text(answer)).toBe('end got mine');
  });

  it('is not made to carry what it wrote itself', async () => {
    const [a, b, c] = line as [Place, Place, Place];
    const thief = await hosts.start('thief');
    await thief.dial(addressOf(b.host));
    const path = [await peerIdBytes(c.host.id)];
    const stolen = await letter(b.host, c.host, { path });
    expect(await thief.request(b.host.id, DELIVER, stolen)).toEqual(Uint8Array.of(0));
    const other = await letter(a.host, c.host, { path });
    expect(await thief.request(b.host.id, DELIVER, other)).not.toEqual(Uint8Array.of(0));
  });
});

describe('the encodings', () => {
  const id = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((key) => Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...key));
  const letters = fc
    .record({
      from: id,
      to: id,
      id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      sentAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      subject: fc.string({ maxLength: 16, unit: 'grapheme-ascii' }),
      message: fc.uint8Array({ maxLength: 100 }),
    })
    .chain((envelope) =>
      fc.record({
        sealed: fc.constant(sealEnvelope(envelope)),
        path: fc
          .array(id, { maxLength: 2 })
          .map((path) => (path.length > 0 ? [...path, envelope.to] : [])),
        patience: fc.nat(),
        signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
      }),
    );

  it('come back as they were', () => {
    fc.assert(
      fc.property(letters, (letter) => {
        const encoded = encodeDelivery(letter);
        expect(encodeDelivery(decodeDelivery(encoded))).toEqual(encoded);
      }),
      { numRuns: cases(500, 50_000) },
    );
    fc.assert(
      fc.property(fc.array(id, { maxLength: 3 }), (path) => {
        expect(decodePath(encodePath(path))).toEqual(path);
      }),
      { numRuns: cases(500, 50_000) },
    );
  });

  it('take any bytes, and throw nothing but errors of ours', () => {
    const mutated = fc
      .tuple(letters, fc.nat(), fc.nat({ max: 255 }), fc.nat())
      .map(([letter, at, value, cut]) => {
        const encoded = encodeDelivery(letter);
        encoded[at % encoded.length] = value;
        return cut % 3 === 0 ? encoded.subarray(0, cut % encoded.length) : encoded;
      });
    const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated);
    fc.assert(
      fc.property(any, (input) => {
        for (const decode of [
          (raw: Uint8Array) => encodeDelivery(decodeDelivery(raw)),
          (raw: Uint8Array) => encodePath(decodePath(raw)),
          (raw: Uint8Array) => encodeQuestion(decodeQuestion(raw)),
        ]) {
          try {
            if (!Buffer.from(decode(input)).equals(input)) throw new Error('another encoding');
          } catch (thrown) {
            if (!(thrown instanceof BitmodelError)) throw thrown;
          }
        }
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });

  it('of peer ids are checked', async () => {
    const [a] = line as [Place];
    expect(await peerIdFromBytes(await peerIdBytes(a.host.id))).toBe(a.host.id);
    for (const bad of ['', 'x', '12D3KooW', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'])
      await expect(peerIdBytes(bad)).rejects.toMatchObject({ code: 'BAD_PEER_ID' });
    await expect(peerIdFromBytes(new Uint8Array(38))).rejects.toMatchObject({
      code: 'BAD_PEER_ID',
    });
  });
});
