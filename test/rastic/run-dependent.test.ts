import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import { GREEDY, LanguageModel, type Sampling } from '#src/model/index.js';
import { calibrateModel } from '#src/rastic/calibrateModel.js';
import {
  COARSE_TAU,
  DEFAULT_TAU,
  defaultTau,
  dynamicInt8,
  examine,
  GRAPH_VARIANTS,
  type OutputClaim,
  outsourcedTau,
  verifyOutput,
} from '#src/rastic/index.js';

const DIR = 'fixtures/bitmodel-tiny';
const TOKENS = 32;
const DRAWN: Sampling = { temperatureMilli: 800, topK: 40, topPMilli: 950 };
const PROMPTS = [
  'The state of the Union is',
  'Once upon a time',
  'My fellow citizens,',
  'Congress',
];

const file = readFileSync(join(DIR, 'onnx/model.onnx'));
const open = (graph: Uint8Array, threads: number) => LanguageModel.open(DIR, { graph, threads });

/** A graph that quantises activations by one scale a run; on the seller's machine and on the verifier's. */
let seller: LanguageModel;
let verifier: LanguageModel;
let claims: OutputClaim[];

async function answer(prompt: string, sampling: Sampling): Promise<OutputClaim> {
  const promptIds = seller.tokenizer.encode(prompt);
  const request = { promptIds, sampling, seed: sha256(utf8(prompt)), maxTokens: TOKENS, stop: [] };
  const made = await seller.generate(request);
  return { ...request, outputIds: made.ids, finish: made.finish };
}

/** By how much logits at the end of a text move at most when other tokens follow it in the same run. */
async function movedByLaterTokens(model: LanguageModel): Promise<number> {
  const ids = model.tokenizer.encode(PROMPTS[0]!);
  const rows: Float32Array[] = [];
  for (const tail of [
    [5, 6, 7],
    [9, 6, 7],
    [200, 3, 1],
  ]) {
    await model.prefill([...ids, ...tail], {
      positions: [ids.length - 1],
      onLogits: (_, logits) => void rows.push(logits),
    });
  }
  const [first, ...others] = rows;
  return Math.max(...others.flatMap((row) => [...row].map((z, i) => Math.abs(z - first![i]!))));
}

beforeAll(async () => {
  const graph = dynamicInt8(file);
  seller = await open(graph, 2);
  verifier = await open(graph, 1);
  claims = [];
  for (const sampling of [GREEDY, DRAWN]) {
    for (const prompt of PROMPTS) claims.push(await answer(prompt, sampling));
  }
});
afterAll(async () => {
  await seller.close();
  await verifier.close();
});

describe('a graph that quantises activations by one scale a run', () => {
  it('is known by its operators, since its logits depend on tokens that come later', async () => {
    expect(await movedByLaterTokens(verifier)).toBeGreaterThan(0.1);
    expect(verifier.info).toMatchObject({ runDependent: true, numericClass: 'int8/4/cpu' });
  });

  it('is verified in the runs that its seller made, so honest answers are valid', async () => {
    for (const claim of claims) {
      const { verdict, positions } = await verifyOutput(verifier, claim, { tau: DEFAULT_TAU });
      expect(verdict).toEqual({ result: 'valid' });
      expect(positions).toBe(claim.outputIds.length);
    }
  });

  it('shows a neighbour the same', async () => {
    for (const claim of claims) {
      const positions = claim.outputIds.map((_, position) => position);
      const said = await examine(verifier, claim, { positions, tau: DEFAULT_TAU });
      expect(said).toMatchObject({ end: { finish: claim.finish } });
    }
  });

  it('lets no wrong token pass', async () => {
    for (const claim of claims) {
      const at = Math.floor(claim.outputIds.length / 2);
      const outputIds = claim.outputIds.with(at, (claim.outputIds[at]! + 1) % 400);
      const { verdict } = await verifyOutput(verifier, { ...claim, outputIds }, { tau: 0.01 });
      expect(verdict.result).toBe('invalid');
    }
  });

  it('gives no pooled evidence, whose premise does not hold for it', async () => {
    const drawn = claims.find(({ sampling }) => sampling === DRAWN)!;
    const check = await verifyOutput(verifier, drawn, { tau: 0.001 });
    expect(check.pooled).toMatchObject({ positions: 0, score: 0 });
  });

  it('runs as it would decode a prompt longer than one run', async () => {
    const long = await answer(PROMPTS.join(' and so on, ').repeat(12), GREEDY);
    expect(long.promptIds.length).toBeGreaterThan(256);
    const { verdict, greatestMargin } = await verifyOutput(verifier, long, { tau: DEFAULT_TAU });
    expect(verdict).toEqual({ result: 'valid' });
    expect(greatestMargin).toBe(0);
  });
});

describe('a graph whose kernels round each row of activations to 8 bits', () => {
  it('does not depend on the run', async () => {
    const model = await open(GRAPH_VARIANTS['int8-activations'](file), 1);
    try {
      expect(await movedByLaterTokens(model)).toBe(0);
      expect(model.info).toMatchObject({ runDependent: false, numericClass: 'q8/4/cpu' });
    } finally {
      await model.close();
    }
  });
});

describe('the stated tolerance', () => {
  it('is wider where kernels round activations to 8 bits', () => {
    expect(defaultTau('fp32/0/cpu', 'q4/0/cpu')).toBe(DEFAULT_TAU);
    expect(defaultTau('fp32/0/cpu', 'q4/4/cpu')).toBe(COARSE_TAU);
    expect(defaultTau('int8/4/cpu')).toBe(COARSE_TAU);
    expect(outsourcedTau(undefined, ['int8/4/cpu'], ['int8/4/cpu'])).toBe(COARSE_TAU * 1e6);
    expect(outsourcedTau(undefined, ['fp32/0/cpu'], ['fp32/0/cpu'])).toBe(DEFAULT_TAU * 1e6);
  });
});

/** What calibrating a bundle with this graph gives, and says. */
async function calibrated(graph: Uint8Array) {
  const dir = mkdtempSync(join(tmpdir(), 'bitmodel-run-'));
  try {
    cpSync(DIR, dir, { recursive: true });
    writeFileSync(join(dir, 'onnx/model.onnx'), graph);
    const notes: string[] = [];
    const plan = { prompts: PROMPTS.slice(0, 2), samplings: [GREEDY], tokens: 16, blocks: [1, 16] };
    const onNote = (text: string) => void notes.push(text);
    const { pairs } = await calibrateModel(dir, { plan, batch: 8, threads: [1], onNote });
    return { pair: pairs[0]!, notes: notes.filter((text) => /^τ is [\d.]+ logits/.test(text)) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('calibrating', () => {
  it('compares equal runs of a graph that is run-dependent', async () => {
    const { pair } = await calibrated(dynamicInt8(file));
    // once with the reference, and in both directions with two levels of graph optimisation
    expect(pair.positions).toBe(2 * 16 * (1 + 2 * 2));
    expect(pair.greatestShiftMicro).toBeLessThan(250_000);
  });

  it('warns of a tolerance at which little is found', async () => {
    const { pair, notes } = await calibrated(GRAPH_VARIANTS['int8-activations'](file));
    expect(pair.tauMicro).toBeGreaterThan(250_000);
    expect(notes).toHaveLength(1);
    const { notes: none } = await calibrated(file);
    expect(none).toEqual([]);
  });
});
