import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GossipVerdict, Host, PeerId, Topic } from '#src/network/index.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from './hosts.js';

const hosts = new Hosts();
let line: [Host, Host, Host];
const seen: [Host, string, PeerId][] = [];
const offences: [Host, PeerId, string][] = [];
const verdicts = new Map<Host, GossipVerdict | Promise<GossipVerdict>>();

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function topic(host: Host, name = 'news/1'): Topic {
  return {
    name,
    maxBytes: 1_000,
    validate: (data, from) => {
      seen.push([host, new TextDecoder().decode(data), from]);
      return verdicts.get(host) ?? 'accept';
    },
  };
}

/** Who has been shown a message. */
const shown = (text: string): Host[] =>
  seen.filter(([, what]) => what === text).map(([host]) => host);

beforeAll(async () => {
  line = [await hosts.start('a'), await hosts.start('b'), await hosts.start('c')];
  for (const host of line) {
    host.join(topic(host));
    host.on('offence', (peer, offence) => offences.push([host, peer, offence]));
  }
  await line[0].dial(addressOf(line[1]));
  await line[2].dial(addressOf(line[1]));
  // until the meshes stand, which takes as long as it takes, a word may reach nobody
  for (let i = 0; shown(`try ${i - 1}`).length < 2 && i < 100; i++) {
    await line[0].publish('news/1', bytes(`try ${i}`));
    await pause(100);
  }
});

beforeEach(() => {
  seen.length = 0;
  offences.length = 0;
  verdicts.clear();
});

afterAll(async () => {
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a message', () => {
  it('reaches everybody over their neighbours, and is shown to each once', async () => {
    const [a, b, c] = line;
    await a.publish('news/1', bytes('hello'));
    await until(() => shown('hello').length === 2);
    await pause(200);
    expect(shown('hello')).toEqual([b, c]);
    expect(seen.map(([, , from]) => from)).toEqual([a.id, b.id]);
  });

  it('that was said is not said again, by anybody', async () => {
    const [a, , c] = line;
    await a.publish('news/1', bytes('again'));
    await until(() => shown('again').length === 2);
    await a.publish('news/1', bytes('again'));
    await c.publish('news/1', bytes('again'));
    await pause(300);
    expect(shown('again').length).toBe(2);
  });

  it('that is rejected is held against its sender and passed on to nobody', async () => {
    const [a, b] = line;
    verdicts.set(b, 'reject');
    await a.publish('news/1', bytes('bad'));
    await until(() => offences.length > 0);
    await pause(300);
    expect(shown('bad')).toEqual([b]);
    expect(offences).toEqual([[b, a.id, 'invalid-gossip']]);
  });

  it('that is blamed on its sender by whoever looked at it is passed on to nobody, and not counted again', async () => {
    const [a, b] = line;
    verdicts.set(b, 'blamed');
    await a.publish('news/1', bytes('worse'));
    await until(() => shown('worse').length > 0);
    await pause(300);
    expect(shown('worse')).toEqual([b]);
    expect(offences).toEqual([]);
  });

  it('that is ignored is passed on to nobody, without blame', async () => {
    const [a, b] = line;
    verdicts.set(b, 'ignore');
    await a.publish('news/1', bytes('so what'));
    await pause(400);
    expect(shown('so what')).toEqual([b]);
    expect(offences).toEqual([]);
  });

  it('is passed on only when the slow look at it is over', async () => {
    const [a, b] = line;
    let decide: (verdict: GossipVerdict) => void = () => {};
    verdicts.set(b, new Promise((resolve) => (decide = resolve)));
    await a.publish('news/1', bytes('slow'));
    await until(() => shown('slow').length === 1);
    await pause(200);
    expect(shown('slow')).toEqual([b]);
    decide('accept');
    await until(() => shown('slow').length === 2);
  });

  it('on one topic does not hide the same bytes on another', async () => {
    const [a, b, c] = line;
    for (const host of line) host.join(topic(host, 'other/1'));
    await pause(1_500);
    await a.publish('news/1', bytes('both'));
    await a.publish('other/1', bytes('both'));
    await until(() => shown('both').length === 4);
    expect(new Set(shown('both'))).toEqual(new Set([b, c]));
  });

  it('that is too long is refused where it is said, and held against whoever says it all the same', async () => {
    const [a, b] = line;
    await expect(a.publish('news/1', new Uint8Array(1_001))).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    });
    const loud = await hosts.start('loud');
    loud.join({ ...topic(loud), maxBytes: 100_000 });
    await loud.dial(addressOf(b));
    await pause(1_500);
    await loud.publish('news/1', new Uint8Array(2_000).fill(120));
    await until(() => offences.length > 0);
    expect(offences).toEqual([[b, loud.id, 'oversized-frame']]);
    expect(seen).toEqual([]);
    await loud.close();
  });

  it('of another network is not heard', async () => {
    const [, b] = line;
    const main = await hosts.start('main', { network: 'main' });
    main.join(topic(main));
    await main.dial(addressOf(b));
    await pause(1_000);
    await main.publish('news/1', bytes('from main'));
    await b.publish('news/1', bytes('from regtest'));
    await until(() => shown('from regtest').length === 2);
    await pause(200);
    expect(shown('from main')).toEqual([]);
    expect(shown('from regtest')).not.toContain(main);
  });

  it('is one of three hundred at once, and all arrive', async () => {
    const [a, , c] = line;
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => a.publish('news/1', bytes(`many ${i}`))),
    );
    await until(
      () => seen.filter(([host, what]) => host === c && what.startsWith('many')).length === 300,
    );
  });
});
