import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateRequest, GREEDY, LanguageModel, type Sampling } from '#src/model/index.js';
import { type Attack, type AttackOutcome, isExpected } from '#src/rastic/attacks/attack.js';
import { ATTACKS, attackNamed } from '#src/rastic/attacks/table.js';
import { verifyOutput } from '#src/rastic/index.js';

const DIR = 'fixtures/bitmodel-tiny';
const TAU = 0.001;
const PROMPTS = ['The state of the Union is', 'Call me', 'The whale rose, and the captain'];
const SAMPLINGS: readonly Sampling[] = [
  GREEDY,
  { temperatureMilli: 800, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 1000, topK: 40, topPMilli: 900 },
  { temperatureMilli: 700, topK: 1, topPMilli: 1000 },
];

let model: LanguageModel;
beforeAll(async () => {
  model = await LanguageModel.open(DIR, { threads: 1 });
});
afterAll(() => model.close());

function request(changes: Partial<GenerateRequest> & { prompt?: string } = {}): GenerateRequest {
  const { prompt = PROMPTS[0]!, ...rest } = changes;
  const promptIds = model.tokenizer.encode(prompt);
  return {
    promptIds,
    sampling: GREEDY,
    seed: new Uint8Array(32),
    maxTokens: 16,
    stop: [],
    ...rest,
  };
}

const attack = (cheat: Attack, asked: GenerateRequest): Promise<AttackOutcome> =>
  cheat.run({
    model,
    request: asked,
    tau: TAU,
    openVariant: (graph) => LanguageModel.open(DIR, { threads: 1, graph }),
  });

const check = async (asked: GenerateRequest, { ids, finish }: AttackOutcome) =>
  (await verifyOutput(model, { ...asked, outputIds: ids, finish }, { tau: TAU })).verdict;

const requests = fc.record({
  prompt: fc.constantFrom(...PROMPTS),
  sampling: fc.constantFrom(...SAMPLINGS),
  seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});

describe('the table of cheating sellers', () => {
  it('has at least forty, each with a name of its own that --cheat takes', () => {
    expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
    for (const attack of ATTACKS) {
      expect(attack.name).toMatch(/^[a-z][a-z0-9-]{0,24}$/);
      expect(attackNamed(attack.name)).toBe(attack);
    }
  });

  it('says what each does, what it has of it, and what must come of it', () => {
    for (const { description, gains, expects } of ATTACKS) {
      expect(description).not.toBe('');
      expect(gains).not.toBe('');
      expect(expects).not.toBe('');
    }
  });
});

describe('tamper', () => {
  it('is named at exactly the position that was changed, whatever the prompt, sampling and seed', async () => {
    await fc.assert(
      fc.asyncProperty(requests, fc.nat(11), async (drawn, position) => {
        const asked = request({ ...drawn, maxTokens: 12 });
        const { ids: honest } = await model.generate(asked);
        fc.pre(position < honest.length);
        const outcome = await attack(attackNamed(`tamper:${position}`), asked);
        expect(outcome.ids.slice(0, position)).toEqual(honest.slice(0, position));
        expect(outcome.ids[position]).not.toBe(honest[position]);
        const verdict = await check(asked, outcome);
        expect(outcome.expected.position).toBe(position);
        expect(isExpected(verdict, outcome.expected), JSON.stringify(verdict)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('is continuity at position 0 and integrity later', async () => {
    for (const [position, kind] of [
      [0, 'continuity'],
      [5, 'integrity'],
    ] as const) {
      const asked = request();
      const verdict = await check(asked, await attack(attackNamed(`tamper:${position}`), asked));
      expect(verdict).toMatchObject({ result: 'invalid', kind, position });
    }
  });

  it('goes on honestly: from the changed token on, the model gives every token', async () => {
    const asked = request();
    const { ids } = await attack(attackNamed('tamper:5'), asked);
    const prefix = [...asked.promptIds, ...ids.slice(0, 6)];
    const rest = await model.generate({ ...asked, promptIds: prefix, maxTokens: 10 });
    expect(ids.slice(6)).toEqual(rest.ids);
  });

  it('is an error beyond the end of the answer', async () => {
    await expect(attack(attackNamed('tamper:16'), request())).rejects.toMatchObject({
      code: 'NOTHING_TO_TAMPER',
      message: expect.stringContaining('16 tokens'),
    });
  });
});

describe('truncate', () => {
  it('is named at the first missing token', async () => {
    const asked = request();
    const outcome = await attack(attackNamed('truncate'), asked);
    expect(outcome.ids).toHaveLength(8);
    expect(await check(asked, outcome)).toEqual({
      result: 'invalid',
      kind: 'truncation',
      position: 8,
    });
  });

  it('has nothing to leave out of a single token', async () => {
    await expect(attack(attackNamed('truncate'), request({ maxTokens: 1 }))).rejects.toMatchObject({
      code: 'NOTHING_TO_TRUNCATE',
    });
  });
});

describe('substitute', () => {
  it('answers otherwise than the model paid for, and leaves that model as it was', async () => {
    const asked = request();
    const honest = await model.generate(asked);
    const outcome = await attack(attackNamed('substitute'), asked);
    expect(outcome.ids).not.toEqual(honest.ids);
    expect((await model.generate(asked)).ids).toEqual(honest.ids);
  });
});

describe('withhold', () => {
  it('has the right tokens, and says that they are not to be delivered', async () => {
    const asked = request();
    const outcome = await attack(attackNamed('withhold'), asked);
    expect(outcome.deliver).toBe('withhold');
    expect(outcome.expected.kinds).toEqual(['undelivered']);
    expect(await check(asked, outcome)).toEqual({ result: 'valid' });
  });
});

describe('naming a cheat', () => {
  it('takes a position for tamper alone', () => {
    expect(attackNamed('tamper:12').name).toBe('tamper:12');
    for (const name of ['bribe', 'tamper:', 'tamper:-1', 'tamper:1.5', 'truncate:3', '']) {
      expect(() => attackNamed(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_ATTACK' }));
    }
  });
});
