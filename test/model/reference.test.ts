import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEDY, LanguageModel } from '#src/model/index.js';

interface Reference {
  tokenizer: { text: string; ids: number[]; decoded: string }[];
  generation: {
    prompt: string;
    promptIds: number[];
    greedyIds: number[];
    text: string;
    logprobs: number[];
    lastPromptLogits: { argmax: number; first16: number[] };
  }[];
}

const DIR = 'fixtures/bitmodel-tiny';
const reference = JSON.parse(readFileSync(`${DIR}/reference.json`, 'utf8')) as Reference;
const SEED = new Uint8Array(32);
let model: LanguageModel;

beforeAll(async () => {
  model = await LanguageModel.open(DIR, { threads: 1 });
});
afterAll(async () => {
  await model.close();
});

/** log softmax of one row at one token. */
function logProbability(row: Float32Array, token: number): number {
  let total = 0;
  for (const z of row) total += Math.exp(z - row[token]!);
  return -Math.log(total);
}

/** Logits of all positions, by prefill. */
async function allLogits(ids: number[], chunk?: number): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  await model.prefill(ids, {
    ...(chunk === undefined ? {} : { chunk }),
    onLogits: (first, logits) => {
      expect(first).toBe(rows.length);
      const width = model.info.vocabularySize;
      for (let at = 0; at < logits.length; at += width) rows.push(logits.slice(at, at + width));
    },
  });
  return rows;
}

function furthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('the tokenizer agrees with the transformers library', () => {
  it.each(reference.tokenizer)('on $text', ({ text, ids, decoded }) => {
    expect(model.tokenizer.encode(text)).toEqual(ids);
    expect(model.tokenizer.decode(ids)).toBe(decoded);
  });
});

describe('the model agrees with the transformers library', () => {
  it.each(reference.generation)('on "$prompt"', async (expected) => {
    const { promptIds, greedyIds } = expected;
    const output = await model.generate({
      promptIds,
      sampling: GREEDY,
      seed: SEED,
      maxTokens: greedyIds.length,
      stop: [],
    });
    expect(model.tokenizer.encode(expected.prompt)).toEqual(promptIds);
    expect(output.ids).toEqual(greedyIds);
    expect(model.tokenizer.decode(output.ids)).toBe(expected.text);
    const rows = await allLogits([...promptIds, ...greedyIds]);
    const last = rows[promptIds.length - 1]!;
    expect(
      furthest(last.slice(0, 16), new Float32Array(expected.lastPromptLogits.first16)),
    ).toBeLessThan(1e-3);
    for (const [i, expectedLog] of expected.logprobs.entries()) {
      const row = rows[promptIds.length - 1 + i]!;
      expect(Math.abs(logProbability(row, greedyIds[i]!) - expectedLog)).toBeLessThan(1e-3);
    }
  });
});

describe('logits', () => {
  const ids = reference.generation
    .flatMap(({ promptIds, greedyIds }) => [...promptIds, ...greedyIds])
    .slice(0, 300);

  it('are the same in a prefill of any chunk size and in decoding token by token', async () => {
    const whole = await allLogits(ids);
    expect(whole).toHaveLength(ids.length);
    const short = await allLogits(ids, 7);
    const session = await model.session();
    for (const [i, id] of ids.slice(0, 40).entries()) {
      const row = await session.feed([id]);
      expect(session.length).toBe(i + 1);
      expect(furthest(row, whole[i]!)).toBeLessThan(1e-4);
    }
    await session.close();
    for (const [i, row] of short.entries()) expect(furthest(row, whole[i]!)).toBeLessThan(1e-4);
  });

  it('come only from the first position wanted', async () => {
    const firsts: [number, number][] = [];
    await model.prefill(ids, {
      from: 150,
      onLogits: (first, logits) =>
        void firsts.push([first, logits.length / model.info.vocabularySize]),
    });
    expect(firsts[0]![0]).toBe(150);
    expect(firsts.reduce((sum, [, rows]) => sum + rows, 0)).toBe(ids.length - 150);
  });

  it('wait for a slow reader, in order', async () => {
    let busy = 0;
    const seen: number[] = [];
    await model.prefill(ids, {
      chunk: 64,
      onLogits: async (first) => {
        expect(busy++).toBe(0);
        await new Promise((resolve) => setTimeout(resolve, 10));
        busy--;
        seen.push(first);
      },
    });
    expect(seen).toEqual([0, 64, 128, 192, 256]);
  });
});
