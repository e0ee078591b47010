import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkHeader,
  type HeaderEntry,
  type HeaderSource,
  medianTimePast,
  requiredBits,
} from '#src/chain/consensus/headers.js';
import { bitsToTarget, targetToBits } from '#src/chain/consensus/target.js';
import { asertTarget, type NetworkName, networkParameters } from '#src/chain/index.js';

/** A chain of headers in memory: one per time, from height 0 on. */
function chainOf(times: readonly number[]): { tip: HeaderEntry; source: HeaderSource } {
  const entries = times.map((time, height): HeaderEntry => {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, height);
    const zeros = new Uint8Array(32);
    const header = { version: 1, previousHash: zeros, merkleRoot: zeros, time, bits: 0, nonce: 0 };
    return { hash, header, height, work: BigInt(height) };
  });
  const source: HeaderSource = {
    parent: (entry) => entries[entry.height - 1],
    ancestor: (_, height) => entries[height]!,
  };
  return { tip: entries.at(-1)!, source };
}

function bitsAfter(network: NetworkName, times: readonly number[], time: number): number {
  const { tip, source } = chainOf(times);
  return requiredBits(tip, time, networkParameters(network), source);
}

const GENESIS_TIME = networkParameters('main').genesis.header.time;
const steady = (count: number, spacing = 120): number[] =>
  Array.from({ length: count }, (_, height) => GENESIS_TIME + height * spacing);
const LIMIT_BITS = networkParameters('main').limitBits;

describe('median time past', () => {
  it.each<[times: number[], median: number]>([
    [[5], 5],
    [[5, 9], 9],
    [[5, 9, 7], 7],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 6],
    // eleven count, however long the chain
    [[99, 99, 99, 99, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 6],
    [[11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6], 6],
  ])('of %j is %i', (times, median) => {
    const { tip, source } = chainOf(times);
    expect(medianTimePast(tip, source)).toBe(median);
  });
});

describe('the time of a header', () => {
  const times = steady(20);
  const { tip, source } = chainOf(times);
  const median = medianTimePast(tip, source);
  const check = (network: NetworkName, time: number, now: number) => () => {
    const parameters = networkParameters(network);
    const bits = requiredBits(tip, time, parameters, source);
    checkHeader({ ...tip.header, time, bits }, tip, parameters, source, now);
  };

  it('is later than the median of the eleven before it', () => {
    expect(check('main', median, median)).toThrow('time-too-old');
    expect(check('main', median + 1, median)).not.toThrow();
  });

  it.each<[network: NetworkName, ahead: number]>([
    ['main', 600],
    ['test', 600],
    ['regtest', 7_200],
  ])('is on %s at most %i seconds ahead of this machine', (network, ahead) => {
    const now = median + 1;
    expect(check(network, now + ahead, now)).not.toThrow();
    expect(check(network, now + ahead + 1, now)).toThrow('time-too-new');
  });
});

describe('the target of the next block', () => {
  it('is the easiest until the anchor, block 1, stands', () => {
    expect(bitsAfter('main', [GENESIS_TIME], GENESIS_TIME + 1)).toBe(LIMIT_BITS);
    expect(bitsAfter('main', [GENESIS_TIME, GENESIS_TIME + 9_999_999], 0)).toBe(LIMIT_BITS);
  });

  it('stays while each block takes its spacing, and follows ASERT from block 1 with its own time', () => {
    expect(bitsAfter('main', steady(500), 0)).toBe(LIMIT_BITS);
    // 180 half-spacings early: 180 * 60 s is half a half-life
    const bits = bitsAfter('main', steady(182, 60), 0);
    const target = asertTarget({
      anchorTarget: bitsToTarget(LIMIT_BITS)!,
      spacing: 120,
      timeDifference: 180 * 60,
      heightDifference: 179,
      limit: bitsToTarget(LIMIT_BITS)!,
      halfLife: 21_600,
    });
    expect(bits).toBe(targetToBits(target));
    expect(bits).toBeLessThan(LIMIT_BITS);
  });

  it('cannot be moved by the times between block 1 and the parent, so that a time-warp gains nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(100_000), { minLength: 30, maxLength: 30 }),
        fc.array(fc.nat(100_000), { minLength: 30, maxLength: 30 }),
        (one, other) => {
          const ends = [GENESIS_TIME, GENESIS_TIME + 120];
          const last = GENESIS_TIME + 1_000;
          const target = (middle: number[]) =>
            bitsAfter('main', [...ends, ...middle.map((late) => GENESIS_TIME + late), last], 0);
          expect(target(one)).toBe(target(other));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('never gets easier for a block whose parent came earlier', () => {
    fc.assert(
      fc.property(fc.nat(500_000), fc.nat(500_000), (a, b) => {
        const target = (late: number) =>
          bitsToTarget(bitsAfter('main', [...steady(40), GENESIS_TIME + 120 + late], 0))!;
        const [early, late] = a < b ? [a, b] : [b, a];
        expect(target(early)).toBeLessThanOrEqual(target(late));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the minimum-difficulty rule', () => {
  const fast = steady(400, 30);
  const parentTime = fast.at(-1)!;

  it('gives a block of the test network the easiest target from 1,201 seconds after its parent on', () => {
    const usual = bitsAfter('test', fast, parentTime + 1_200);
    expect(usual).toBeLessThan(LIMIT_BITS);
    expect(bitsAfter('test', fast, parentTime + 1_201)).toBe(LIMIT_BITS);
  });

  it('leaves the block after it at its own target', () => {
    const bits = bitsAfter('test', [...fast, parentTime + 1_201], parentTime + 1_300);
    expect(bits).toBeLessThan(LIMIT_BITS);
  });

  it('is none of the main network', () => {
    expect(bitsAfter('main', fast, parentTime + 100_000)).toBe(
      bitsAfter('main', fast, parentTime + 1),
    );
  });

  it('is not needed on regtest, whose target never changes', () => {
    expect(bitsAfter('regtest', fast, parentTime)).toBe(0x207f_ffff);
  });
});
