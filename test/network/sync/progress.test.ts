import { describe, expect, it } from 'vitest';
import { syncText } from '#src/commands/shared/sync-line.js';
import { SyncRate } from '#src/network/sync/SyncRate.js';

describe('the rate of a sync', () => {
  it('is that of the last seconds, and begins anew after a pause or a step back', () => {
    let now = 0;
    const rate = new SyncRate(() => now);
    rate.note(1_000);
    expect(rate.of(1_100)).toBeUndefined();
    for (now = 500; now <= 60_000; now += 500) rate.note(1_000 + now / 10);
    now = 60_000;
    expect(rate.of(7_000)).toBeCloseTo(100, 0);
    rate.note(50);
    expect(rate.of(50)).toBeUndefined();
    now += 2_000;
    rate.note(250);
    expect(rate.of(250)).toBeCloseTo(100, 0);
    now += 600_000;
    rate.note(260);
    expect(rate.of(260)).toBeUndefined();
  });
});

describe('the line about it', () => {
  it('has block, share, rate and time left, as far as they are known', () => {
    const behind = { height: 1_070, headers: 20_000, isSyncing: true };
    expect(syncText(behind)).toBe('block 1070 of 20000 (5 %)');
    expect(syncText({ ...behind, blocksPerSecond: 310, secondsLeft: 62 })).toBe(
      'block 1070 of 20000 (5 %), 310 blocks/s, 1 min 2 s left',
    );
    expect(syncText({ height: 9, headers: 9, isSyncing: true })).toBe('asking others, block 9');
    expect(syncText({ height: 9, headers: 9, isSyncing: false })).toBe('in step with others');
  });
});
