import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  GREEDY,
  importModel,
  LanguageModel,
  loadTokenizer,
  readBundle,
  readProtection,
  ServedBundle,
} from '#src/model/index.js';
import { readGraphFacts } from '#src/model/onnx/facts.js';
import { asField, textField } from '#src/model/onnx/fields.js';
import { writeExternalTensor } from '#src/model/onnx/tensor.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { cases, timeLimit } from '../../long.js';
import { bundleWith, floats, graphWith, integers } from './graphs.js';

let dir: string;
let made = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-bad-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

type Files = Readonly<Record<string, Uint8Array | string>>;
const GRAPH = graphWith({});
const bundle = (files: Files): string =>
  bundleWith(join(dir, `b${made++}`), { 'onnx/model.onnx': GRAPH, ...files });
const tokenizer = JSON.parse(readFileSync('fixtures/bitmodel-tiny/tokenizer.json', 'utf8')) as {
  model: { vocab: Record<string, number> };
};
const tokenizerWith = (changes: object): Files => ({
  'tokenizer.json': JSON.stringify({ ...tokenizer, ...changes }),
});
const split = (Regex: string): object => ({
  pre_tokenizer: { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
});
const config = (changes: object): Files => ({
  'config.json': JSON.stringify({ max_position_embeddings: 512, vocab_size: 2048, ...changes }),
});

/** Opens a model, and asks it one thing. */
async function tryOut(folder: string): Promise<LanguageModel['info']> {
  const model = await LanguageModel.open(folder, { threads: 1 });
  try {
    const promptIds = model.tokenizer.encode('The whale');
    const request = {
      promptIds,
      sampling: GREEDY,
      seed: new Uint8Array(32),
      maxTokens: 1,
      stop: [],
    };
    await model.generate(request);
    return model.info;
  } finally {
    await model.close();
  }
}

/** A graph whose head lies in a file that is named so. */
const external = (location: string): Uint8Array =>
  graphWith({
    initializers: [
      [
        'head',
        writeExternalTensor('head', 1, [4, 2048], { location, offset: 0, length: 4 * 4 * 2048 }),
      ],
    ],
  });

describe('a model of strangers, in one sentence', () => {
  it.each<[string, string, () => Files]>([
    ['config.json that is no object', 'BAD_MODEL_CONFIG', () => ({ 'config.json': '[]' })],
    [
      'config.json that ends too early',
      'BAD_MODEL_CONFIG',
      () => ({ 'config.json': `{"a":${'['.repeat(1e6)}` }),
    ],
    ['a tokenizer without a model', 'BAD_TOKENIZER', () => ({ 'tokenizer.json': '{}' })],
    [
      'a tokenizer of an unknown kind',
      'BAD_TOKENIZER',
      () => tokenizerWith({ model: { type: 'Foo', vocab: {} } }),
    ],
    [
      'a tokenizer with an unknown part',
      'BAD_TOKENIZER',
      () => tokenizerWith({ decoder: { type: 'Foo' } }),
    ],
    [
      'a tokenizer with an id that is none',
      'BAD_TOKENIZER',
      () => tokenizerWith({ model: { ...tokenizer.model, vocab: { a: 'x' } } }),
    ],
    [
      'a tokenizer with an id far off',
      'BAD_TOKENIZER',
      () => tokenizerWith({ added_tokens: [{ id: 1e9, content: 'x' }] }),
    ],
    ['a tokenizer with a broken expression', 'BAD_TOKENIZER', () => tokenizerWith(split('((('))],
    [
      'a tokenizer with an endless expression',
      'BAD_TOKENIZER',
      () => tokenizerWith(split('(a|b)'.repeat(200_000))),
    ],
    [
      'a tokenizer of 50,000 parts in one another',
      'BAD_TOKENIZER',
      () => ({
        'tokenizer.json': `{"model":{"type":"BPE","vocab":{},"merges":[]},"pre_tokenizer":${'{"type":"Sequence","pretokenizers":['.repeat(50_000)}{"type":"ByteLevel"}${']}'.repeat(50_000)}}`,
      }),
    ],
    [
      'external data outside the folder',
      'BAD_EXTERNAL_DATA',
      () => ({ 'onnx/model.onnx': external('../tokenizer.json') }),
    ],
    [
      'external data that is the whole disk',
      'BAD_EXTERNAL_DATA',
      () => ({ 'onnx/model.onnx': external('/dev/zero') }),
    ],
    [
      'external data that ends too early',
      'MODEL_LOAD_FAILED',
      () => ({ 'onnx/model.onnx': external('data'), 'onnx/data': 'short' }),
    ],
    [
      'an operator set of the future',
      'MODEL_LOAD_FAILED',
      () => ({ 'onnx/model.onnx': graphWith({ opset: 99 }) }),
    ],
    [
      'weights that are no numbers',
      'BAD_LOGITS',
      () => ({ 'onnx/model.onnx': graphWith({ value: Number.NaN }) }),
    ],
    [
      'weights of the wrong shape',
      'MODEL_LOAD_FAILED',
      () => ({ 'onnx/model.onnx': graphWith({ initializers: [floats('head', [5, 2048])] }) }),
    ],
    ['an empty graph', 'BAD_ONNX', () => ({ 'onnx/model.onnx': '' })],
    ['a graph that is a text', 'BAD_ONNX', () => ({ 'onnx/model.onnx': 'What could this be?' })],
  ])('%s', async (_, code, files) => {
    const thrown = await tryOut(bundle(files())).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(BitmodelError);
    const { code: found, message, next } = thrown as BitmodelError;
    expect(found, message).toBe(code);
    expect(message).toMatch(/[.]$/);
    expect(message.length).toBeLessThan(1000);
    expect(next).toMatch(/\S/);
  });

  it('a graph that asks for a million times the memory there is', async () => {
    const { makeNode } = await import('#src/model/onnx/graph.js');
    const graph = graphWith({
      nodes: [
        makeNode('ConstantOfShape', ['shape'], ['large']),
        makeNode('ReduceMax', ['large'], ['extra'], { integers: { keepdims: 0 } }),
      ],
      initializers: [integers('shape', [2n ** 48n])],
    });
    await expect(tryOut(bundle({ 'onnx/model.onnx': graph }))).rejects.toMatchObject({
      code: expect.stringMatching(/^(MODEL_RUN_FAILED|MODEL_LOAD_FAILED|OUT_OF_MEMORY)$/) as string,
    });
  });

  it('an expression that takes for ever is stopped when a text is encoded', () => {
    const loaded = loadTokenizer(bundle(tokenizerWith(split('(a+)+\\?'))));
    expect(() => loaded.encode(`${'a'.repeat(60)}!`)).toThrow(
      expect.objectContaining({ code: 'BAD_TOKENIZER' }) as Error,
    );
  });

  it.skipIf(process.platform === 'win32')(
    'a pipe in the place of a file is not waited for',
    async () => {
      const folder = bundle({});
      rmSync(join(folder, 'config.json'));
      execFileSync('mkfifo', [join(folder, 'config.json')]);
      await expect(LanguageModel.open(folder)).rejects.toMatchObject({ code: 'BAD_MODEL_CONFIG' });
      const imported = importModel(folder, { out: join(folder, 'out') });
      await expect(imported).rejects.toThrow(BitmodelError);
      const pipes = ['bitmodel.json', 'bitmodel.torrent', 'protection.json', 'chat_template.jinja'];
      for (const name of pipes) execFileSync('mkfifo', [join(folder, name)]);
      const unreadable = { code: 'UNREADABLE_FILE' };
      expect(() => readBundle(folder)).toThrow(expect.objectContaining(unreadable) as Error);
      expect(() => readProtection(folder)).toThrow(expect.objectContaining(unreadable) as Error);
      await expect(ServedBundle.open(folder)).rejects.toMatchObject(unreadable);
      expect(loadTokenizer(folder).hasChatTemplate).toBe(false);
    },
  );
});

describe('weights that the id would not cover', () => {
  const weights = Buffer.alloc(4 * 4 * 2048);
  it.each([
    '.weights',
    'w.torrent',
    'w.calibration.json',
    'bitmodel.json',
    'BitModel.JSON',
    '.d/w',
    'd/.w',
    'd\\w',
    'CON',
  ])('are not run from %s', async (location) => {
    const folder = bundle({ 'onnx/model.onnx': external(location), [`onnx/${location}`]: weights });
    await expect(tryOut(folder)).rejects.toMatchObject({ code: 'BAD_EXTERNAL_DATA' });
  });

  it('are not run however their place is written', async () => {
    const entry = (...parts: Uint8Array[][]) => asField(13, parts.flat());
    const location = [textField(2, '.w'), textField(1, 'location')];
    const tensors = {
      'value first': entry(...location),
      'named twice': entry(textField(1, 'location'), textField(2, 'w'), textField(2, '.w')),
    };
    for (const [how, place] of Object.entries(tensors)) {
      const tensor = Buffer.concat([...textField(8, 'head'), ...place]);
      const attribute = (number: number, content: Uint8Array) =>
        asField(5, [...textField(1, 'value'), ...asField(number, [content])]);
      const inSparse = Buffer.concat(asField(1, [tensor]));
      const inGraph = Buffer.concat(asField(5, [tensor]));
      const nodes = [
        ...[attribute(5, tensor), attribute(10, tensor), attribute(6, inGraph)],
        ...[attribute(11, inGraph), attribute(22, inSparse), attribute(23, inSparse)],
      ].map((parts) => asField(1, [...textField(4, 'Constant'), ...parts]));
      const plain = asField(1, textField(4, 'Constant'));
      const graphs = [
        ...nodes,
        [...plain, ...asField(5, [tensor])],
        [...plain, ...asField(15, [inSparse])],
      ];
      for (const graph of graphs) {
        const model = Buffer.concat(asField(7, graph));
        expect(readGraphFacts(memorySource(model)).externalFiles, how).toEqual(['.w']);
      }
    }
  });

  it('are run from folders of their own beside the graph', async () => {
    const folder = bundle({ 'onnx/model.onnx': external('./d/w'), 'onnx/d/w': weights });
    expect((await tryOut(folder)).vocabularySize).toBe(2048);
  });

  it('are no graph with a hidden name, even where there is no other', async () => {
    const folder = bundle({ 'onnx/.model.onnx': GRAPH });
    rmSync(join(folder, 'onnx/model.onnx'));
    mkdirSync(join(folder, 'onnx/folder.onnx'));
    await expect(tryOut(folder)).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING' });
  });

  it.each(['.h/model.onnx', '../outside.onnx', 'model.torrent'])(
    'is no graph at %s',
    async (file) => {
      const folder = bundle({ [file]: GRAPH });
      await expect(LanguageModel.open(folder, { file })).rejects.toMatchObject({
        code: 'BAD_MODEL_FILE',
      });
      const genai = JSON.stringify({ model: { decoder: { filename: file } } });
      writeFileSync(join(folder, 'genai_config.json'), genai);
      expect((await tryOut(folder)).file).toBe('onnx/model.onnx');
    },
  );
});

describe('nonsense in the settings of a model that can be run all the same', () => {
  it.each([
    ['a context of 0', { max_position_embeddings: 0, n_positions: 300 }, 300],
    ['a context of 10³⁰', { max_position_embeddings: 1e30 }, 2048],
    ['a context of 2⁵³ − 1', { max_position_embeddings: 2 ** 53 - 1, n_ctx: 400 }, 400],
    ['heads that do not fit', { num_attention_heads: 7, num_key_value_heads: 3, head_dim: 5 }, 512],
    ['a thousand million layers', { num_hidden_layers: 1e9 }, 512],
    ['a text in the place of a part', { text_config: 'x', architectures: [{}] }, 512],
  ])('%s', async (_, changes, context) => {
    const info = await tryOut(bundle(config(changes)));
    expect(info.contextLength).toBe(context);
  });

  it('external data that is the graph itself is read once', async () => {
    expect(
      (await tryOut(bundle({ 'onnx/model.onnx': external('model.onnx') }))).vocabularySize,
    ).toBe(2048);
  });

  it('a GenAI folder does not name a file outside itself', async () => {
    const outside = join(dir, 'outside.onnx');
    writeFileSync(outside, 'not to be read');
    mkdirSync(join(dir, 'x'), { recursive: true });
    const genai = JSON.stringify({ model: { decoder: { filename: '../outside.onnx' } } });
    expect((await tryOut(bundle({ 'genai_config.json': genai }))).file).toBe('onnx/model.onnx');
  });
});

describe('a damaged graph', () => {
  const damaged = fc
    .tuple(fc.nat(GRAPH.length - 1), fc.constantFrom('cut', 'flip', 'drop', 'ones'), fc.nat(255))
    .map(([position, how, value]) => {
      // most of the file is weights; what matters is at its ends
      const at = position % 2 === 0 ? position % 600 : GRAPH.length - 1 - (position % 600);
      if (how === 'cut') return GRAPH.slice(0, at);
      if (how === 'drop')
        return Buffer.concat([GRAPH.slice(0, at), GRAPH.slice(at + 1 + (value % 9))]);
      const bytes = GRAPH.slice();
      if (how === 'flip') bytes[at]! ^= value || 1;
      else bytes.fill(0xff, at, at + 1 + (value % 10));
      return bytes;
    });

  it(
    'is read or refused, never more',
    () => {
      fc.assert(
        fc.property(damaged, (bytes) => {
          try {
            readGraphFacts(memorySource(bytes));
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        }),
        { numRuns: cases(5_000, 5_000_000) },
      );
    },
    timeLimit(240_000),
  );

  it(
    'is run or refused by ONNX Runtime, never more',
    async () => {
      const folder = bundle({});
      await fc.assert(
        fc.asyncProperty(damaged, async (bytes) => {
          writeFileSync(join(folder, 'onnx/model.onnx'), bytes);
          const thrown = await tryOut(folder).catch((error: unknown) => error);
          if (thrown instanceof Error) expect(thrown).toBeInstanceOf(BitmodelError);
        }),
        { numRuns: cases(30, 20_000) },
      );
    },
    timeLimit(240_000),
  );
});
