import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, u32le } from '#src/base/index.js';
import { gumbelNoise, LanguageModel } from '#src/model/index.js';
import {
  checkPosition,
  type OutputClaim,
  paperDetection,
  parseCheck,
  samplePositions,
  sampleSeed,
  verifyOutput,
} from '#src/rastic/index.js';
import { cases } from '../long.js';

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const seedNumber = (number: number): Uint8Array => sha256(u32le(number));

describe('the positions of a sample', () => {
  it('are the first, the last and as many others as asked for, each once, in order', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(500), seeds, (total, count, seed) => {
        const positions = samplePositions(total, count, seed);
        expect(positions.length).toBe(
          Math.min(total, Math.min(2, total) + Math.min(count, Math.max(0, total - 2))),
        );
        expect(new Set(positions).size).toBe(positions.length);
        expect(positions).toEqual([...positions].sort((a, b) => a - b));
        if (total > 0) expect([positions[0], positions.at(-1)]).toEqual([0, total - 1]);
      }),
      { numRuns: cases(500, 50_000) },
    );
  });

  it('are a function of the seed, which the commitment is part of', () => {
    const seed = seedNumber(1);
    expect(samplePositions(256, 8, seed)).toEqual(samplePositions(256, 8, seed));
    expect(samplePositions(256, 8, seed)).not.toEqual(samplePositions(256, 8, seedNumber(2)));
    const commitments = [seedNumber(3), seedNumber(4)];
    const [a, b] = commitments.map((hash) => samplePositions(256, 8, sampleSeed(hash, seed)));
    expect(a).not.toEqual(b);
  });

  it('hold any one place in between with probability k/(B − 2)', () => {
    const [total, count, rounds] = [34, 5, 8000];
    const found = new Array<number>(total).fill(0);
    for (let round = 0; round < rounds; round++) {
      for (const position of samplePositions(total, count, seedNumber(round)))
        found[position]! += 1;
    }
    expect([found[0], found.at(-1)]).toEqual([rounds, rounds]);
    const expected = rounds * paperDetection(total, 1, count);
    const reach = 5 * Math.sqrt(expected);
    for (const times of found.slice(1, -1)) expect(Math.abs(times - expected)).toBeLessThan(reach);
  });

  it('are asked for as full or sample:K, and as nothing else', () => {
    expect(parseCheck('full')).toBe('full');
    expect(parseCheck('sample:16')).toBe(16);
    for (const text of [
      '',
      'sample',
      'sample:',
      'sample:-1',
      'sample:1.5',
      'Full',
      'sample:9999999',
    ]) {
      expect(() => parseCheck(text)).toThrow(expect.objectContaining({ code: 'BAD_CHECK' }));
    }
    expect(() => samplePositions(9, 3, new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: 'BAD_SEED' }),
    );
  });
});

describe('a sampled check', () => {
  const TAU = 0.001;
  let model: LanguageModel;
  let claim: OutputClaim;
  beforeAll(async () => {
    model = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1 });
    const request = {
      promptIds: model.tokenizer.encode('The whale'),
      sampling: { temperatureMilli: 800, topK: 40, topPMilli: 950 },
      seed: new Uint8Array(32),
      maxTokens: 24,
      stop: [],
    };
    const { ids, finish } = await model.generate(request);
    claim = { ...request, outputIds: ids, finish };
  });
  afterAll(() => model.close());

  /** The answer with one token that is false where it stands, and honest ones behind it. */
  async function withFalseTokenAt(position: number): Promise<OutputClaim> {
    const ids = claim.outputIds.slice(0, position);
    const session = await model.session();
    const logits = await session.feed([...claim.promptIds, ...ids]);
    await session.close();
    const noise = gumbelNoise(claim.seed);
    const isFalse = (token: number): boolean => {
      const check = checkPosition(logits, token, position, claim.sampling, noise, TAU);
      return check.kind === 'excluded' || (check.kind === 'margin' && check.margin > 1);
    };
    let token = 40;
    while (!isFalse(token)) token += 1;
    const outputIds = [...ids, token];
    while (outputIds.length < claim.maxTokens) {
      const at = outputIds.length;
      const stream = await model.session();
      const row = await stream.feed([...claim.promptIds, ...outputIds]);
      await stream.close();
      const check = checkPosition(row, 0, at, claim.sampling, noise, TAU);
      if (check.kind === 'non-finite') throw new Error('the model gives numbers');
      outputIds.push(check.best);
    }
    return { ...claim, outputIds, finish: 'length' };
  }

  it('says of an honest answer what the full check says there', async () => {
    const full = await verifyOutput(model, claim, { tau: TAU });
    expect(full).toMatchObject({ verdict: { result: 'valid' }, detection: 1, aboveZero: 0 });
    for (const sample of [0, 1, 7, 22, 1000]) {
      const check = { sample, seed: seedNumber(sample) };
      const sampled = await verifyOutput(model, claim, { tau: TAU, check });
      const positions = samplePositions(24, sample, check.seed);
      expect(sampled.verdict).toEqual({ result: 'valid' });
      expect(sampled.positions).toBe(positions.length);
      expect(sampled.detection).toBeCloseTo(Math.min(1, sample / 22), 12);
      const same = (row: { position: number; token: number; best: number }) => [
        row.position,
        row.token,
        row.best,
      ];
      expect(sampled.rows.map(same)).toEqual(
        positions.map((position) => same(full.rows[position]!)),
      );
    }
  });

  it('finds one false token where it looks and nowhere else: so with probability k/(B − 2)', async () => {
    const wrong = await withFalseTokenAt(9);
    expect((await verifyOutput(model, wrong, { tau: TAU })).verdict).toMatchObject({ position: 9 });
    let found = 0;
    for (let round = 0; round < 40; round++) {
      const check = { sample: 6, seed: seedNumber(round) };
      const { verdict } = await verifyOutput(model, wrong, { tau: TAU, check });
      const looked = samplePositions(24, 6, check.seed).includes(9);
      expect(verdict.result).toBe(looked ? 'invalid' : 'valid');
      if (looked) found += 1;
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(40);
  });

  it('always looks at the first token, the last and the end', async () => {
    const none = { sample: 0, seed: seedNumber(0) };
    const verdictOf = async (of: OutputClaim) =>
      (await verifyOutput(model, of, { tau: TAU, check: none })).verdict;
    expect(await verdictOf(await withFalseTokenAt(0))).toMatchObject({ position: 0 });
    expect(await verdictOf(await withFalseTokenAt(23))).toMatchObject({ position: 23 });
    const cut = { ...claim, outputIds: claim.outputIds.slice(0, 12) };
    expect(await verdictOf(cut)).toEqual({ result: 'invalid', kind: 'truncation', position: 12 });
  });
});
