import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel, LanguageModel } from '#src/model/index.js';
import {
  calibrateModel,
  calibratePair,
  LEAST_TAU_MICRO,
  ownShift,
  verifyOutput,
} from '#src/rastic/index.js';
import { hash } from '../job/make.js';
import { cases } from '../long.js';

const PLAN = {
  prompts: ['The American people are', 'I', 'def fibonacci(n):\n'],
  samplings: [
    { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    { temperatureMilli: 1000, topK: 40, topPMilli: 950 },
  ],
  tokens: 12,
  blocks: [1, 16],
};
const folder = mkdtempSync(join(tmpdir(), 'bitmodel-batches-'));
const dir = join(folder, 'tiny');

beforeAll(async () => {
  await importModel('fixtures/bitmodel-tiny', { out: dir });
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (batch: number): Promise<LanguageModel> =>
  LanguageModel.open(dir, { threads: 1, batch });

describe('calibrating a model whose sellers decode several answers in one run', () => {
  it('measures answers decoded so, in groups of all sizes, beside those decoded alone', async () => {
    let done = 0;
    const groups: number[] = [];
    let drawing = 0;
    const counted = async (): Promise<LanguageModel> => {
      const model = await open(4);
      const generate: LanguageModel['generate'] = async (request, options) => {
        if (drawing++ === 0) groups.push(0);
        groups[groups.length - 1]!++;
        return model.generate(request, options).finally(() => drawing--);
      };
      return new Proxy(model, {
        get(target, name) {
          const value = name === 'generate' ? generate : Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    const alone = { name: 'alone', open: () => open(1) };
    const together = { name: 'together', batch: 4, open: counted };
    const onPositions = (count: number): void => {
      done += count;
    };
    const pair = await calibratePair(
      { sellers: [alone], batches: [together], verifiers: [alone] },
      PLAN,
      { onPositions },
    );
    expect(groups).toEqual([2, 3, 1]);
    const answers = PLAN.prompts.length * PLAN.samplings.length;
    // alone in both block sizes, and together in one
    expect(pair.positions).toBeLessThanOrEqual(answers * PLAN.tokens * 3);
    expect(pair.positions).toBeGreaterThan(answers * PLAN.tokens * 2);
    expect(done).toBe(answers * PLAN.tokens * (1 + 2 + 2));
    expect(pair.greatestShiftMicro).toBeGreaterThan(0);
    expect(pair.tauMicro).toBe(LEAST_TAU_MICRO);
  });

  it('is what `model calibrate` does where the graph allows it', async () => {
    const plan = { ...PLAN, prompts: PLAN.prompts.slice(0, 1) };
    const options = { plan, threads: [1] };
    const [single] = (await calibrateModel(dir, { ...options, batch: 1 })).pairs;
    const [several] = (await calibrateModel(dir, { ...options, batch: 8 })).pairs;
    expect(several!.positions).toBeGreaterThan(single!.positions);
    expect(several!.tauMicro).toBe(LEAST_TAU_MICRO);
  });
});

describe("a machine's own shift", () => {
  it('includes what it decodes several at once, and stays far below the tolerance', async () => {
    const model = await open(8);
    const shift = await ownShift(model);
    await model.close();
    expect(shift).toBeGreaterThan(0);
    expect(shift).toBeLessThan(0.0001);
  });
});

describe('answers that were decoded in batches', () => {
  it('are valid to a verifier that computes each alone, at the tolerance of those decoded alone', async () => {
    const seller = await open(8);
    const verifier = await open(1);
    const count = cases(64, 4000);
    let next = 0;
    let checked = 0;
    const one = async (number: number): Promise<void> => {
      const [prompt] = PLAN.prompts.slice(number % 3);
      const request = {
        promptIds: seller.tokenizer.encode(prompt!),
        sampling: PLAN.samplings[number % 2]!,
        seed: Buffer.from(hash(`batch ${number}`), 'hex'),
        maxTokens: 4 + (number % 29),
        stop: [],
      };
      const made = await seller.generate(request);
      const claim = { ...request, outputIds: made.ids, finish: made.finish };
      const { verdict } = await verifyOutput(verifier, claim, { tau: LEAST_TAU_MICRO / 1e6 });
      expect(verdict.result).toBe('valid');
      checked++;
    };
    const lane = async (): Promise<void> => {
      while (next < count) await one(next++);
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    await Promise.all([seller.close(), verifier.close()]);
    expect(checked).toBe(count);
  });
});
