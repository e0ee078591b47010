import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEDY, importModel, LanguageModel } from '#src/model/index.js';
import {
  agreement,
  configure,
  decoded,
  downloaded,
  furthest,
  makeRoot,
  prefilled,
  referenceOf,
  rewrite,
} from './setup.js';

let root: string;
beforeAll(() => {
  root = makeRoot();
});
afterAll(() => rmSync(root, { recursive: true }));

const ARCHITECTURES = ['llama', 'llama-biased', 'llama3', 'mistral', 'qwen2', 'qwen3', 'gpt2'];

describe('an imported model computes what transformers computes', () => {
  it.each(ARCHITECTURES)(
    '%s, in fp32, at every position, at once and token by token',
    async (name) => {
      const dir = join(root, `${name}-fp32`);
      await importModel(downloaded(root, name), { out: dir });
      const model = await LanguageModel.open(dir, { threads: 1 });
      const { ids, logits } = referenceOf(name);
      expect(model.info.numericClass).toBe('fp32/0/cpu');
      expect(furthest(await prefilled(model, ids), logits)).toBeLessThan(1e-4);
      const stepwise = await decoded(model, ids);
      expect(furthest(stepwise, logits)).toBeLessThan(1e-4);
      expect(agreement(stepwise, logits)).toBe(1);
      await model.close();
    },
  );

  /**
   * Bounds of the logits' root mean square error as a share of their spread. Rounding a weight errs by a share ε of it:
   * 2⁻¹¹/√3 in fp16, a step of 2·2.1σ/2^bits and so 2.1/(2^bits·√3) in blocks. In two layers some ten products one after the
   * other err independently: √10 ε, and twice that for what norms and softmaxes add.
   */
  const BOUNDS = { fp16: 0.002, int8: 0.03, q4: 0.48 } as const;

  const spread = (rows: readonly number[][]): number => {
    const all = rows.flat();
    return Math.sqrt(all.reduce((sum, z) => sum + z * z, 0) / all.length);
  };

  it.each(
    ARCHITECTURES.flatMap((name) =>
      Object.entries(BOUNDS).map(([type, most]) => ({ name, type, most })),
    ),
  )('$name, in $type, as far as rounding lets it', async ({ name, type, most }) => {
    const dir = join(root, `${name}-${type}`);
    await importModel(downloaded(root, name), { out: dir, type: type as keyof typeof BOUNDS });
    const model = await LanguageModel.open(dir, { threads: 1 });
    const { ids, logits } = referenceOf(name);
    const rows = await prefilled(model, ids);
    const error = rows.map((row, i) => row.map((z, v) => z - logits[i]![v]!));
    expect(spread(error) / spread(logits)).toBeLessThan(most);
    expect(agreement(rows, logits)).toBeGreaterThan(0.99 - 3 * Math.min(most, 0.2));
    const stepwise = await decoded(model, ids);
    expect(furthest(stepwise, rows)).toBeLessThan(type === 'fp16' ? 0.05 : 1e-4);
    expect(model.info.numericClass).toBe(`${type}/0/cpu`);
    await model.close();
  });
});

describe('a checkpoint in an older spelling is the same model', () => {
  const expectSame = async (dir: string, name: string): Promise<void> => {
    const out = `${dir}-made`;
    await importModel(dir, { out });
    const model = await LanguageModel.open(out, { threads: 1 });
    const { ids, logits } = referenceOf(name);
    expect(furthest(await prefilled(model, ids), logits)).toBeLessThan(1e-4);
    await model.close();
  };

  it("Llama 3's rope as rope_theta and rope_scaling, and Llama 2's angles beside the weights", async () => {
    const dir = downloaded(root, 'llama3', 'old-llama3');
    const { rope_theta, ...scaling } = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'))
      .rope_parameters as Record<string, unknown>;
    await expectSame(
      configure(dir, { rope_parameters: undefined, rope_theta, rope_scaling: scaling }),
      'llama3',
    );
    const angles = 'model.layers.0.self_attn.rotary_emb.inv_freq';
    const with2 = rewrite(downloaded(root, 'llama', 'old-llama'), (header, data) => {
      const offsets = [data.length, data.length + 32];
      header[angles] = { dtype: 'F32', shape: [8], data_offsets: offsets };
      return Buffer.concat([data, Buffer.alloc(32)]);
    });
    await expectSame(with2, 'llama');
  });

  it('GPT-2 with names that begin with the layers, and masks beside the weights', async () => {
    const dir = rewrite(downloaded(root, 'gpt2', 'old-gpt2'), (header, data) => {
      for (const [name, entry] of Object.entries(header)) {
        delete header[name];
        header[name.replace(/^transformer\./, '')] = entry;
      }
      const offsets = [data.length, data.length + 64];
      header['h.0.attn.bias'] = { dtype: 'U8', shape: [1, 1, 8, 8], data_offsets: offsets };
      return Buffer.concat([data, Buffer.alloc(64)]);
    });
    await expectSame(dir, 'gpt2');
  });
});

describe('an imported graph', () => {
  it.each(['llama', 'qwen3', 'gpt2'])(
    'of %s decodes several answers in one run, each as alone',
    async (name) => {
      const dir = join(root, `${name}-fp32`);
      const model = await LanguageModel.open(dir, { threads: 1, batch: 3 });
      expect(model.info.batch).toBe(3);
      const { ids } = referenceOf(name);
      const answer = async (length: number): Promise<number[]> => {
        const promptIds = ids.slice(0, length);
        const request = {
          promptIds,
          sampling: GREEDY,
          seed: new Uint8Array(32),
          maxTokens: 16,
          stop: [],
        };
        return (await model.generate(request)).ids;
      };
      const lengths = [3, 9, 17];
      const alone: number[][] = [];
      for (const length of lengths) alone.push(await answer(length));
      expect(await Promise.all(lengths.map(answer))).toEqual(alone);
      await model.close();
    },
  );
});
