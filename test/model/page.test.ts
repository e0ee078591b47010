import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getPublicKey, utils } from '@noble/secp256k1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { LanguageModel, protectModel, readModelPage } from '#src/model/index.js';
import { makeGraph } from './runtime/graph.js';

const TINY = 'fixtures/bitmodel-tiny';
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-page-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A copy of the bundled model, with some of its config changed. */
function copy(name: string, config: object = {}): string {
  const to = join(dir, name);
  cpSync(TINY, to, { recursive: true });
  const path = join(to, 'config.json');
  const own = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...own, ...config }));
  return to;
}

describe("a model's page", () => {
  it('has the measures of the bundled model, and what its cache takes', async () => {
    const page = readModelPage(TINY);
    expect(page).toMatchObject({
      architecture: 'LlamaForCausalLM',
      layers: 6,
      hiddenSize: 192,
      heads: 6,
      keyValueHeads: 2,
      headSize: 32,
      contextLength: 512,
      vocabularySize: 2048,
      hasChatTemplate: false,
      differences: [],
      graph: { file: 'onnx/model.onnx', numericType: 'fp32', accuracyLevel: 0, isDecoder: true },
    });
    // keys and values of 2 heads of 32 binary32 numbers in 6 layers
    expect(page.cache).toEqual({ perToken: 2 * 2 * 32 * 4 * 6, fixed: 0 });
    const model = await LanguageModel.open(TINY, { threads: 1 });
    expect(page.endTokens.map(({ id }) => id)).toEqual(model.info.endIds);
    expect(model.info.vocabularySize).toBe(page.vocabularySize);
    await model.close();
  });

  it('goes by the graph where the JSON files say otherwise, and says so', () => {
    const page = readModelPage(
      copy('lying', { num_hidden_layers: 60, num_key_value_heads: 6, vocab_size: 32_000 }),
    );
    expect(page).toMatchObject({ layers: 6, keyValueHeads: 2, vocabularySize: 2048 });
    expect(page.differences).toEqual([
      { what: 'layers', stated: 60, graph: 6 },
      { what: 'keyValueHeads', stated: 6, graph: 2 },
      { what: 'vocabularySize', stated: 32_000, graph: 2048 },
    ]);
  });

  it('takes the context that the graph has rotary tables for, where more is stated', () => {
    const to = copy('short', { max_position_embeddings: 4096 });
    writeFileSync(join(to, 'onnx/model.onnx'), makeGraph('group-query'));
    const page = readModelPage(to);
    expect(page.contextLength).toBe(1024);
    expect(page.differences).toContainEqual({ what: 'contextLength', stated: 4096, graph: 1024 });
  });

  it('counts a cache of binary16 by half', () => {
    const to = copy('half');
    writeFileSync(join(to, 'onnx/model_fp16.onnx'), makeGraph('group-query-half'));
    const page = readModelPage(to, 'onnx/model_fp16.onnx');
    expect(page.cache).toEqual({ perToken: 2 * 2 * 16 * 2 * 2, fixed: 0 });
  });

  it('lists the other graphs with their classes, and what is wrong with one that can not be used', () => {
    const to = copy('several');
    writeFileSync(join(to, 'onnx/model_fp16.onnx'), makeGraph('group-query-half'));
    writeFileSync(join(to, 'onnx/broken.onnx'), 'no graph');
    const { others } = readModelPage(to);
    expect(others).toEqual([
      { file: 'onnx/broken.onnx', problem: expect.stringContaining('ends too early') },
      expect.objectContaining({ file: 'onnx/model_fp16.onnx', accuracyLevel: 0, isDecoder: true }),
    ]);
  });

  it('is there for a folder without a tokenizer, which it says', () => {
    const to = copy('mute');
    rmSync(join(to, 'tokenizer.json'));
    const page = readModelPage(to);
    expect(page).toMatchObject({
      tokenizerProblem: expect.stringContaining('tokenizer.json'),
      endTokens: [{ id: 0, token: undefined }],
    });
  });

  it('says that a model is protected, and what would be needed to look into an encrypted one', async () => {
    const plain = copy('plain');
    const key = () => toHex(getPublicKey(utils.randomSecretKey(), true));
    const holders = { contributor: key(), platform: key() };
    const file = 'onnx/model.onnx';
    await protectModel(plain, join(dir, 'shuffled'), { ...holders, file });
    expect(readModelPage(join(dir, 'shuffled'))).toMatchObject({ isShuffled: true, layers: 6 });
    expect(readModelPage(plain).isShuffled).toBe(false);
    await protectModel(plain, join(dir, 'encrypted'), { ...holders, mode: 'full' });
    expect(() => readModelPage(join(dir, 'encrypted'))).toThrow(
      expect.objectContaining({ code: 'SHARES_MISSING' }),
    );
  });

  it('is refused for a folder without a graph, and for a graph that is none', () => {
    const to = copy('empty');
    writeFileSync(join(to, 'onnx/model.onnx'), '');
    expect(() => readModelPage(to)).toThrow(expect.objectContaining({ code: 'BAD_ONNX' }));
    rmSync(join(to, 'onnx/model.onnx'));
    writeFileSync(join(to, 'model.safetensors'), '');
    expect(() => readModelPage(to)).toThrow(
      expect.objectContaining({
        code: 'MODEL_FILE_MISSING',
        next: `Build an ONNX model of its safetensors: bitmodel model import ${to}`,
      }),
    );
  });
});
