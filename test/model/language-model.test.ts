import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateRequest, GREEDY, LanguageModel } from '#src/model/index.js';
import { fieldsOf, memorySource } from '#src/model/onnx/wire.js';
import { halfToFloat } from '#src/model/runtime/half.js';

const FIXTURE = 'fixtures/bitmodel-tiny';
let dir: string;
let model: LanguageModel;
let request: GenerateRequest;

/** A copy of the bundled model to break. */
function variant(name: string): string {
  const copy = join(dir, name);
  for (const file of ['config.json', 'generation_config.json', 'tokenizer.json', 'onnx']) {
    cpSync(join(FIXTURE, file), join(copy, file), { recursive: true });
  }
  return copy;
}

/** Weights of the largest initialiser of an ONNX graph (ModelProto.graph.initializer.raw_data). */
function largestTensor(graph: Uint8Array): Uint8Array {
  const source = memorySource(graph);
  let largest = graph.subarray(0, 0);
  const visit = (start: number, end: number, path: readonly number[]): void => {
    for (const field of fieldsOf(source, start, end)) {
      if (field.number !== path[0]) continue;
      if (path.length > 1) visit(field.start, field.end, path.slice(1));
      else if (field.end - field.start > largest.length) {
        largest = graph.subarray(field.start, field.end);
      }
    }
  };
  visit(0, graph.length, [7, 5, 9]);
  return largest;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-model-'));
  model = await LanguageModel.open(FIXTURE, { threads: 1 });
  request = {
    promptIds: model.tokenizer.encode('The American people'),
    sampling: GREEDY,
    seed: new Uint8Array(32),
    maxTokens: 24,
    stop: [],
  };
});
afterAll(async () => {
  await model.close();
  rmSync(dir, { recursive: true });
});

describe('generating', () => {
  it('streams just the ids and the text that it returns', async () => {
    const ids: number[] = [];
    let text = '';
    const output = await model.generate(request, {
      onToken: (id, delta, position) => {
        expect(position).toBe(ids.length);
        ids.push(id);
        text += delta;
      },
    });
    expect(output).toMatchObject({ ids, text, finish: 'length' });
    expect(model.text(ids)).toBe(text);
  });

  it('draws the same tokens from the same seed, others from another', async () => {
    const sampling = { temperatureMilli: 900, topK: 50, topPMilli: 950 };
    const draw = async (seed: number) =>
      (await model.generate({ ...request, sampling, seed: new Uint8Array(32).fill(seed) })).ids;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  it('keeps requests that run at the same time apart', async () => {
    const other = { ...request, promptIds: model.tokenizer.encode('Call me') };
    const alone = [await model.generate(request), await model.generate(other)];
    const together = await Promise.all([model.generate(request), model.generate(other)]);
    expect(together.map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids));
  });

  it('ends with the token that completes a stop text', async () => {
    const whole = await model.generate(request);
    const output = await model.generate({ ...request, stop: ["world's"] });
    expect(output.finish).toBe('stop');
    expect(output.text.endsWith("world's")).toBe(true);
    expect(whole.ids.slice(0, output.ids.length)).toEqual(output.ids);
  });

  it('ends when the context is full', async () => {
    const promptIds = Array.from({ length: 510 }, () => 98);
    const output = await model.generate({ ...request, promptIds });
    expect(output).toMatchObject({ finish: 'length' });
    expect(output.ids).toHaveLength(2);
  });

  it('ends between two tokens when aborted, and goes on serving', async () => {
    const abort = new AbortController();
    const run = model.generate(
      { ...request, maxTokens: 400 },
      { signal: abort.signal, onToken: (_, __, position) => position === 3 && abort.abort() },
    );
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect((await model.generate(request)).ids).toHaveLength(24);
  });

  it('passes on what a listener throws, and goes on serving', async () => {
    const fail = (): never => {
      throw new RangeError('mine');
    };
    await expect(model.generate(request, { onToken: fail })).rejects.toThrow('mine');
    await expect(model.prefill([1, 2, 3], { onLogits: fail })).rejects.toThrow('mine');
    expect((await model.generate(request)).ids).toHaveLength(24);
  });

  it.each([
    ['EMPTY_PROMPT', { promptIds: [] }],
    ['PROMPT_TOO_LONG', { promptIds: Array.from({ length: 512 }, () => 98) }],
    ['BAD_TOKEN_ID', { promptIds: [2048] }],
    ['BAD_TOKEN_ID', { promptIds: [-1] }],
    ['BAD_MAX_TOKENS', { maxTokens: 0 }],
    ['BAD_SEED', { seed: new Uint8Array(31) }],
    ['BAD_SAMPLING', { sampling: { ...GREEDY, topPMilli: 0 } }],
  ])('refuses with %s', async (code, change) => {
    await expect(model.generate({ ...request, ...change })).rejects.toMatchObject({ code });
  });
});

describe('a model of another make', () => {
  it('opens without tokenizer_config.json, with a list of end tokens', async () => {
    const copy = variant('list');
    const { ids } = await model.generate(request);
    writeFileSync(
      join(copy, 'generation_config.json'),
      JSON.stringify({ eos_token_id: [ids[5], 0] }),
    );
    const opened = await LanguageModel.open(copy, { threads: 1 });
    try {
      expect(opened.info.endIds).toEqual([0, ids[5]]);
      expect(opened.info.numericClass).toBe('fp32/0/cpu');
      const output = await opened.generate(request);
      expect(output).toMatchObject({ finish: 'eos', ids: ids.slice(0, ids.indexOf(ids[5]!) + 1) });
      expect(output.text).toBe(opened.text(output.ids));
    } finally {
      await opened.close();
    }
    await expect(opened.generate(request)).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
  });

  it('opens from the bytes of a graph in place of the file', async () => {
    const graph = new Uint8Array(readFileSync(join(FIXTURE, 'onnx/model.onnx')));
    const opened = await LanguageModel.open(FIXTURE, { threads: 1, graph });
    const again = await opened.generate(request).finally(() => opened.close());
    expect(again.ids).toEqual((await model.generate(request)).ids);
  });

  it('ends what it is doing with an error when closed, even while a reader dawdles', async () => {
    const opened = await LanguageModel.open(FIXTURE, { threads: 1 });
    const calls = [
      opened.generate({ ...request, promptIds: [5, 6], maxTokens: 400 }),
      opened.prefill(Array(400).fill(7), { onLogits: () => new Promise(() => {}) }),
    ].map((call) => expect(call).rejects.toMatchObject({ code: 'MODEL_CLOSED' }));
    await opened.close();
    await Promise.all(calls);
    await opened.close();
  });

  it('answers by its chat template, written as text or as a list', async () => {
    const template =
      "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m['content'] }}\n{% endfor %}";
    for (const chat_template of [template, [{ name: 'default', template }]]) {
      const copy = variant(`chat-${typeof chat_template}`);
      const config = { chat_template, bos_token: { content: '<|endoftext|>' } };
      writeFileSync(join(copy, 'tokenizer_config.json'), JSON.stringify(config));
      const opened = await LanguageModel.open(copy, { threads: 1 });
      const ids = opened.tokenizer.applyChatTemplate([{ role: 'user', content: 'Hi' }]);
      await opened.close();
      expect(ids).toEqual([0, ...model.tokenizer.encode('user: Hi\n')]);
    }
    expect(() => model.tokenizer.applyChatTemplate([])).toThrow(
      expect.objectContaining({ code: 'NO_CHAT_TEMPLATE' }),
    );
  });
});

describe('a bundle that is no use', () => {
  const broken: [string, string, (copy: string) => void][] = [
    ['a missing graph', 'MODEL_FILE_MISSING', (copy) => rmSync(join(copy, 'onnx/model.onnx'))],
    [
      'a truncated graph',
      'BAD_ONNX',
      (copy) => truncateSync(join(copy, 'onnx/model.onnx'), 5_000_000),
    ],
    ['an empty graph', 'BAD_ONNX', (copy) => truncateSync(join(copy, 'onnx/model.onnx'), 0)],
    [
      'a foreign file',
      'BAD_ONNX',
      (copy) => cpSync(join(FIXTURE, 'README.md'), join(copy, 'onnx/model.onnx')),
    ],
    ['a missing tokenizer', 'TOKENIZER_MISSING', (copy) => rmSync(join(copy, 'tokenizer.json'))],
    [
      'a tokenizer that is none',
      'BAD_TOKENIZER',
      (copy) => writeFileSync(join(copy, 'tokenizer.json'), '{}'),
    ],
    [
      'a broken config',
      'BAD_MODEL_CONFIG',
      (copy) => writeFileSync(join(copy, 'config.json'), '{'),
    ],
    [
      'a tokenizer of a larger model',
      'TOKENIZER_MISMATCH',
      (copy) => {
        const path = join(copy, 'tokenizer.json');
        const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as {
          model: { vocab: Record<string, number> };
        };
        tokenizer.model.vocab.beyond = 2048;
        writeFileSync(path, JSON.stringify(tokenizer));
      },
    ],
  ];
  it.each(broken)('is refused: %s', async (name, code, breakIt) => {
    const copy = variant(name.replaceAll(' ', '-'));
    breakIt(copy);
    await expect(LanguageModel.open(copy, { threads: 1 })).rejects.toMatchObject({ code });
  });

  it('is refused: no folder at all', async () => {
    await expect(LanguageModel.open(join(dir, 'none'))).rejects.toMatchObject({
      code: 'NOT_A_FOLDER',
      exitCode: 3,
    });
  });

  it('gives an error, not tokens, where its weights make logits that are no numbers', async () => {
    const graph = new Uint8Array(readFileSync(join(FIXTURE, 'onnx/model.onnx')));
    largestTensor(graph).fill(0xff);
    const opened = await LanguageModel.open(FIXTURE, { threads: 1, graph });
    const run = opened.generate(request).finally(() => opened.close());
    await expect(run).rejects.toMatchObject({ code: 'BAD_LOGITS' });
  });
});

describe('binary16', () => {
  it.each([
    [0x0000, 0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x3555, 0.333251953125],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])('%i is %d', (bits, value) => {
    expect(halfToFloat(bits)).toBe(value);
  });

  it('keeps what is no number', () => {
    expect(halfToFloat(0x7e00)).toBeNaN();
  });
});
