import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host, PeerId, Protocol } from '#src/network/index.js';
import { until } from '../../until.js';
import { FaultProxy, type Faults, NO_FAULTS } from '../faults/FaultProxy.js';
import { addressOf, Hosts } from './hosts.js';

const ECHO: Protocol = { name: 'echo/1', maxFrame: 1 << 20, idleTimeout: 1_500, streamsPerPeer: 8 };
const hosts = new Hosts();
const offences: [PeerId, string][] = [];
let a: Host;
let b: Host;
let proxy: FaultProxy;

async function dial(): Promise<void> {
  await a.dial(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${b.id}`, { timeout: 3_000 });
}

/** Asks until it is told to stop or the connection is gone; every answer must be the right one. */
async function ask(times: number): Promise<number> {
  let answers = 0;
  for (let i = 0; i < times && a.isConnected(b.id); i++) {
    const question = new Uint8Array(20_000).fill(i);
    const answer = await a.request(b.id, ECHO, question).catch((thrown: unknown) => {
      expect(thrown).toMatchObject({ name: 'BitmodelError' });
      return undefined;
    });
    if (answer === undefined) continue;
    expect(Buffer.from(answer).equals(question)).toBe(true);
    answers++;
  }
  return answers;
}

beforeAll(async () => {
  a = await hosts.start('a', { listen: [] });
  b = await hosts.start('b');
  b.answer(ECHO, (frame) => frame);
  for (const host of [a, b]) host.on('offence', (...offence) => offences.push(offence));
  const port = Number(/\/tcp\/(\d+)/.exec(addressOf(b))![1]);
  proxy = await FaultProxy.listen({ host: '127.0.0.1', port }, {}, 7);
});

afterAll(async () => {
  await hosts.close();
  await proxy.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('over a bad link', () => {
  const links: [string, Partial<Faults>][] = [
    ['that turns bits over', { corrupt: 0.05 }],
    ['that loses what it should carry', { swallow: 0.05 }],
    ['that carries things in another order', { reorder: 0.1 }],
    ['that is cut again and again', { cut: 0.05 }],
  ];

  for (const [name, faults] of links) {
    it(`${name}, no wrong answer comes, the connection ends, nobody is blamed, and the next one works`, async () => {
      proxy.faults = { ...NO_FAULTS };
      if (!a.isConnected(b.id)) await dial();
      proxy.faults = { ...NO_FAULTS, ...faults };
      await ask(100);
      await until(() => !a.isConnected(b.id));
      await Promise.allSettled(Array.from({ length: 5 }, dial));
      await a.disconnect(b.id);
      proxy.faults = { ...NO_FAULTS };
      await until(() => !a.isConnected(b.id));
      await dial();
      expect(await ask(5)).toBe(5);
      expect(offences).toEqual([]);
    });
  }

  it('that takes its time everything still arrives', async () => {
    proxy.faults = { ...NO_FAULTS, delay: 20, jitter: 20 };
    expect(await ask(5)).toBe(5);
  });

  it('that goes silent a question is given up, and a dial too', async () => {
    proxy.faults = { ...NO_FAULTS, blackhole: true };
    await expect(a.request(b.id, ECHO, Uint8Array.of(1), { timeout: 300 })).rejects.toMatchObject({
      code: 'STREAM_TIMEOUT',
    });
    await a.disconnect(b.id);
    await expect(dial()).rejects.toMatchObject({ code: 'DIAL_FAILED' });
  });
});
