import { beforeEach, describe, expect, it } from 'vitest';
import { HoldUps } from '#src/network/sync/HoldUps.js';

const TICK = 250;

let holdUps: HoldUps;

beforeEach(() => {
  holdUps = new HoldUps();
});

/** Seconds until a peer is too slow that sends something every so many seconds; at most 1,000. */
function secondsUntilSlow(every: number, blocks: number, bytes: number, holdsUp = true): number {
  for (let milliseconds = TICK; milliseconds <= 1_000_000; milliseconds += TICK) {
    if (milliseconds % (every * 1_000) === 0) {
      for (let count = 0; count < blocks; count++) holdUps.noteBlock(bytes);
    }
    if (holdUps.look(TICK, holdsUp)) return milliseconds / 1_000;
  }
  return Number.POSITIVE_INFINITY;
}

describe('a peer that holds up others', () => {
  it.each([
    ['nothing', 1_000, 0, 0],
    ['a block every second and a half', 1.5, 1, 300],
    ['ten blocks a second', 1, 10, 300],
    ['a kilobyte now and then', 0.25, 1, 1_000],
  ])('is too slow when it sends %s, after five seconds in all', (_, every, blocks, bytes) => {
    expect(secondsUntilSlow(every, blocks, bytes)).toBeCloseTo(5.25, 0);
  });

  it.each([
    ['many small blocks', 0.25, 100, 300],
    ['a megabyte a second', 0.25, 1, 250_000],
  ])('is not too slow when it sends %s', (_, every, blocks, bytes) => {
    expect(secondsUntilSlow(every, blocks, bytes)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is not too slow while nobody waits for it', () => {
    expect(secondsUntilSlow(1_000, 0, 0, false)).toBe(Number.POSITIVE_INFINITY);
  });

  it('does not get away with sending a lot in between', () => {
    // a thousand blocks at once, then nothing for five seconds
    expect(secondsUntilSlow(5, 1_000, 300)).toBeLessThan(7);
  });

  it('rests ever longer, and is soon found out again, until it has sent well for long', () => {
    secondsUntilSlow(1_000, 0, 0);
    expect(holdUps.nextRest()).toBe(2_000);
    expect(holdUps.look(TICK, true)).toBe(true);
    const rests = Array.from({ length: 7 }, () => holdUps.nextRest());
    expect(rests).toEqual([4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]);
    expect(secondsUntilSlow(0.25, 100, 300)).toBe(Number.POSITIVE_INFINITY);
    expect(holdUps.nextRest()).toBe(2_000);
  });
});
