import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Stream } from '@libp2p/interface';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalBytes, fromHex } from '#src/base/index.js';
import { createKey, networkParameters } from '#src/chain/index.js';
import { createMessage, encodeAsk, NO_JOB_HEX, POOL_BOUNDS } from '#src/job/index.js';
import { encodeLocator } from '#src/network/index.js';
import { listenAgain, type NodeProcess, Nodes } from '../../e2e/Nodes.js';
import { cases } from '../../long.js';
import { until } from '../../until.js';
import { frame, pause, RawPeer } from './RawPeer.js';

/*
 * Whoever attacks here is a peer of libp2p's own; who is attacked is the binary in a process of its own, with an honest
 * node beside it. Each attack is over when its offender is banned or its time is up. Bounds that hold throughout: the
 * honest node follows the chain, and the attacked process grows by no more than MEMORY.
 */

/** Most by which the attacked process may grow over all attacks together: bytes that stay within libp2p's own buffers. */
const MEMORY = 200 * 1024 * 1024;

const nodes = new Nodes();
let victim: NodeProcess;
let honest: NodeProcess;
let protocols: string[];
let memoryBefore: number;
const offenders: RawPeer[] = [];
const attackers: RawPeer[] = [];

/** Resident bytes of the attacked process, as Linux tells them; 0 where it does not. */
function memory(): number {
  try {
    const status = readFileSync(`/proc/${victim.running.child.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]);
  } catch {
    return 0;
  }
}

async function attacker(): Promise<RawPeer> {
  const peer = await RawPeer.connect(victim.address);
  attackers.push(peer);
  return peer;
}

/** Whether a ban is written down, so that a restart can't lose it. */
function isBanSaved(peer: RawPeer): boolean {
  const path = join(victim.folder, 'regtest', 'network', 'bans.json');
  return existsSync(path) && readFileSync(path, 'utf8').includes(peer.id);
}

/** Attacks until the node hangs up, at most so often. @returns whether it did */
async function untilBanned(
  peer: RawPeer,
  attack: (peer: RawPeer, turn: number) => Promise<void>,
  turns: number,
): Promise<boolean> {
  for (let turn = 0; turn < turns && peer.isConnected; turn++) {
    await attack(peer, turn).catch(() => undefined);
    await pause(20);
  }
  for (let i = 0; i < 50 && peer.isConnected; i++) await pause(100);
  if (peer.isConnected) return false;
  offenders.push(peer);
  return true;
}

/** The honest node takes a block that the attacked one mines from now on. */
async function makesProgress(): Promise<void> {
  const { blocks } = await victim.rpc<{ blocks: number }>('getblockchaininfo');
  await until(async () => {
    const own = await honest.rpc<{ blocks: number }>('getblockchaininfo');
    return own.blocks > blocks;
  });
}

beforeAll(async () => {
  const mining = ['--mine', '--block-time', '0.5'];
  const checking = ['--check-models', 'fixtures/bitmodel-tiny', '--check-threads', '1'];
  victim = await nodes.start('victim', ...mining, ...checking);
  honest = await nodes.start('honest', '--seed-node', victim.address);
  const peer = await attacker();
  protocols = await peer.protocols();
  await makesProgress();
  memoryBefore = memory();
}, 240_000);
afterAll(async () => {
  await Promise.all(attackers.map((peer) => peer.close().catch(() => undefined)));
  nodes.close();
});

describe('a peer is banned that sends', () => {
  /** Protocols on which an attack was suffered. */
  async function suffered(
    attack: (protocol: string) => (peer: RawPeer, turn: number) => Promise<void>,
  ): Promise<string[]> {
    expect(protocols.length).toBeGreaterThan(5);
    const left = [...protocols];
    const unbanned: string[] = [];
    const worker = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const peer = await attacker();
        if (!(await untilBanned(peer, attack(next), 12))) unbanned.push(next);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return unbanned;
  }

  it('garbage, on each of the protocols', async () => {
    const garbage = (protocol: string) => (peer: RawPeer) =>
      peer.send(protocol, frame(randomBytes(77)));
    expect(await suffered(garbage)).toEqual([]);
    await makesProgress();
  });

  it('a frame of 200 MiB, on each of the protocols, before its bytes have come', async () => {
    const oversized = (protocol: string) => (peer: RawPeer) =>
      peer.send(protocol, frame(new Uint8Array(50), 200 * 1024 * 1024));
    expect(await suffered(oversized)).toEqual([]);
    await makesProgress();
  });

  it('streams without end, each with a frame begun and never finished', async () => {
    const peer = await attacker();
    const held: Stream[] = [];
    const slowly = async (own: RawPeer, turn: number): Promise<void> => {
      const stream = await own.open(protocols[turn % protocols.length]!);
      stream.send(frame(new Uint8Array(1), 100));
      held.push(stream);
    };
    expect(await untilBanned(peer, slowly, 2_000)).toBe(true);
    await makesProgress();
  });

  it.concurrent.each(['transactions/1', 'blocks/1', 'jobs/1', 'models/1'])(
    'garbage to everybody, about %s',
    async (topic) => {
      const peer = await attacker();
      await peer.subscribe(topic);
      await pause(1_500);
      const shout = (own: RawPeer): Promise<void> => own.publish(topic, randomBytes(60));
      expect(await untilBanned(peer, shout, 200)).toBe(true);
      await makesProgress();
    },
    60_000,
  );
});

describe('job messages', () => {
  /** Heights of what a node keeps of a verifier's announcements of itself: of the latest alone. */
  const kept = async (node: NodeProcess, author: string): Promise<number[]> => {
    const { messages } = await node.rpc<{
      messages: { author: string; body: { height: number } }[];
    }>('listjobmessages', { after: 0 });
    return messages.filter((one) => one.author === author).map(({ body }) => body.height);
  };

  /** Announcements by a new verifier, the latest last: its author, and the bytes that are gossiped. */
  function announcements(count: number): { author: string; encoded: Uint8Array[] } {
    const key = createKey(networkParameters('regtest')).privateKey;
    const body = { models: [], classes: ['fp32/0/cpu'], fee: '0.00100000' };
    const said = Array.from({ length: count }, (_, height) =>
      createMessage('verifier', NO_JOB_HEX, 0, { ...body, height }, key),
    );
    const bytes = said.map((message) => canonicalBytes(JSON.parse(JSON.stringify(message))));
    return { author: said[0]!.author, encoded: bytes };
  }

  async function gossips(): Promise<RawPeer> {
    const peer = await attacker();
    await peer.subscribe('jobs/1');
    await pause(1_500);
    return peer;
  }

  it('that are replayed and out of order leave what they would leave in order', async () => {
    const [a, b] = [await gossips(), await gossips()];
    const { author, encoded } = announcements(4);
    for (const index of [2, 0, 3, 1]) {
      await a.publish('jobs/1', encoded[index]!);
      await b.publish('jobs/1', encoded[index]!);
    }
    const isKept = async (): Promise<boolean> =>
      [await kept(victim, author), await kept(honest, author)].every(
        (heights) => heights.length === 1 && heights[0] === 3,
      );
    await until(isKept);
    for (let i = 0; i < 20; i++) for (const one of encoded) await b.publish('jobs/1', one);
    await makesProgress();
    expect(await isKept()).toBe(true);
    expect([a.isConnected, b.isConnected]).toEqual([true, true]);
  });

  it('with a word changed under an old signature ban who passes them on', async () => {
    const peer = await gossips();
    const { encoded } = announcements(40);
    const forge = (own: RawPeer, turn: number): Promise<void> => {
      const text = Buffer.from(encoded[turn]!).toString().replace('0.00100000', '0.00000001');
      return own.publish('jobs/1', Buffer.from(text));
    };
    expect(await untilBanned(peer, forge, 40)).toBe(true);
    await makesProgress();
  });

  it('of ever new authors from one peer stay within the bounds of the pool', async () => {
    const peer = await gossips();
    const count = async (): Promise<number> => {
      const page = await victim.rpc<{ messages: unknown[] }>('listjobmessages', { after: 0 });
      return page.messages.length;
    };
    for (let i = 0; i < cases(300, POOL_BOUNDS.verifiers + 200) && peer.isConnected; i++) {
      await peer.publish('jobs/1', announcements(1).encoded[0]!);
    }
    await makesProgress();
    expect(await count()).toBeLessThanOrEqual(POOL_BOUNDS.verifiers);
  });
});

describe('a flood of questions', () => {
  const about = { model: '11'.repeat(32), file: 'x', calibration: '00'.repeat(32) };
  it.each([
    ['for peers', 'peers/1', frame(Uint8Array.of(0))],
    ['about a model', 'check/1', frame(encodeAsk({ kind: 'model', ...about }))],
  ])(
    '%s gets its asker banned',
    async (_, protocol, question) => {
      const peer = await attacker();
      expect(await untilBanned(peer, (own) => own.send(protocol, question), 400)).toBe(true);
      await makesProgress();
    },
    60_000,
  );

  it('for headers, whose answers are never read, holds up nobody else', async () => {
    const peer = await attacker();
    const held: Stream[] = [];
    const question = frame(encodeLocator([fromHex('00'.repeat(32))]));
    const ask = async (): Promise<void> => {
      const stream = await peer.open('headers/1');
      stream.pause();
      stream.send(question);
      held.push(stream);
    };
    for (let i = 0; i < 500 && peer.isConnected; i++) await ask().catch(() => undefined);
    await makesProgress();
    expect(memory() - memoryBefore).toBeLessThan(MEMORY);
  });
});

describe('the node goes on', () => {
  it('while hundreds of strangers hold connections and say nothing', async () => {
    const [, host, port] = /\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(victim.address)!;
    const sockets: Socket[] = [];
    for (let i = 0; i < 600; i++) {
      const socket = connect(Number(port), host);
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    await makesProgress();
    // a newcomer gets in as soon as the silent ones have had their time
    await until(async () => (await attacker()).isConnected);
    for (const socket of sockets) socket.destroy();
  });

  it('within its memory, and in step with the honest node', async () => {
    await makesProgress();
    expect(memory() - memoryBefore).toBeLessThan(MEMORY);
  });

  it('after a restart without those whom it banned', async () => {
    // a ban is written a moment after it was made; who lost its connection otherwise is none of them
    const banned = (): RawPeer[] => offenders.filter(isBanSaved);
    await until(async () => banned().length > 2 * protocols.length);
    // those of every third will do
    const returned = banned().filter((_, i) => i % 3 === 0);
    await victim.stop();
    victim = await nodes.start('victim', ...listenAgain(victim.address), '--mine');
    expect((await attacker()).isConnected).toBe(true);
    const entries = await Promise.all(returned.map((peer) => peer.canReturn()));
    expect(entries).toEqual(returned.map(() => false));
  });
});
