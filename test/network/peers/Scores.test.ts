import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { BanList, banTarget, MAX_BANS } from '#src/network/peers/BanList.js';
import { OFFENCES } from '#src/network/peers/offences.js';
import { BAN_TIME, Scores } from '#src/network/peers/Scores.js';
import { cases } from '../../long.js';
import { idOf } from './ids.js';

const root = mkdtempSync(join(tmpdir(), 'bitmodel-scores-'));
let folders = 0;
let time = 1_800_000_000_000;
const now = (): number => time;
const BAD = idOf('bad');

interface Opened {
  readonly bans: BanList;
  readonly scores: Scores;
  readonly gone: string[];
  readonly warnings: string[];
  readonly folder: string;
}

function open(folder = join(root, String(++folders)), addresses: readonly string[] = []): Opened {
  const warnings: string[] = [];
  const gone: string[] = [];
  const onWarning = (text: string): void => void warnings.push(text);
  const bans = new BanList({ path: join(folder, 'bans.json'), onWarning, now });
  const scores = new Scores({
    bans,
    path: join(folder, 'scores.json'),
    onWarning,
    addressesOf: () => addresses,
    disconnect: (peer) => void gone.push(peer),
    now,
  });
  return { bans, scores, gone, warnings, folder };
}

function reopen({ bans, scores, folder }: Opened): Opened {
  scores.close();
  bans.close();
  return open(folder);
}

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('offences', () => {
  it('add up, and are forgiven a point a minute', () => {
    const { scores } = open();
    scores.penalise(BAD, 'slow');
    scores.penalise(BAD, 'invalid-gossip');
    expect(scores.scoreOf(BAD)).toBe(30);
    time += 10 * 60_000;
    expect(scores.scoreOf(BAD)).toBe(20);
    time += 3600_000;
    expect(scores.scoreOf(BAD)).toBe(0);
  });

  it('of 100 points end the connection and ban the peer for a day, by id and by address', () => {
    const { scores, bans, gone } = open(undefined, ['/ip4/8.8.8.8/tcp/40000']);
    scores.penalise(BAD, 'garbage');
    expect(gone).toEqual([]);
    time += 59_000;
    scores.penalise(BAD, 'garbage', 'no message');
    expect(gone).toEqual([BAD]);
    expect(bans.hasPeer(BAD)).toBe(true);
    expect(bans.hasHost('8.8.8.8')).toBe(true);
    expect(bans.hasHost('8.8.8.9')).toBe(false);
    expect(bans.list().map(({ reason }) => reason)).toEqual(Array(2).fill('garbage: no message'));
    time += BAN_TIME;
    expect(bans.hasPeer(BAD)).toBe(false);
    expect(bans.hasHost('8.8.8.8')).toBe(false);
  });

  it.each([
    ['an IPv6 address with its /64', '/ip6/2001:db8::5/tcp/1', '2001:db8::ffff', true],
    ['an address of a private network', '/ip4/192.168.1.5/tcp/1', '192.168.1.5', true],
    ['not this machine itself', '/ip4/127.0.0.1/tcp/1', '127.0.0.1', false],
    [
      'not a relay',
      `/ip4/8.8.8.8/tcp/1/p2p/${idOf('relay')}/p2p-circuit/p2p/${BAD}`,
      '8.8.8.8',
      false,
    ],
  ])('ban %s', (_what, address, host, isBanned) => {
    const { scores, bans } = open(undefined, [address]);
    scores.penalise(BAD, 'bad-piece');
    expect(bans.hasPeer(BAD)).toBe(true);
    expect(bans.hasHost(host)).toBe(isBanned);
  });

  it('and bans survive a restart', () => {
    const before = open(undefined, ['/ip4/8.8.8.8/tcp/1']);
    before.scores.penalise(idOf('slow'), 'slow');
    before.scores.penalise(BAD, 'invalid-block');
    const after = reopen(before);
    expect(after.scores.scoreOf(idOf('slow'))).toBe(OFFENCES.slow);
    expect(after.bans.hasPeer(BAD)).toBe(true);
    expect(after.bans.hasHost('8.8.8.8')).toBe(true);
    expect(after.bans.list()).toEqual(before.bans.list());
    expect(after.warnings).toEqual([]);
  });

  it('of ever new peers are held within bounds', () => {
    const { scores, bans } = open();
    scores.penalise('first', 'slow');
    for (let i = 0; i < 12_000; i++) scores.penalise(`peer ${i}`, 'slow');
    expect(scores.scoreOf('first')).toBe(0);
    expect(scores.scoreOf('peer 11999')).toBe(10);
    for (let i = 0; i < 200; i++) scores.penalise(idOf(i), 'invalid-block');
    expect(bans.list()).toHaveLength(200);
  });
});

describe('a ban list', () => {
  it('has ranges, in one form each, and lifts them', () => {
    const { bans } = open();
    bans.add(banTarget('10.0.0.0/8')!, time + 1000, 'manually added');
    bans.add(banTarget('2001:DB8::/32')!, time + 1000, 'manually added');
    expect(bans.hasHost('10.255.1.1')).toBe(true);
    expect(bans.hasHost('2001:db8:9::1')).toBe(true);
    expect(bans.remove('10.0.0.0/8')).toBe(true);
    expect(bans.remove('10.0.0.0/8')).toBe(false);
    expect(bans.hasHost('10.255.1.1')).toBe(false);
    bans.clear();
    expect(bans.list()).toEqual([]);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4/33',
    '1.2.3.4/',
    '::/129',
    'x',
    '1.2.3.4/8/8',
    'fe80::1%eth0',
    '12D3KooW',
  ])('takes %j for no target', (text) => {
    expect(banTarget(text)).toBeUndefined();
  });

  it('takes whatever it calls a target', () => {
    const { bans } = open();
    const texts = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended());
    fc.assert(
      fc.property(texts, fc.option(fc.nat(140)), (text, bits) => {
        const target = banTarget(bits === null ? text : `${text}/${bits}`);
        if (target === undefined) return;
        expect(banTarget(target)).toBe(target);
        bans.add(target, time + 1000, 'test');
        bans.hasHost('8.8.8.8');
        bans.remove(target);
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });

  it('keeps so many and no more', () => {
    const { bans } = open();
    for (let i = 0; i < MAX_BANS + 50; i++) bans.add(`peer ${i}`, time + 1000 + i, 'test');
    expect(bans.list()).toHaveLength(MAX_BANS);
    expect(bans.get('peer 0')).toBeUndefined();
    expect(bans.get(`peer ${MAX_BANS + 49}`)).toBeDefined();
  }, 20_000);

  it('sets a damaged file aside, with a warning', () => {
    const before = open();
    before.bans.add(BAD, time + 1000, 'test');
    before.bans.save();
    writeFileSync(join(before.folder, 'bans.json'), '[{"target":"x"}]');
    const after = open(before.folder);
    expect(after.bans.list()).toEqual([]);
    expect(after.warnings).toHaveLength(1);
    expect(after.warnings[0]).toContain('bans.json.damaged');
  });
});
