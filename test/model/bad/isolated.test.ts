import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateRequest, GREEDY, LanguageModel, type OpenOptions } from '#src/model/index.js';
import { bundleWith, CRASHES_AT_7, CRASHES_WHEN_LOADED, endlessAt, graphWith } from './graphs.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-isolated-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const isolated: OpenOptions = { isolate: true, threads: 1 };
const request = (...promptIds: number[]): GenerateRequest => ({
  promptIds,
  sampling: GREEDY,
  seed: new Uint8Array(32),
  maxTokens: 3,
  stop: [],
});

describe('a model in a process of its own', () => {
  it('says what it says in a thread, to the bit', async () => {
    const [here, there] = await Promise.all([
      LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1 }),
      LanguageModel.open('fixtures/bitmodel-tiny', isolated),
    ]);
    try {
      expect(there.info).toEqual(here.info);
      const promptIds = here.tokenizer.encode('The American people');
      const rows: Float32Array[][] = [];
      for (const model of [here, there]) {
        const seen: Float32Array[] = [];
        await model.prefill(promptIds, { onLogits: (_, logits) => void seen.push(logits) });
        const session = await model.session();
        seen.push(await session.feed(promptIds));
        rows.push(seen);
      }
      expect(rows[1]).toEqual(rows[0]);
      const asked = { ...request(...promptIds), maxTokens: 8 };
      expect((await there.generate(asked)).ids).toEqual((await here.generate(asked)).ids);
    } finally {
      await Promise.all([here.close(), there.close()]);
    }
  });

  it('is an error of its calls, not the end of all, when its graph crashes ONNX Runtime, and starts anew with the next call', async () => {
    const folder = bundleWith(join(dir, 'crash'), {
      'onnx/model.onnx': graphWith(CRASHES_AT_7),
    });
    const model = await LanguageModel.open(folder, isolated);
    try {
      expect((await model.generate(request(3))).ids).toHaveLength(1);
      const both = await Promise.allSettled([
        model.generate(request(7)),
        model.generate(request(3, 7)),
      ]);
      for (const outcome of both) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: 'MODEL_WORKER_DIED' },
        });
      }
      const again = await Promise.all([model.generate(request(3)), model.generate(request(4))]);
      for (const { ids } of again) expect(ids).toHaveLength(1);
    } finally {
      await model.close();
    }
    await expect(model.generate(request(3))).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
  });

  it('is an error when its graph crashes ONNX Runtime as it is loaded', async () => {
    const folder = bundleWith(join(dir, 'crash-at-once'), {
      'onnx/model.onnx': graphWith(CRASHES_WHEN_LOADED),
    });
    await expect(LanguageModel.open(folder, isolated)).rejects.toMatchObject({
      code: 'MODEL_WORKER_DIED',
      next: expect.stringMatching(/\S/) as string,
    });
  });

  it('is an error when its graph takes for ever to run', async () => {
    const folder = bundleWith(join(dir, 'endless'), {
      'onnx/model.onnx': graphWith(endlessAt(7n)),
    });
    const model = await LanguageModel.open(folder, { ...isolated, longestSilence: 5000 });
    try {
      expect((await model.generate(request(3))).ids).toHaveLength(1);
      await expect(model.generate(request(7))).rejects.toMatchObject({
        code: 'MODEL_WORKER_DIED',
        message: expect.stringContaining('has not answered') as string,
      });
      expect((await model.generate(request(3))).ids).toHaveLength(1);
    } finally {
      await model.close();
    }
  });
});
