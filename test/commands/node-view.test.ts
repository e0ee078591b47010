import { describe, expect, it } from 'vitest';
import {
  bansText,
  peersText,
  servicesText,
  span,
  statusText,
} from '#src/commands/shared/node-view.js';

const ID = '12D3KooWGJxS6k9Vt33MU3UDza64Mtnc9VfD6fpXyaR2hMFnF2Ar';
const widest = (text: string): number =>
  Math.max(...text.split('\n').map((line) => [...line].length));

describe('what a node shows of its peers', () => {
  it('fits 80 columns, whatever it is', async () => {
    const peer = {
      id: 999,
      peer: ID,
      addr: `/ip6/2001:db8:1111:2222:3333:4444:5555:6666/tcp/65535/p2p/${ID}/p2p-circuit`,
      inbound: true,
      relayed: true,
      servicesnames: ['headers/1', 'blocks/1', 'mempool/1', 'job-pool/1', 'chunks/1', 'proofs/1'],
      conntime: 0,
      pingtime: 59.999,
      synced_blocks: 999,
      synced_headers: 9_999_999,
      score: 99,
    };
    const text = await peersText([peer, { ...peer, synced_blocks: -1, synced_headers: -1 }], 1e8);
    expect(widest(text)).toBeLessThanOrEqual(80);
    expect(text).toContain('9999999');
    expect(text).toContain(`│ ${ID} `);
    expect(text).toMatch(/relayed by +│.*\n│ \[2001:db8:1111:2222:3333:4444:5555:6666\]:65535 /);
    const bans = [
      {
        address: `${'2001:db8:1111:2222:'.repeat(2)}:/64`,
        time_remaining: 86_399,
        reason: 'x'.repeat(200),
      },
      { address: ID, time_remaining: 5, reason: '\u001b[31mred' },
    ];
    const banned = await bansText(bans);
    expect(widest(banned)).toBeLessThanOrEqual(80);
    expect(banned).not.toContain('\u001b[31m');
  });

  it('names what peers serve, and leaves out how they get on', () => {
    expect(servicesText(['peers/1', 'blocks/1', 'headers/1', 'proofs/1', 'route/1'])).toBe(
      'chain proofs',
    );
    expect(servicesText([])).toBe('');
  });

  it('tells spans of time in two units', () => {
    expect([0, 0.5, 59, 60, 3_601, 90_000, 86_400].map((each) => span(each))).toEqual([
      '0 s',
      '0 s',
      '59 s',
      '1 min',
      '1 h',
      '1 d 1 h',
      '1 d',
    ]);
  });

  it('says how far it is', async () => {
    const peers = {
      id: ID,
      addresses: [],
      reachable: 'no' as const,
      relays: [ID],
      outbound: 1,
      inbound: 0,
      aim: 8,
      known: 1,
      banned: 0,
      received: 12_345,
      sent: 999,
      seeds: [{ address: `/ip4/192.0.2.7/tcp/1/p2p/${ID}`, connected: false }],
      syncing: {
        isSyncing: true,
        height: 7,
        headers: 2_000,
        blocksPerSecond: 310.2,
        secondsLeft: 6,
      },
    };
    const chain = { network: 'test', height: 7, headers: 2_000, tip: 'a'.repeat(64), uptime: 61 };
    const text = await statusText({ ...chain, waiting: 0, waitingBytes: 0, peers });
    expect(widest(text)).toBeLessThanOrEqual(80);
    expect(text).toContain('height 7 of 2000, 310 blocks/s, 6 s left');
    expect(text).toContain('none: others can not dial it');
    expect(text).toContain('(away)');
    expect(text).toContain('12 kB received, 999 bytes sent');
    expect(text.replace(/\s+/g, ' ')).toContain('no, others reach it through');
    const lonely = {
      ...{ ...peers, outbound: 0, syncing: { isSyncing: false, height: 0, headers: 0 } },
      models: { bytesServed: 5, fetching: [] },
      light: { asked: 2, proven: 0, sending: 1 },
    };
    const unmet = await statusText({ ...chain, waiting: 0, waitingBytes: 0, peers: lonely });
    expect(unmet).toContain('knows no other nodes yet');
    expect(unmet).toContain('5 bytes given to others');
    expect(unmet).not.toContain('[]');
    expect(unmet).toContain('asks 2 nodes, 0 transactions proven');
    const alone = { ...chain, waiting: 0, waitingBytes: 0, peers: undefined };
    expect(await statusText(alone)).toContain('runs without a network');
  });
});
