import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel, LanguageModel } from '#src/model/index.js';
import {
  agreement,
  decoded,
  downloaded,
  furthest,
  makeRoot,
  prefilled,
  referenceOf,
} from './setup.js';

let root: string;
beforeAll(() => {
  root = makeRoot();
});
afterAll(() => rmSync(root, { recursive: true }));

const ARCHITECTURES = ['llama', 'llama-biased', 'llama3', 'mistral', 'qwen2', 'qwen3'];

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
});
