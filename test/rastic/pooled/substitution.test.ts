import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateRequest, LanguageModel } from '#src/model/index.js';
import { attackNamed, describeVerdict, type OutputClaim, verifyOutput } from '#src/rastic/index.js';

/** Noise and tolerance at which one output is long enough; at τ = 0.001 none is (docs/rastic.md). */
const TAU = 0.6;
const SAMPLING = { temperatureMilli: 3000, topK: 0, topPMilli: 1000 };

let seller: LanguageModel;
let verifier: LanguageModel;
let request: GenerateRequest;
beforeAll(async () => {
  seller = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 2 });
  verifier = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1 });
  const promptIds = seller.tokenizer.encode('The American people are');
  const seed = new Uint8Array(32).fill(9);
  request = { promptIds, sampling: SAMPLING, seed, maxTokens: 450, stop: [] };
});
afterAll(async () => {
  await seller.close();
  await verifier.close();
});

const check = (claim: OutputClaim) => verifyOutput(verifier, claim, { tau: TAU });

describe('a seller that takes a wrong token wherever one lies within the tolerance', () => {
  it('shows no margin above it, and is found by all of them together', async () => {
    const attack = attackNamed('tolerance-band');
    const context = { model: seller, request, tau: TAU, openVariant: () => Promise.reject() };
    const { ids, finish } = await attack.run(context);
    const { verdict, greatestMargin, pooled } = await check({ ...request, outputIds: ids, finish });
    expect(greatestMargin).toBeLessThanOrEqual(TAU);
    expect(pooled.flips).toBeGreaterThan(2 * pooled.mean);
    expect(verdict).toEqual({ result: 'invalid', kind: 'substitution', score: pooled.score });
    expect(pooled.score).toBeGreaterThanOrEqual(9);
    expect(describeVerdict(verdict)).toMatch(/^invalid: substitution \(.*; p below 10\^−\d+\)$/);
  });

  it('is not said to be one by a sample of positions, whose seed can be looked for', async () => {
    const attack = attackNamed('tolerance-band');
    const context = { model: seller, request, tau: TAU, openVariant: () => Promise.reject() };
    const { ids, finish } = await attack.run(context);
    const claim = { ...request, outputIds: ids, finish };
    const sample = { sample: ids.length, seed: new Uint8Array(32) };
    const { verdict, pooled, positions, isFull, aboveZero } = await verifyOutput(verifier, claim, {
      tau: TAU,
      check: sample,
    });
    expect([positions, isFull]).toEqual([ids.length, false]);
    expect(aboveZero).toBeGreaterThan(50);
    expect(verdict).toEqual({ result: 'valid' });
    expect(pooled).toEqual({ positions: 0, flips: 0, mean: 0, score: 0 });
  });

  it('is found by none of them where it is honest, or where there is no noise', async () => {
    const { ids, finish } = await seller.generate(request);
    const honest = await check({ ...request, outputIds: ids, finish });
    expect(honest).toMatchObject({ verdict: { result: 'valid' }, pooled: { flips: 0, score: 0 } });
    expect(honest.pooled.positions).toBeGreaterThan(100);
    const greedy = { ...request, sampling: { ...SAMPLING, temperatureMilli: 0 }, maxTokens: 20 };
    const plain = await seller.generate(greedy);
    const { pooled } = await check({ ...greedy, outputIds: plain.ids, finish: plain.finish });
    expect(pooled).toEqual({ positions: 0, flips: 0, mean: 0, score: 0 });
  });
});
