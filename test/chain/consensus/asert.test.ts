import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bitsToTarget, targetToBits } from '#src/chain/consensus/target.js';
import { asertTarget, networkParameters } from '#src/chain/index.js';

const LIMIT = bitsToTarget(0x1d00ffff)!;

interface Run {
  readonly name: string;
  readonly about: string;
  readonly anchorHeight: string;
  readonly anchorParentTime: number;
  readonly anchorBits: string;
  /** Height, time, compact target of the next block. */
  readonly vectors: readonly string[];
}

const { runs } = JSON.parse(
  readFileSync(new URL('../../../fixtures/aserti3-2d.json', import.meta.url), 'utf8'),
) as { runs: readonly Run[] };

describe("BCH's vectors of aserti3-2d", () => {
  it.each(runs.map((run) => [run.name, run.about, run] as const))('%s: %s', (_, __, run) => {
    const anchorTarget = bitsToTarget(Number(run.anchorBits))!;
    const computed = run.vectors.map((vector) => {
      const [height, time] = vector.split(' ');
      const target = asertTarget({
        anchorTarget,
        spacing: 600,
        halfLife: 172_800,
        limit: LIMIT,
        timeDifference: Number(time) - run.anchorParentTime,
        // heights run beyond 2^63: only differences are small
        heightDifference: Number(BigInt(height!) - BigInt(run.anchorHeight)),
      });
      return `${height} ${time} 0x${targetToBits(target).toString(16).padStart(8, '0')}`;
    });
    expect(run.vectors.length).toBeGreaterThan(0);
    expect(computed).toEqual(run.vectors);
  });
});

describe('ASERT (aserti3-2d)', () => {
  const base = { spacing: 600, halfLife: 172_800, limit: LIMIT, anchorTarget: LIMIT >> 40n };

  it('keeps the target when every block took its spacing', () => {
    for (const heightDifference of [0, 1, 10, 100_000]) {
      const timeDifference = 600 * (heightDifference + 1);
      const target = asertTarget({ ...base, heightDifference, timeDifference });
      expect(target).toBe(base.anchorTarget);
    }
  });

  it('doubles the target per half-life of being late, and halves it per half-life of being early', () => {
    const heightDifference = 10_000;
    const onTime = 600 * (heightDifference + 1);
    for (const halfLives of [-3, -1, 1, 2, 8]) {
      const timeDifference = onTime + halfLives * base.halfLife;
      const target = asertTarget({ ...base, heightDifference, timeDifference });
      const { anchorTarget } = base;
      const shift = BigInt(Math.abs(halfLives));
      expect(target).toBe(halfLives > 0 ? anchorTarget << shift : anchorTarget >> shift);
    }
  });

  it('follows the exponential between half-lives to within 0.013 %', () => {
    for (let late = 0; late < base.halfLife; late += 9_973) {
      const target = asertTarget({ ...base, heightDifference: 0, timeDifference: 600 + late });
      const exact = Number(base.anchorTarget) * 2 ** (late / base.halfLife);
      expect(Math.abs(Number(target) / exact - 1)).toBeLessThan(1.3e-4);
    }
  });

  it('never leaves the range from 1 to the limit', () => {
    const late = { ...base, heightDifference: 0 };
    expect(asertTarget({ ...late, timeDifference: 2 ** 31 })).toBe(LIMIT);
    expect(asertTarget({ ...base, heightDifference: 10_000_000, timeDifference: 0 })).toBe(1n);
  });
});

describe('compact targets', () => {
  it('round-trip for the limits of the networks', () => {
    for (const name of ['main', 'test', 'regtest'] as const) {
      const { limitBits } = networkParameters(name);
      expect(targetToBits(bitsToTarget(limitBits)!)).toBe(limitBits);
    }
  });

  it("are Bitcoin's for the vectors of its own tests", () => {
    const vectors: [bits: number, target: bigint | undefined][] = [
      [0x01123456, 0x12n],
      [0x02123456, 0x1234n],
      [0x03123456, 0x123456n],
      [0x04123456, 0x12345600n],
      [0x05009234, 0x92340000n],
      [0x20123456, 0x123456n << 232n],
      [0x04923456, undefined],
      [0x00123456, undefined],
      [0x01003456, undefined],
      [0xff123456, undefined],
    ];
    for (const [bits, target] of vectors) expect(bitsToTarget(bits)).toBe(target);
    expect(targetToBits(0x80n)).toBe(0x02008000);
    expect(targetToBits(0x92340000n)).toBe(0x05009234);
  });
});
