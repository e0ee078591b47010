import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ImportType,
  importModel,
  LanguageModel,
  readModelPage,
  weightBytesPerToken,
} from '#src/model/index.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { agreement, furthest, makeRoot, prefilled } from './setup.js';

const TINY = 'fixtures/bitmodel-tiny';
let root: string;
let ids: number[];
let original: number[][];

async function logitsOf(dir: string): Promise<number[][]> {
  const model = await LanguageModel.open(dir, { threads: 1 });
  ids ??= model.tokenizer.encode(readFileSync('docs/models.md', 'utf8')).slice(0, 300);
  const rows = await prefilled(model, ids);
  await model.close();
  return rows;
}

/** How uncertain a model is of each next token, on average. */
function perplexity(rows: readonly number[][]): number {
  let sum = 0;
  for (const [i, next] of ids.slice(1).entries()) {
    const most = Math.max(...rows[i]!);
    const total = rows[i]!.reduce((all, z) => all + Math.exp(z - most), 0);
    sum += most + Math.log(total) - rows[i]![next]!;
  }
  return Math.exp(sum / (ids.length - 1));
}

beforeAll(async () => {
  root = makeRoot();
  original = await logitsOf(TINY);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('the bundled model, imported from its safetensors', () => {
  it.each<[ImportType, 0 | 4, number, number]>([
    ['fp32', 0, 1, 1e-5],
    ['fp16', 0, 0.99, 0.002],
    ['int8', 0, 0.97, 0.02],
    ['int8', 4, 0.9, 0.05],
    ['q4', 0, 0.75, 0.25],
  ])('as %s at level %i is as its own ONNX graph', async (type, accuracyLevel, agrees, worse) => {
    const out = join(root, `${type}-${accuracyLevel}`);
    const imported = await importModel(TINY, { out, type, accuracyLevel });
    const rows = await logitsOf(out);
    if (type === 'fp32') expect(furthest(rows, original)).toBeLessThan(1e-4);
    expect(agreement(rows, original)).toBeGreaterThanOrEqual(agrees);
    expect(perplexity(rows) / perplexity(original)).toBeLessThan(1 + worse);
    expect(imported.weightBytes).toBeLessThan(type === 'fp32' ? 11_200_000 : 6_000_000);
  });

  it('has the parameters of its safetensors file in every type, each once', async () => {
    for (const type of ['fp32', 'fp16', 'int8', 'q4'] as const) {
      const { dir } = await importModel(TINY, { out: join(root, `counted-${type}`), type });
      expect(readModelPage(dir).graph.parameters).toBe(2_755_008);
    }
  });

  it('takes the memory of fp32 in 8 bits that are summed in fp32, and reads as much for each token', async () => {
    const [whole, folded, inBytes] = await Promise.all(
      (
        [
          ['fp32', 0],
          ['int8', 0],
          ['int8', 4],
        ] as const
      ).map(async ([type, accuracyLevel]) => {
        const out = join(root, `memory-${type}-${accuracyLevel}`);
        const { dir, file } = await importModel(TINY, { out, type, accuracyLevel });
        const read = weightBytesPerToken(memorySource(readFileSync(join(dir, file))));
        return { memory: readModelPage(dir).graph.memory, read };
      }),
    );
    // the head is a matrix of its own there, and one with the embedding in fp32
    expect(folded!.memory).toBeGreaterThan(whole!.memory);
    expect(folded!.memory).toBeLessThan(whole!.memory * 1.3);
    expect(folded!.read).toBeGreaterThan(whole!.read);
    expect(folded!.read).toBeLessThan(whole!.read * 1.1);
    expect(inBytes!.memory).toBeLessThan(whole!.memory * 0.6);
    expect(inBytes!.read).toBeLessThan(whole!.read * 0.4);
  });

  it('is the same bytes every time', async () => {
    const bytes = await Promise.all(
      ['once', 'again'].map(async (name) => {
        const { dir, file } = await importModel(TINY, { out: join(root, name), type: 'q4' });
        return [file, `${file}_data`].map((part) => readFileSync(join(dir, part)));
      }),
    );
    expect(bytes[0]![0]!.equals(bytes[1]![0]!)).toBe(true);
    expect(bytes[0]![1]!.equals(bytes[1]![1]!)).toBe(true);
  });
});
