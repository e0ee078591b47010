import { argmax, gumbelNoise, type Sampling, sampleToken } from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** DESIGN 6 read aloud: sort everything, cut, take the best. Slow, and nothing shared with the code under test. */
function plainSample(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  seed: Uint8Array,
): number {
  const noise = gumbelNoise(seed);
  const temperature = sampling.temperatureMilli / 1000;
  let kept = [...logits].map((logit, token) => ({ token, scaled: logit / temperature }));
  kept.sort((a, b) => b.scaled - a.scaled || a.token - b.token);
  if (sampling.topK > 0) kept = kept.slice(0, sampling.topK);
  if (sampling.topPMilli < 1000) {
    const weights = kept.map(({ scaled }) => Math.exp(scaled - kept[0]!.scaled));
    const total = weights.reduce((a, b) => a + b, 0);
    let before = 0;
    kept = kept.filter((_, i) => {
      const keep = before < sampling.topPMilli / 1000;
      before += weights[i]! / total;
      return keep;
    });
  }
  const scored = kept.map(({ token, scaled }) => ({
    token,
    score: scaled + noise.at(position, token),
  }));
  scored.sort((a, b) => b.score - a.score || a.token - b.token);
  return scored[0]!.token;
}

const logitsRow = fc
  .array(fc.integer({ min: -400, max: 400 }), { minLength: 1, maxLength: 60 })
  .map((eighths) => Float32Array.from(eighths, (value) => value / 8));
/** Any float32 logits, both zeros among them; large enough ones to span many magnitudes. */
const wildRow = fc
  .array(
    fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 }),
      fc.constantFrom(0, -0, 1, -1),
    ),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((values) => Float32Array.from(values));
const sampling = fc.record({
  temperatureMilli: fc.integer({ min: 1, max: 3000 }),
  topK: fc.integer({ min: 0, max: 70 }),
  topPMilli: fc.integer({ min: 1, max: 1000 }),
});
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('sampleToken', () => {
  it('gives what the plain definition gives, ties included', () => {
    fc.assert(
      fc.property(
        fc.oneof(logitsRow, wildRow),
        fc.nat(511),
        sampling,
        seed,
        (logits, position, how, bytes) => {
          expect(sampleToken(logits, position, how, gumbelNoise(bytes))).toBe(
            plainSample(logits, position, how, bytes),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('gives the same on a large vocabulary', () => {
    const long = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.nat())
      .map(([spread, salt]) =>
        Float32Array.from(
          { length: 5000 },
          (_, i) => (((Math.imul(i + salt, 0x9e3779b1) >>> 16) % 2000) - 1000) / (1000 / spread),
        ),
      );
    fc.assert(
      fc.property(long, fc.nat(511), sampling, seed, (logits, position, how, bytes) => {
        expect(sampleToken(logits, position, how, gumbelNoise(bytes))).toBe(
          plainSample(logits, position, how, bytes),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('is argmax with the smaller id among equals at temperature 0', () => {
    const greedy = { temperatureMilli: 0, topK: 3, topPMilli: 500 };
    const logits = Float32Array.of(1, 7, 3, 7);
    expect(sampleToken(logits, 0, greedy, gumbelNoise(new Uint8Array(32)))).toBe(1);
    expect(argmax(logits)).toBe(1);
  });

  it('draws tokens as often as their softmax says (chi-square, fixed seed)', () => {
    const logits = Float32Array.of(2, 1, 0, -1, 0.5);
    const weights = [...logits].map(Math.exp);
    const total = weights.reduce((a, b) => a + b, 0);
    const noise = gumbelNoise(new Uint8Array(32).fill(7));
    const draws = 20_000;
    const counts = new Array<number>(logits.length).fill(0);
    const how = { temperatureMilli: 1000, topK: 0, topPMilli: 1000 };
    for (let position = 0; position < draws; position++) {
      counts[sampleToken(logits, position, how, noise)]! += 1;
    }
    const chiSquare = counts.reduce((sum, count, i) => {
      const expected = (draws * weights[i]!) / total;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    // 4 degrees of freedom: 18.47 is the 99.9 % quantile; the draw is deterministic, so this never flickers
    expect(chiSquare).toBeLessThan(18.47);
  });

  it('changes with the seed and with the position', () => {
    const [a, b] = [gumbelNoise(new Uint8Array(32)), gumbelNoise(new Uint8Array(32).fill(1))];
    expect(a.at(0, 5)).not.toBe(b.at(0, 5));
    expect(a.at(0, 5)).not.toBe(a.at(1, 5));
    expect(a.at(0, 5)).not.toBe(a.at(0, 6));
  });
});
