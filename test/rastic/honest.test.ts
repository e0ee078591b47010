import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanguageModel, modelId } from '#src/model/index.js';
import { clopperPearsonUpper, readCalibration, toleranceFor } from '#src/rastic/index.js';
import { Draw } from '../../bench/rastic/draw.js';
import { Llama } from '../../bench/rastic/llama.js';
import { searchNearTies } from '../../bench/rastic/near-ties.js';
import { drawRequest } from '../../bench/rastic/prompts.js';
import { compareRows, honestRun } from '../../bench/rastic/seller.js';

/** The short form of `npm run bench -- rastic`: sellers whose arithmetic differs from the verifier's, without other packages. */
const DIR = 'fixtures/bitmodel-tiny';
const RUNS = 4;

type BackEnd = Parameters<typeof honestRun>[0];
type Run = Awaited<ReturnType<typeof honestRun>>;

let verifier: LanguageModel;
let tau: number;
const open: LanguageModel[] = [];

async function ort(
  options: Omit<NonNullable<Parameters<typeof LanguageModel.open>[1]>, 'file'>,
): Promise<LanguageModel> {
  const model = await LanguageModel.open(DIR, options);
  open.push(model);
  return model;
}

/** A new pass over everything for each token. */
function withoutCache(seller: LanguageModel): BackEnd {
  const session = async () => {
    const all: number[] = [];
    const feed = async (ids: readonly number[]) => {
      all.push(...ids);
      const stream = await seller.session();
      const row = await stream.feed(all);
      await stream.close();
      return row;
    };
    return { feed, close: async () => {} };
  };
  return { session };
}

const SELLERS: Readonly<Record<string, () => Promise<BackEnd>>> = {
  'ONNX Runtime with 1 thread': () => ort({ threads: 1 }),
  'ONNX Runtime with 3 threads': () => ort({ threads: 3 }),
  'ONNX Runtime with basic graph optimisation': () => ort({ threads: 1, optimization: 'basic' }),
  'ONNX Runtime without graph optimisation': () => ort({ threads: 1, optimization: 'disabled' }),
  'ONNX Runtime unoptimised and without a cache': async () =>
    withoutCache(await ort({ threads: 1, optimization: 'disabled' })),
  'a plain forward pass in binary64': async () => new Llama(DIR, 'binary64'),
  'a plain forward pass in binary32': async () => new Llama(DIR, 'binary32'),
};

beforeAll(async () => {
  verifier = await ort({ threads: 2 });
  const calibration = readCalibration(DIR, await modelId(DIR), verifier.info.file)!;
  const { numericClass } = verifier.info;
  tau = toleranceFor(calibration, numericClass, numericClass)!;
});
afterAll(async () => {
  for (const model of open) await model.close();
});

/** Requests of the bench's own kinds, kept short. */
function request(label: string) {
  const { info, tokenizer } = verifier;
  const model = { info, tokenizer, longest: 96, tokens: [16, 32, 48] };
  return drawRequest(new Draw(label), model, []).request;
}

async function runsOf(name: string): Promise<Run[]> {
  const seller = await SELLERS[name]!();
  const runs: Run[] = [];
  for (let number = 0; number < RUNS; number++) {
    runs.push(await honestRun(seller, verifier, request(`test/${name}/${number}`), tau));
  }
  return runs;
}

describe('an honest seller whose logits differ from the verifier’s', () => {
  it.each(Object.keys(SELLERS))('is never accused: %s', async (name) => {
    const runs = await runsOf(name);
    for (const { verification, shifts } of runs) {
      expect(verification.verdict).toEqual({ result: 'valid' });
      // the proof in docs/rastic.md rests on τ/2; no more than a fifth of that is used up
      expect(Math.max(...shifts)).toBeLessThan(tau / 10);
    }
    // an answer whose logits are the verifier's to the last bit shows nothing; one that ends at once may be such
    const counted = runs.filter(({ differing }) => differing > 0);
    expect(counted.length).toBeGreaterThanOrEqual(RUNS - 1);
  });

  it('is not accused where the least difference decides about the first token', async () => {
    const seller = new Llama(DIR, 'binary32');
    const search = { rows: 512, seeds: 200, count: 3, length: 64 };
    const ties = await searchNearTies(verifier, new Draw('test/ties'), search);
    expect(new Set(ties.map(({ kind }) => kind)).size).toBe(3);
    for (const { request: tie } of ties) {
      const run = await honestRun(seller, verifier, { ...tie, maxTokens: 4 }, tau);
      expect(run.verification.verdict).toEqual({ result: 'valid' });
      expect(run.differing).toBeGreaterThan(0);
    }
  });
});

describe('the comparison of two rows', () => {
  it('takes no number added to all logits for a shift', () => {
    const row = Float32Array.of(1, 2, 4);
    const moved = Float32Array.of(2, 3, 5);
    expect(compareRows(row, moved)).toEqual({ same: false, shift: 0 });
    expect(compareRows(row, row.slice())).toEqual({ same: true, shift: 0 });
  });

  it('is half the range of the differences', () => {
    expect(compareRows(Float32Array.of(1, 2, 4), Float32Array.of(1, 2.5, 3.5)).shift).toBe(0.5);
  });
});

describe('the rate of false accusations', () => {
  it('is bounded, never said to be zero', () => {
    expect(clopperPearsonUpper(0, 3000, 0.95)).toBeCloseTo(0.000998, 6);
    expect(clopperPearsonUpper(0, 3000, 0.999)).toBeCloseTo(0.0023, 5);
  });
});
