import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  divergenceDetection,
  divergenceOf,
  jobsFor,
  overJobs,
  paperDetection,
  sampledDetection,
  samplesFor,
} from '#src/rastic/index.js';

/** Of all ways to draw k of B positions, the share that meets one of the first c, counted one by one. */
function counted(tokens: number, wrong: number, samples: number): number {
  let [drawn, met] = [0, 0];
  for (let set = 0; set < 1 << tokens; set++) {
    let size = 0;
    for (let bits = set; bits > 0; bits &= bits - 1) size++;
    if (size !== samples) continue;
    drawn++;
    if ((set & ((1 << wrong) - 1)) !== 0) met++;
  }
  return met / drawn;
}

describe('the detection by k of B positions', () => {
  it('is what counting every draw gives', () => {
    for (let tokens = 0; tokens <= 9; tokens++) {
      for (let wrong = 0; wrong <= tokens; wrong++) {
        for (let samples = 0; samples <= tokens; samples++) {
          const exact = counted(tokens, wrong, samples);
          expect(sampledDetection(tokens, wrong, samples)).toBeCloseTo(exact, 12);
        }
      }
    }
  });

  it('is k/B for one wrong token, and certain for the full check', () => {
    expect(sampledDetection(256, 1, 16)).toBeCloseTo(1 / 16, 12);
    expect(sampledDetection(65_536, 1, 1)).toBeCloseTo(1 / 65_536, 15);
    expect(sampledDetection(256, 1, 256)).toBe(1);
    expect(sampledDetection(256, 0, 256)).toBe(0);
  });

  it('rises with the samples and with the wrong tokens, and does not care which is which', () => {
    const numbers = fc.tuple(fc.nat(400), fc.nat(400), fc.nat(400));
    fc.assert(
      fc.property(numbers, ([a, b, c]) => {
        const [wrong, samples, tokens] = [a, b, c].sort((x, y) => x - y) as [
          number,
          number,
          number,
        ];
        const found = sampledDetection(tokens, wrong, samples);
        expect(found).toBeCloseTo(sampledDetection(tokens, samples, wrong), 10);
        expect(found).toBeGreaterThanOrEqual(0);
        expect(found).toBeLessThanOrEqual(1);
        if (samples < tokens) {
          expect(sampledDetection(tokens, wrong, samples + 1)).toBeGreaterThanOrEqual(found);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('says how many samples are needed, and no more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.double({ min: 0.01, max: 0.999, noNaN: true }),
        (tokens, some, wanted) => {
          const wrong = 1 + (some % tokens);
          const samples = samplesFor(tokens, wrong, wanted);
          expect(sampledDetection(tokens, wrong, samples)).toBeGreaterThanOrEqual(wanted);
          if (samples > 0) {
            expect(sampledDetection(tokens, wrong, samples - 1)).toBeLessThan(wanted);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    [10, 11, 1],
    [10, -1, 1],
    [10, 1, 11],
    [10, 1.5, 1],
    [Number.NaN, 1, 1],
  ])('refuses %s tokens, %s wrong ones, %s samples', (tokens, wrong, samples) => {
    expect(() => sampledDetection(tokens, wrong, samples)).toThrow(/can't be/);
  });
});

describe('the paper’s three checks', () => {
  it('find one token between the first and the last with k/(B − 2)', () => {
    expect(paperDetection(256, 1, 16)).toBeCloseTo(16 / 254, 12);
    expect(paperDetection(10, 1, 16)).toBe(1);
  });
});

describe('a cheat over many jobs', () => {
  it('is found at all with 1 − (1 − d)ⁿ', () => {
    expect(overJobs(0.1, 3)).toBeCloseTo(1 - 0.9 ** 3, 12);
    expect(overJobs(1e-9, 1)).toBeCloseTo(1e-9, 18);
    expect(overJobs(1, 1)).toBe(1);
    expect(overJobs(0, 1000)).toBe(0);
  });

  it.each([
    [0.5, 0.99, 7],
    [0.5, 0.75, 2],
    [1, 0.99, 1],
    [0, 0.99, Number.POSITIVE_INFINITY],
  ])('found with %s in each is found with %s within %s', (detection, wanted, jobs) => {
    expect(jobsFor(detection, wanted)).toBe(jobs);
  });

  it('by another model that differs at a share of the positions is found by as many', () => {
    expect(divergenceDetection(0.1, 64)).toBeCloseTo(1 - 0.9 ** 64, 12);
    expect(divergenceOf(divergenceDetection(0.03, 200), 200)).toBeCloseTo(0.03, 10);
    expect(divergenceOf(1, 10)).toBe(1);
  });
});
