import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '#src/network/index.js';
import { DialBack } from '#src/network/reach/DialBack.js';
import {
  decodeAnswer,
  encodeAnswer,
  encodeQuestion,
  type Outcome,
  REACH,
} from '#src/network/reach/messages.js';
import { Reachability } from '#src/network/reach/Reachability.js';
import { until } from '../../until.js';
import { addressOf, Hosts } from '../host/hosts.js';

const hosts = new Hosts();
const offences: string[] = [];
const penalties = {
  penalise: (peer: string, offence: string): void => void offences.push(`${offence} ${peer}`),
};
const closing: { close(): void }[] = [];
let honest: Host;
let attacker: Host;
/** A program of somebody else, which counts who dials it. */
let victim: Server;
let victimPort: number;
const dialled: Socket[] = [];

function portOf(host: Host): number {
  return Number(/\/tcp\/(\d+)/.exec(addressOf(host))![1]);
}

async function ask(from: Host, ...ports: number[]): Promise<readonly Outcome[]> {
  const answer = await from.request(honest.id, REACH, encodeQuestion(ports), { timeout: 20_000 });
  return decodeAnswer(answer, ports.length).outcomes;
}

beforeAll(async () => {
  honest = await hosts.start('honest', { relayService: true });
  attacker = await hosts.start('attacker');
  closing.push(new DialBack({ host: honest, penalties }));
  victim = createServer((socket) => {
    // it hangs up on what it doesn't know
    dialled.push(socket.on('error', () => {}).destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => victim.once('listening', resolve));
  victimPort = (victim.address() as { port: number }).port;
  await attacker.dial(addressOf(honest));
  await until(() => honest.isConnected(attacker.id));
});

afterAll(async () => {
  for (const each of closing) each.close();
  victim.close();
  await hosts.close();
  expect(hosts.unhandled).toEqual([]);
});

describe('a node that dials back whoever asks', () => {
  it('says which of the ports the asker is at, and dials each anew', async () => {
    const before = honest.connections().length;
    expect(await ask(attacker, portOf(attacker), portOf(honest))).toEqual(['open', 'closed']);
    await until(() => honest.connections().length === before);
    expect(honest.isConnected(attacker.id)).toBe(true);
  });

  it('dials nobody for a peer that only a relay leads to', async () => {
    const relayed = await hosts.start('relayed', { listen: [], relays: [addressOf(honest)] });
    await until(() => relayed.relays().includes(honest.id));
    const asked = await hosts.start('asked');
    closing.push(new DialBack({ host: asked, penalties }));
    await asked.dial(relayed.addresses()[0]!);
    const overRelay = relayed.request(asked.id, REACH, encodeQuestion([victimPort]));
    await expect(overRelay).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(dialled).toEqual([]);
    await asked.close();
    await relayed.close();
  });

  it('holds garbage against who sends it', async () => {
    const fool = await hosts.start('fool');
    await fool.dial(addressOf(honest));
    for (const bytes of [[], [0], [1, 0, 0], [2, 1, 0, 1, 0], [200, 1], Array(64).fill(9)]) {
      await expect(fool.request(honest.id, REACH, Uint8Array.from(bytes))).rejects.toThrow();
    }
    const own = offences.filter((each) => each === `garbage ${fool.id}`);
    expect(own).toHaveLength(6);
    await fool.close();
  });

  it('dials a stranger only a few times, however often it is asked, and counts far too much as a flood', async () => {
    // one who has asked nothing yet, so that all hundred are counted
    const flooder = await hosts.start('flooder');
    await flooder.dial(addressOf(honest));
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      const [outcome] = await ask(flooder, victimPort);
      expect(outcome).not.toBe('open');
      if (outcome === 'untried') refused++;
    }
    // six at once, then one in half a minute
    expect(dialled.length).toBeLessThanOrEqual(8);
    expect(refused).toBeGreaterThanOrEqual(92);
    const floods = offences.filter((each) => each === `flood ${flooder.id}`);
    // whose link comes and goes asks each time that it is back: sixty at once are nobody's flood
    expect(floods.length).toBeGreaterThan(0);
    expect(floods.length).toBeLessThanOrEqual(40);
    await flooder.close();
  });
});

/** Answers what a liar wants to be believed. */
function lie(host: Host, outcome: Outcome): void {
  host.answer(REACH, () => encodeAnswer({ host: '127.0.0.1', outcomes: [outcome] }));
}

describe('a node whose peers lie', () => {
  it.each([
    ['is reachable', 'open', 'no'],
    ['is not', 'closed', 'yes'],
  ] as const)('believes no minority that says it %s', async (_, told, truth) => {
    const { port } = victim.address() as { port: number };
    const closed = truth === 'no' ? [`/ip4/127.0.0.1/tcp/${port + 1}`] : [];
    const asker = await hosts.start(`asker ${truth}`, { announce: closed, relays: 'later' });
    const reach = new Reachability({
      host: asker,
      penalties,
      announce: closed,
      onWarning: () => {},
    });
    const liar = await hosts.start(`liar ${truth}`);
    lie(liar, told);
    // the liar is asked first and alone, then the others
    await asker.dial(addressOf(liar));
    await until(() => asker.protocolsOf(liar.id).includes(REACH.name));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(reach.reachable).toBe('unknown');
    for (const name of ['x', 'y']) {
      const host = await hosts.start(`${name} ${truth}`);
      closing.push(new DialBack({ host, penalties }));
      await asker.dial(addressOf(host));
    }
    await until(() => reach.reachable !== 'unknown');
    expect(reach.reachable).toBe(truth);
    reach.close();
    await asker.close();
  });

  it('asks one that answers garbage no more, and holds it against it', async () => {
    const asker = await hosts.start('asker of garbage');
    const fool = await hosts.start('garbage');
    fool.answer(REACH, () => Uint8Array.of(255, 1, 2));
    const reach = new Reachability({ host: asker, penalties, announce: [], onWarning: () => {} });
    await asker.dial(addressOf(fool));
    await until(() => offences.includes(`garbage ${fool.id}`));
    expect(reach.reachable).toBe('unknown');
    reach.close();
  });
});
