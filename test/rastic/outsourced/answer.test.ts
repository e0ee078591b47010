import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  answersFor,
  type CheckAnswer,
  commitAnswer,
  decodeAnswer,
  encodeAnswer,
  MOST_STEPS,
  opensTo,
  quantise,
  stepOf,
} from '#src/rastic/index.js';
import { cases } from '../../long.js';

const u16 = fc.integer({ min: 0, max: 0xffff });
const fine = fc.record({
  standing: fc.constant('fine' as const),
  margin: fc.integer({ min: 0, max: 1 }),
  gap: u16,
});
const bad = fc.oneof(
  fc.record({
    standing: fc.constant('beyond' as const),
    margin: fc.integer({ min: 1, max: 0xffff }),
    gap: u16,
  }),
  fc.record({
    standing: fc.constant('excluded' as const),
    margin: fc.constant(0),
    gap: u16,
  }),
);
const end = fc.oneof(
  fc.constant({ finish: 'open' as const }),
  fc.record({
    finish: fc.constantFrom('eos' as const, 'stop' as const, 'length' as const),
    at: fc.nat(0xffff_ffff),
  }),
);
const answers: fc.Arbitrary<CheckAnswer> = fc.oneof(
  fc.record({ positions: fc.array(fine, { maxLength: 40 }), end }),
  fc
    .tuple(fc.array(fine, { maxLength: 40 }), bad)
    .map(([before, last]) => ({ positions: [...before, last] })),
);

describe("a neighbour's answer", () => {
  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
      }),
    );
  });

  it('is read from any bytes as what makes exactly these bytes, or refused', () => {
    const mutated = fc
      .tuple(answers, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
      .map(([answer, changes]) => {
        const bytes = encodeAnswer(answer);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          expect(encodeAnswer(decodeAnswer(bytes))).toEqual(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 5_000_000) },
    );
  });

  it('answers for every position asked, or up to one that is not fine', () => {
    const good = { standing: 'fine', margin: 0, gap: 5 } as const;
    const wrong = { standing: 'excluded', margin: 0, gap: 5 } as const;
    expect(answersFor({ positions: [good, good], end: { finish: 'open' } }, 2)).toBe(true);
    expect(answersFor({ positions: [good, wrong] }, 4)).toBe(true);
    expect(answersFor({ positions: [good], end: { finish: 'open' } }, 2)).toBe(false);
    expect(answersFor({ positions: [], end: { finish: 'open' } }, 2)).toBe(false);
    expect(answersFor({ positions: [good, good, wrong] }, 2)).toBe(false);
  });
});

describe('quantised values', () => {
  it('of honest machines lie within one step: logits within τ of each other, maxima within 2τ', () => {
    const value = fc.double({ min: 0, max: 40, noNaN: true });
    const tau = fc.constantFrom(0.001, 0.01, 0.5);
    fc.assert(
      fc.property(value, tau, fc.double({ min: -1, max: 1, noNaN: true }), (x, t, shift) => {
        const steps = Math.abs(quantise(x, t) - quantise(x + shift * stepOf(t) * 0.999_999, t));
        expect(steps).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('have ends: nothing below 0, nothing beyond 16 bits', () => {
    expect(quantise(Number.NEGATIVE_INFINITY, 0.001)).toBe(0);
    expect(quantise(1e9, 0.001)).toBe(MOST_STEPS);
  });
});

describe('a commitment', () => {
  const salt = new Uint8Array(32).fill(7);
  const binding = { requestId: new Uint8Array(32).fill(9), neighbour: '12D3KooWa' };
  const answer = encodeAnswer({ positions: [], end: { finish: 'open' } });
  const commitment = commitAnswer(answer, salt, binding);

  it('opens to its answer alone, with its salt, for its question, by its neighbour', () => {
    expect(opensTo(commitment, answer, salt, binding)).toBe(true);
    const other = encodeAnswer({ positions: [], end: { finish: 'eos', at: 3 } });
    expect(opensTo(commitment, other, salt, binding)).toBe(false);
    expect(opensTo(commitment, answer, new Uint8Array(32), binding)).toBe(false);
    const elsewhere = { ...binding, requestId: new Uint8Array(32) };
    expect(opensTo(commitment, answer, salt, elsewhere)).toBe(false);
    expect(opensTo(commitment, answer, salt, { ...binding, neighbour: '12D3KooWb' })).toBe(false);
  });

  it('is no other for a name that runs over into the answer', () => {
    const longer = { ...binding, neighbour: `${binding.neighbour}\0` };
    expect(commitAnswer(answer.slice(1), salt, longer)).not.toEqual(commitment);
  });
});
