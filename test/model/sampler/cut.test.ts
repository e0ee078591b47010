import {
  argmax,
  bestOfAll,
  candidatesOf,
  finiteArgmax,
  gumbelNoise,
  type Sampling,
  sampleToken,
} from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Descending } from '#src/model/sampler/Descending.js';
import { cases } from '../../long.js';

const SEED = new Uint8Array(32).fill(3);

/** Any float32 that is finite, few values often, so that ties and both zeros come up. */
const logit = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, min: -12, max: 12 }),
  fc.constantFrom(0, -0, 1.5, -1.5, 3),
);
const row = fc.array(logit, { minLength: 1, maxLength: 80 }).map((all) => Float32Array.from(all));
const sampling: fc.Arbitrary<Sampling> = fc.record({
  temperatureMilli: fc.integer({ min: 1, max: 3000 }),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 90 })),
  topPMilli: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 999 })),
});

/** A row as long as a real vocabulary's: normal logits with a few that stand out. */
function realRow(size: number, salt: number, spread: number): Float32Array {
  let state = salt >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: size }, (_, i) => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return spread * normal + (i % 4999 === 7 ? 8 : 0);
  });
}

/** DESIGN 6 read aloud: temper all, sort all, keep k, keep those before which there is less than p. */
function plainCut(logits: Float32Array, { temperatureMilli, topK, topPMilli }: Sampling) {
  const scaled = [...logits].map((z, token) => ({ token, value: z / (temperatureMilli / 1000) }));
  const first = Math.max(...scaled.map(({ value }) => value));
  // top-p's total is summed as the tokens come: in their order where none was cut off before
  const weigh = (list: typeof scaled): number =>
    list.reduce((sum, { value }) => sum + Math.exp(value - first), 0);
  const order = [...scaled].sort((a, b) => b.value - a.value || a.token - b.token);
  const isCutByK = topK > 0 && topK < order.length;
  const kept = isCutByK ? order.slice(0, topK) : order;
  if (topPMilli === 1000) return isCutByK ? kept : scaled;
  const total = weigh(isCutByK ? kept : scaled);
  let before = 0;
  return kept.filter(({ value }) => {
    const isKept = before < topPMilli / 1000;
    if (isKept) before += Math.exp(value - first) / total;
    return isKept;
  });
}

describe('candidatesOf', () => {
  it('leaves the tokens that the plain definition leaves, in its order', () => {
    fc.assert(
      fc.property(row, sampling, (logits, how) => {
        const expected = plainCut(logits, how);
        const { tokens, scaled } = candidatesOf(logits, how);
        expect([...tokens]).toEqual(expected.map(({ token }) => token));
        expect([...scaled]).toEqual(expected.map(({ value }) => value));
      }),
      { numRuns: cases(4000, 2_000_000) },
    );
  });

  it('does so on a vocabulary of 49,152', () => {
    for (const topK of [0, 1, 40, 20_000]) {
      for (const topPMilli of [1000, 950, 300]) {
        const how = { temperatureMilli: 800, topK, topPMilli };
        const logits = realRow(49_152, topK + topPMilli, 3);
        const expected = plainCut(logits, how).map(({ token }) => token);
        expect(candidatesOf(logits, how).tokens).toEqual(Uint32Array.from(expected));
      }
    }
  });
});

describe('sampleToken', () => {
  it('draws the best of z/T + g of all tokens where nothing is cut', () => {
    const noise = gumbelNoise(SEED);
    const salted = fc.tuple(fc.integer({ min: 1, max: 900 }), fc.nat(), fc.nat({ max: 8 }));
    const temperature = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(salted, temperature, fc.nat(511), ([size, salt, spread], milli, position) => {
        const logits = realRow(size, salt, spread);
        let best = 0;
        let bestScore = Number.NEGATIVE_INFINITY;
        for (let token = 0; token < size; token++) {
          const score = logits[token]! / (milli / 1000) + noise.at(position, token);
          if (score > bestScore) {
            best = token;
            bestScore = score;
          }
        }
        const how = { temperatureMilli: milli, topK: 0, topPMilli: 1000 };
        expect(sampleToken(logits, position, how, noise)).toBe(best);
        expect(bestOfAll(logits, argmax(logits), milli / 1000, position, noise)).toEqual({
          token: best,
          score: bestScore,
        });
      }),
      { numRuns: cases(3000, 1_000_000) },
    );
  });

  it('leaves out tokens that were struck with −∞', () => {
    const noise = gumbelNoise(SEED);
    for (const [topK, topPMilli] of [
      [0, 1000],
      [2, 1000],
      [0, 900],
      [2, 900],
    ] as const) {
      const logits = Float32Array.of(-Infinity, 1, -Infinity, 0.5, -Infinity);
      const how = { temperatureMilli: 1000, topK, topPMilli };
      for (let position = 0; position < 50; position++) {
        expect([1, 3]).toContain(sampleToken(logits, position, how, noise));
      }
    }
  });
});

describe('finiteArgmax', () => {
  it('is argmax of finite rows', () => {
    fc.assert(
      fc.property(row, (logits) => {
        const most = Math.max(...logits);
        expect(finiteArgmax(logits)).toBe(logits.indexOf(most));
        expect(finiteArgmax(logits)).toBe(argmax(logits));
      }),
      { numRuns: cases(3000, 1_000_000) },
    );
  });

  it('is −1 where any logit is NaN or infinite, or there is none', () => {
    fc.assert(
      fc.property(
        row,
        fc.nat(),
        fc.constantFrom(Number.NaN, Infinity, -Infinity),
        (logits, at, bad) => {
          logits[at % logits.length] = bad;
          expect(finiteArgmax(logits)).toBe(-1);
        },
      ),
      { numRuns: cases(2000, 1_000_000) },
    );
    expect(finiteArgmax(new Float32Array(0))).toBe(-1);
  });
});

it('a vocabulary larger than keys have room for is refused', () => {
  const logits = new Float32Array(2 ** 21 + 1);
  expect(() => new Descending().byCount(logits, 3)).toThrow(
    expect.objectContaining({ code: 'VOCABULARY_TOO_LARGE' }),
  );
});
