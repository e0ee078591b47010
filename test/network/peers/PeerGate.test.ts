import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PeerConnection } from '#src/network/index.js';
import { BanList } from '#src/network/peers/BanList.js';
import { PeerGate } from '#src/network/peers/PeerGate.js';
import { idOf } from './ids.js';

const root = mkdtempSync(join(tmpdir(), 'bitmodel-gate-'));
let files = 0;

/** A gate, and the connections that it let in so far. */
function open(maxInbound = 10) {
  const path = join(root, `${++files}.json`);
  const bans = new BanList({ path, onWarning: () => undefined });
  const gate = new PeerGate({ bans, maxInbound });
  const connections: PeerConnection[] = [];
  gate.guard({
    id: idOf('own'),
    connections: () => connections,
    disconnect: async (peer) => {
      const at = connections.findIndex((each) => each.peer === peer);
      connections.splice(at, 1);
    },
  });
  /** Whether somebody who comes is let in; then it is. */
  const come = (name: string, address: string): boolean => {
    const peer = idOf(name);
    if (!gate.allowsAddress(address, 'inbound') || !gate.allowsPeer(peer, 'inbound')) return false;
    const openedAt = 1_000 + connections.length;
    connections.push({ peer, address, direction: 'inbound', openedAt, isRelayed: false });
    return true;
  };
  return { gate, bans, connections, come };
}

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a gate', () => {
  it('lets in nobody who is banned, by address or id, and dials none of them', () => {
    const { gate, bans, come } = open();
    bans.add('8.8.8.8', Date.now() + 1e6, 'test');
    bans.add(idOf('bad'), Date.now() + 1e6, 'test');
    expect(come('a', '/ip4/8.8.8.8/tcp/4')).toBe(false);
    expect(come('bad', '/ip4/8.8.4.4/tcp/4')).toBe(false);
    expect(gate.allowsAddress('/ip4/8.8.8.8/tcp/4', 'outbound')).toBe(false);
    expect(gate.allowsPeer(idOf('bad'), 'outbound')).toBe(false);
    expect(come('good', '/ip4/8.8.4.4/tcp/4')).toBe(true);
  });

  it('is closed to everybody while the network is switched off', () => {
    const { gate, come } = open();
    gate.isActive = false;
    expect(come('a', '/ip4/8.8.8.8/tcp/4')).toBe(false);
    expect(gate.allowsPeer(idOf('a'), 'outbound')).toBe(false);
  });

  it('never takes this node for its own peer', () => {
    const { gate } = open();
    expect(gate.allowsPeer(idOf('own'), 'outbound')).toBe(false);
  });

  it('slows down a machine that connects again and again, and no other', () => {
    const { gate } = open();
    let allowed = 0;
    for (let i = 0; i < 5_000; i++) {
      if (gate.allowsAddress(`/ip4/6.6.6.6/tcp/${i}`, 'inbound')) allowed++;
    }
    expect(allowed).toBeLessThan(30);
    expect(gate.allowsAddress('/ip4/8.8.8.8/tcp/1', 'inbound')).toBe(true);
  });

  it('has room for a newcomer however many of one group came first', () => {
    const { connections, come } = open();
    for (let i = 0; i < 200; i++) come(`flood ${i}`, `/ip4/6.6.${i}.1/tcp/4`);
    expect(connections).toHaveLength(10);
    expect(come('honest', '/ip4/8.8.8.8/tcp/4')).toBe(true);
    expect(connections).toHaveLength(10);
    // the flood goes on, and takes the place of its own only
    for (let i = 0; i < 200; i++) come(`more ${i}`, `/ip4/6.6.${i}.2/tcp/4`);
    expect(connections.map(({ peer }) => peer)).toContain(idOf('honest'));
  });

  it('keeps those that came first of a group when it makes room', () => {
    const { connections, come } = open();
    for (let i = 0; i < 10; i++) come(`flood ${i}`, `/ip4/6.6.${i}.1/tcp/4`);
    come('honest', '/ip4/8.8.8.8/tcp/4');
    const left = connections.map(({ peer }) => peer);
    expect(left).toContain(idOf('flood 0'));
    expect(left).not.toContain(idOf('flood 9'));
  });
});
