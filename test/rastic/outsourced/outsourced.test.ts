import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEDY, gumbelNoise, LanguageModel, type Sampling } from '#src/model/index.js';
import { attackNamed } from '#src/rastic/attacks/table.js';
import {
  type CheckAnswer,
  type Copy,
  drawCopies,
  drawPositions,
  examine,
  falsePlantBound,
  HIDDEN_TOKENS,
  isExpected,
  type OutputClaim,
  outsourcedTau,
  type PositionAnswer,
  type Reply,
  runnerUpGap,
  type TallyOptions,
  tally,
  verifyOutput,
} from '#src/rastic/index.js';
import { cases } from '../../long.js';

const DIR = 'fixtures/bitmodel-tiny';
const TAU = 0.001;
const SAMPLINGS: readonly Sampling[] = [
  GREEDY,
  { temperatureMilli: 800, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 1000, topK: 40, topPMilli: 900 },
  { temperatureMilli: 700, topK: 1, topPMilli: 1000 },
];

/** Two honest machines: the same model, run by different numbers of threads. */
let one: LanguageModel;
let two: LanguageModel;
beforeAll(async () => {
  one = await LanguageModel.open(DIR, { threads: 1 });
  two = await LanguageModel.open(DIR, { threads: 2 });
});
afterAll(async () => {
  await one.close();
  await two.close();
});

/** Random numbers that a seed fixes (mulberry32), so that a case can be run again. */
function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

async function sold(seed: number, sampling: Sampling, maxTokens = 24): Promise<OutputClaim> {
  const request = {
    promptIds: one.tokenizer.encode('The state of the Union is'),
    sampling,
    seed: new Uint8Array(32).fill(seed),
    maxTokens,
    stop: [],
  };
  const { ids, finish } = await one.generate(request);
  return { ...request, outputIds: ids, finish };
}

/** Somebody who answers a question about a copy. */
type Neighbour = (claim: OutputClaim, copy: Copy) => Promise<CheckAnswer>;

const honest =
  (model: () => LanguageModel): Neighbour =>
  async (claim, { outputIds, positions }) => {
    const text = { ...claim, outputIds };
    const answer = await examine(model(), text, { positions, tau: TAU });
    if ('reason' in answer) throw new Error(answer.reason);
    return answer;
  };

const fine = (gap: number): PositionAnswer => ({ standing: 'fine', margin: 0, gap });

/** Computes nothing: every token is fine, by a gap that it makes up in the same way for everybody. */
const lazy: Neighbour = async ({ outputIds: { length } }, copy) => ({
  positions: copy.positions.map((position) => fine(100 + ((position * 37) % 500))),
  end: copy.isWhole ? { finish: 'length', at: length - 1 } : { finish: 'open' },
});

/** Says of an honest token that it is wrong. */
const slanderer: Neighbour = async (_, { positions }) => ({
  positions: [...positions.slice(1, 3).map(() => fine(40)), { ...fine(40), standing: 'excluded' }],
});

interface Round {
  readonly verdict: ReturnType<typeof tally>;
  readonly copies: readonly Copy[];
}

async function ask(
  claim: OutputClaim,
  neighbours: readonly Neighbour[],
  options: Partial<TallyOptions> & { seed?: number; sample?: number } = {},
): Promise<Round> {
  const random = seeded(options.seed ?? 1);
  const positions = drawPositions(claim.outputIds.length, options.sample, random);
  const copies = drawCopies({
    outputIds: claim.outputIds,
    positions,
    neighbours: neighbours.length,
    vocabularySize: one.info.vocabularySize,
    random,
  });
  const replies: Reply[] = [];
  for (const [i, neighbour] of neighbours.entries()) {
    const copy = copies[i]!;
    replies.push({
      neighbour: `n${i}`,
      weight: 1,
      copy,
      answer: await neighbour(claim, copy),
    });
  }
  const { length } = claim.outputIds;
  const verdict = tally(replies, {
    positions,
    length,
    finish: claim.finish,
    tau: TAU,
    quorum: 2,
    ...options,
  });
  return { verdict, copies };
}

const HONEST = [honest(() => one), honest(() => two), honest(() => one), honest(() => two)];

describe('honest neighbours', () => {
  it('agree that an honest output is valid, whatever sampling and copies, and find what is planted', async () => {
    for (const [index, sampling] of SAMPLINGS.entries()) {
      const claim = await sold(index, sampling);
      for (let seed = 0; seed < 4; seed++) {
        const { verdict, copies } = await ask(claim, HONEST, { seed });
        expect(verdict.verdict).toEqual({ result: 'valid' });
        expect(verdict.positions).toHaveLength(claim.outputIds.length);
        for (const [i, evidence] of verdict.neighbours.entries()) {
          expect(evidence.plant).toBe(copies[i]!.plant ? 'found' : undefined);
          expect(evidence).toMatchObject({ dissented: 0 });
          expect(evidence.agreed).toBeGreaterThan(0);
        }
      }
    }
  });

  it('answer for a sample of positions', async () => {
    const claim = await sold(3, SAMPLINGS[1]!);
    const { verdict } = await ask(claim, HONEST, { sample: 5 });
    expect(verdict.verdict).toEqual({ result: 'valid' });
    expect(verdict.positions.map(({ position }) => position)).toEqual(
      expect.arrayContaining([0, 23]),
    );
    expect(verdict.positions).toHaveLength(5);
    expect(verdict.settled).toBe(5);
  });

  it.each(['substitute', 'tamper:0', 'tamper:11', 'truncate'])(
    'come to the same verdict about %s as the full check with the model',
    async (name) => {
      for (const sampling of [GREEDY, SAMPLINGS[2]!]) {
        const request = await sold(5, sampling);
        const outcome = await attackNamed(name).run({
          model: one,
          request,
          tau: TAU,
          openVariant: (graph) => LanguageModel.open(DIR, { threads: 1, graph }),
        });
        const claim = { ...request, outputIds: outcome.ids, finish: outcome.finish };
        const { verdict } = (await ask(claim, HONEST)).verdict;
        expect(isExpected(verdict, outcome.expected)).toBe(true);
        const own = await verifyOutput(one, claim, { tau: TAU });
        expect(verdict).toMatchObject({
          ...own.verdict,
          ...('margin' in verdict && { margin: verdict.margin }),
        });
      }
    },
  );

  it('say nothing about a text that their model does not know', async () => {
    const claim = await sold(1, GREEDY);
    const options = { positions: [0], tau: TAU };
    const size = one.info.vocabularySize;
    for (const text of [
      { ...claim, outputIds: [size] },
      { ...claim, promptIds: [size] },
      { ...claim, promptIds: [] },
      { ...claim, outputIds: Array.from({ length: one.info.contextLength }, () => 5) },
    ]) {
      expect(await examine(one, text, options)).toMatchObject({ reason: expect.any(String) });
    }
    expect(await examine(one, claim, { ...options, positions: [99] })).toHaveProperty('reason');
  });

  it('stop at the first wrong token, so that no more is learnt from one question', async () => {
    const claim = await sold(2, SAMPLINGS[1]!);
    const outputIds = claim.outputIds.with(6, (claim.outputIds[6]! + 900) % 2048);
    const answer = await examine(one, { ...claim, outputIds }, { positions: [2, 6, 7], tau: TAU });
    expect(answer).toMatchObject({ positions: [{ standing: 'fine' }, {}] });
    expect(answer).not.toHaveProperty('end');
  });
});

describe('dishonest neighbours', () => {
  it('in the minority change nothing, and are seen to dissent', async () => {
    const claim = await sold(4, SAMPLINGS[1]!);
    for (const liar of [lazy, slanderer]) {
      for (let seed = 0; seed < 6; seed++) {
        const { verdict } = await ask(claim, [liar, ...HONEST], { seed });
        expect(verdict.verdict).toEqual({ result: 'valid' });
        const [first] = verdict.neighbours;
        expect(first!.plant === 'missed' || first!.dissented > 0).toBe(true);
      }
    }
  });

  it('cannot hide a wrong token', async () => {
    const claim = await sold(4, SAMPLINGS[1]!);
    const outputIds = claim.outputIds.with(9, (claim.outputIds[9]! + 1000) % 2048);
    const { verdict } = await ask({ ...claim, outputIds }, [lazy, ...HONEST]);
    expect(verdict.verdict).toMatchObject({ result: 'invalid', position: 9 });
  });

  it('half of all leave no verdict, never a false one', async () => {
    const claim = await sold(4, SAMPLINGS[1]!);
    for (let seed = 0; seed < 8; seed++) {
      const { verdict } = await ask(claim, [lazy, lazy, HONEST[0]!, HONEST[1]!], { seed });
      expect(verdict.verdict.result).not.toBe('invalid');
      if (verdict.verdict.result === 'valid') {
        // the scales turn only where what was planted showed one that made it up
        expect(verdict.neighbours).toContainEqual(expect.objectContaining({ plant: 'missed' }));
      }
    }
  });

  it('that work together and are the majority are believed unless what is planted shows them', async () => {
    const claim = await sold(4, SAMPLINGS[1]!);
    const outputIds = claim.outputIds.with(20, (claim.outputIds[20]! + 1000) % 2048);
    const bad = { ...claim, outputIds };
    const results = new Set<string>();
    for (let seed = 0; seed < 16; seed++) {
      const { verdict, copies } = await ask(bad, [lazy, lazy, lazy, lazy], { seed });
      const planted = copies.filter(({ plant }) => plant).length;
      const missed = verdict.neighbours.filter(({ plant }) => plant === 'missed').length;
      expect(missed).toBe(planted);
      results.add(verdict.verdict.result);
    }
    expect(results).toContain('valid');
  });

  it('too few to matter are not listened to', async () => {
    const claim = await sold(4, GREEDY);
    const { verdict } = await ask(claim, [HONEST[0]!], { quorum: 2 });
    const alone = { result: 'abstain', reason: 'only 1 neighbour answers for position 0' };
    expect(verdict).toMatchObject({ verdict: alone, settled: 0 });
    const none = tally([], { positions: [0], length: 1, finish: 'length', tau: TAU, quorum: 2 });
    const reason = 'no neighbour answers for position 0';
    expect(none).toMatchObject({ verdict: { result: 'abstain', reason }, settled: 0 });
  });

  it('two speak for the tokens that both of them saw, which are all that is settled', async () => {
    const claim = await sold(4, GREEDY);
    const { verdict, copies } = await ask(claim, HONEST.slice(0, 2));
    const cut = copies.find(({ isWhole }) => !isWhole)!;
    const seen = cut.plant?.position ?? cut.outputIds.length;
    const reason = `only 1 neighbour answers for position ${seen}`;
    expect(verdict).toMatchObject({ verdict: { result: 'abstain', reason }, settled: seen });
    expect(verdict.positions).toHaveLength(seen + 1);
  });

  it('nobody speaks for the end without having seen it', async () => {
    const claim = await sold(4, GREEDY);
    const positions = drawPositions(claim.outputIds.length);
    const replies = HONEST.slice(0, 2).map(async (neighbour, i) => {
      const copy: Copy = { outputIds: claim.outputIds, positions, isWhole: false };
      return { neighbour: `n${i}`, weight: 1, copy, answer: await neighbour(claim, copy) };
    });
    const { length } = positions;
    const options = { positions, length, finish: claim.finish, tau: TAU, quorum: 2 };
    const reason = 'no neighbour answers for the end';
    const counted = tally(await Promise.all(replies), options);
    expect(counted).toMatchObject({ verdict: { result: 'abstain', reason }, settled: length });
  });

  it('who was of no use before has no weight', async () => {
    const claim = await sold(4, GREEDY);
    const positions = drawPositions(claim.outputIds.length);
    const copy: Copy = { outputIds: claim.outputIds, positions, isWhole: true };
    const replies = [slanderer, slanderer, slanderer, HONEST[0]!, HONEST[1]!].map(
      async (neighbour, i) => ({
        neighbour: `n${i}`,
        weight: i < 3 ? 0 : 1,
        copy,
        answer: await neighbour(claim, copy),
      }),
    );
    const { length } = positions;
    const options = { positions, length, finish: claim.finish, tau: TAU, quorum: 2 };
    expect(tally(await Promise.all(replies), options).verdict).toEqual({ result: 'valid' });
  });
});

describe('copies', () => {
  const plans = fc.record({
    length: fc.integer({ min: 1, max: 60 }),
    neighbours: fc.integer({ min: 1, max: 9 }),
    vocabularySize: fc.integer({ min: 70, max: 3000 }),
    seed: fc.nat(),
    sample: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  });

  it('keep what lets nobody tell a planted one from a beginning', () => {
    fc.assert(
      fc.property(plans, ({ length, seed, sample, ...rest }) => {
        const outputIds = Array.from({ length }, (_, i) => i);
        const random = seeded(seed);
        const positions = drawPositions(length, sample, random);
        expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
        expect(positions).toHaveLength(Math.min(sample ?? length, length));
        expect(positions).toContain(length - 1);
        const copies = drawCopies({ outputIds, positions, random, ...rest });
        expect(copies).toHaveLength(rest.neighbours);
        const planted = copies.flatMap(({ plant }) => (plant ? [plant.position] : []));
        expect(new Set(planted).size).toBe(planted.length);
        for (const copy of copies) {
          expect(copy.positions.length).toBeGreaterThan(0);
          expect(copy.positions.at(-1)).toBeLessThan(copy.outputIds.length);
          if (copy.isWhole) expect(copy).toEqual({ outputIds, positions, isWhole: true });
          else expect(copy.outputIds.length).toBeLessThanOrEqual(length - HIDDEN_TOKENS);
          const changed = [...copy.outputIds.entries()].filter(([at, id]) => id !== outputIds[at]);
          const { plant } = copy;
          expect(changed).toEqual(plant ? [[plant.position, plant.token]] : []);
          if (plant) expect(copy.positions).toContain(plant.position);
          if (plant) expect(plant.token).toBeLessThan(rest.vocabularySize);
        }
        const whole = copies.filter(({ isWhole }) => isWhole).length;
        expect(2 * whole).toBeGreaterThanOrEqual(rest.neighbours);
      }),
      { numRuns: cases(2000, 200_000) },
    );
  });

  it('show up who computes nothing with probability ¼ a question, by the plan alone', () => {
    const outputIds = Array.from({ length: 24 }, (_, i) => i);
    const positions = drawPositions(24);
    const random = seeded(7);
    const rounds = 20_000;
    let planted = 0;
    for (let i = 0; i < rounds; i++) {
      const plan = { outputIds, positions, neighbours: 4, vocabularySize: 2048, random };
      if (drawCopies(plan)[0]!.plant) planted++;
    }
    // five standard deviations of a binomial count
    expect(Math.abs(planted - rounds / 4)).toBeLessThan(5 * Math.sqrt(rounds * 0.25 * 0.75));
  });

  it('plant tokens that an honest neighbour takes for right no oftener than the bound says', async () => {
    for (const sampling of [GREEDY, SAMPLINGS[1]!]) {
      const claim = await sold(6, sampling, 32);
      const { vocabularySize } = one.info;
      const noise = gumbelNoise(claim.seed);
      const { temperatureMilli } = sampling;
      let right = 0;
      let rows = 0;
      await one.prefill([...claim.promptIds, ...claim.outputIds.slice(0, -1)], {
        from: claim.promptIds.length - 1,
        onLogits: (first, block) => {
          for (let row = 0; row * vocabularySize < block.length; row++) {
            const position = first - (claim.promptIds.length - 1) + row;
            const logits = block.subarray(row * vocabularySize, (row + 1) * vocabularySize);
            const scores = [...logits].map((z, token) =>
              temperatureMilli === 0
                ? z
                : z + (temperatureMilli / 1000) * noise.at(position, token),
            );
            const best = scores.reduce((a, b) => Math.max(a, b));
            rows++;
            // every token of the vocabulary but the seller's, as a plant would be drawn
            right += scores.filter(
              (score, token) => best - score <= TAU && token !== claim.outputIds[position],
            ).length;
          }
        },
      });
      const frequency = right / (rows * (vocabularySize - 1));
      expect(rows).toBe(claim.outputIds.length);
      expect(frequency).toBeLessThanOrEqual(falsePlantBound(vocabularySize, TAU, temperatureMilli));
    }
  });
});

describe("the runner-up's gap", () => {
  it('moves by no more than twice the greatest shift of a logit', () => {
    const row = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), {
      minLength: 2,
      maxLength: 60,
    });
    fc.assert(
      fc.property(row, fc.nat(), fc.constantFrom(...SAMPLINGS), (logits, seed, sampling) => {
        const random = seeded(seed);
        const noise = gumbelNoise(new Uint8Array(32).fill(seed));
        const here = Float32Array.from(logits);
        const there = here.map((z) => z + (random(2001) - 1000) * 1e-4);
        const shift = here.reduce((most, z, i) => Math.max(most, Math.abs(z - there[i]!)), 0);
        const gap = runnerUpGap(here, 3, sampling, noise);
        expect(gap).toBeGreaterThanOrEqual(0);
        const moved = Math.abs(gap - runnerUpGap(there, 3, sampling, noise));
        expect(moved).toBeLessThanOrEqual(2 * shift + 1e-6);
      }),
    );
  });
});

describe('the tolerance neighbours are asked at', () => {
  const margins = { greedy: Array(9).fill(0), sampled: Array(9).fill(0) };
  const pair = { positions: 1, greatestShiftMicro: 0, greatestMarginMicro: 0, margins };
  const calibration = {
    v: 2 as const,
    model: '00'.repeat(32),
    file: 'onnx/model.onnx',
    pairs: [
      { seller: 'fp32/0/cpu', verifier: 'fp32/0/cpu', tauMicro: 1500, ...pair },
      { seller: 'int4/4/cpu', verifier: 'fp32/0/cpu', tauMicro: 40_000, ...pair },
    ],
  };

  it('is the greatest of the pairs, the default without a calibration, none for an unknown pair', () => {
    const ask = (sellers: string[], neighbours: string[]) =>
      outsourcedTau(calibration, sellers, neighbours);
    expect(ask(['fp32/0/cpu'], ['fp32/0/cpu'])).toBe(1500);
    expect(ask(['fp32/0/cpu', 'int4/4/cpu'], ['fp32/0/cpu'])).toBe(40_000);
    expect(ask(['fp32/0/cpu'], ['int4/4/cpu'])).toBe(undefined);
    expect(outsourcedTau(undefined, ['x'], ['y'])).toBe(10_000);
  });
});
