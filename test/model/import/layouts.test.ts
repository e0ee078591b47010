import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '#src/base/index.js';
import { importModel, LanguageModel } from '#src/model/index.js';
import { asField, contents, fieldsOf, integerField, textField } from '#src/model/onnx/fields.js';
import { renamed } from '#src/model/onnx/renamed.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { decoded, downloaded, furthest, makeRoot, prefilled, referenceOf } from './setup.js';

let root: string;
/** A folder that importing made, in fp32. */
let plain: string;
const { ids, logits } = referenceOf('llama');

beforeAll(async () => {
  root = makeRoot();
  plain = join(root, 'plain');
  await importModel(downloaded(root, 'llama'), { out: plain });
});
afterAll(() => rmSync(root, { recursive: true }));

/** A model's folder of these files, copied from the plain one, and a tokenizer. */
function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(root, name);
  for (const [to, from] of Object.entries({ 'tokenizer.json': 'tokenizer.json', ...files })) {
    mkdirSync(dirname(join(dir, to)), { recursive: true });
    copyFileSync(join(plain, from), join(dir, to));
  }
  return dir;
}

/** Holds a folder as it is against what transformers computed. */
async function expectToRun(
  dir: string,
  most = 1e-4,
  file?: string,
): Promise<LanguageModel['info']> {
  const model = await LanguageModel.open(dir, { threads: 1, ...(file && { file }) });
  try {
    expect(furthest(await prefilled(model, ids), logits)).toBeLessThan(most);
    expect(furthest(await decoded(model, ids), logits)).toBeLessThan(most);
    return model.info;
  } finally {
    await model.close();
  }
}

const COMPANIONS = {
  'config.json': 'config.json',
  'generation_config.json': 'generation_config.json',
};
const DATA = 'onnx/model.onnx_data';

/** What ONNX Runtime GenAI's model builder writes beside a graph of this fixture. */
function genaiConfig(dir: string, decoder: object): void {
  const config = {
    model: {
      bos_token_id: 0,
      context_length: 64,
      decoder: {
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        filename: 'model.onnx',
        head_size: 16,
        hidden_size: 64,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        num_key_value_heads: 2,
        ...decoder,
      },
      eos_token_id: [0],
      pad_token_id: 0,
      type: 'llama',
      vocab_size: 128,
    },
    search: { do_sample: false, max_length: 64, past_present_share_buffer: true },
  };
  writeFileSync(join(dir, 'genai_config.json'), JSON.stringify(config, undefined, 4));
}

/** Exchanges the name of the file of external data in a graph. */
function externalIn(dir: string, graph: string, to: string): void {
  const bytes = readFileSync(join(dir, graph));
  const [tag, entry] = [(text: string) => textField(2, text), 'model.onnx_data'] as const;
  const old = Buffer.concat(tag(entry));
  expect(to).toHaveLength(entry.length);
  let text = bytes.toString('latin1');
  text = text.replaceAll(old.toString('latin1'), Buffer.concat(tag(to)).toString('latin1'));
  writeFileSync(join(dir, graph), Buffer.from(text, 'latin1'));
}

describe('a folder as downloaded runs as it is', () => {
  it('of onnx-community, with a graph of each type beside the others', async () => {
    const dir = folderOf('community', {
      ...COMPANIONS,
      'onnx/model.onnx': 'onnx/model.onnx',
      [DATA]: DATA,
    });
    for (const type of ['fp16', 'q4', 'int8'] as const) {
      const made = join(root, `community-${type}`);
      await importModel(join(root, 'llama'), { out: made, type });
      for (const name of [`model_${type}.onnx`, `model_${type}.onnx_data`]) {
        copyFileSync(join(made, 'onnx', name), join(dir, 'onnx', name));
      }
    }
    expect(await expectToRun(dir)).toMatchObject({
      file: 'onnx/model.onnx',
      numericClass: 'fp32/0/cpu',
    });
    const fp16 = await expectToRun(dir, 0.1, 'onnx/model_fp16.onnx');
    expect(fp16.numericClass).toBe('fp16/0/cpu');
    rmSync(join(dir, 'onnx/model.onnx'));
    expect(await expectToRun(dir, 0.1)).toMatchObject({ file: 'onnx/model_fp16.onnx' });
    rmSync(join(dir, 'onnx/model_fp16.onnx'));
    expect(await expectToRun(dir, 6)).toMatchObject({ numericClass: 'q4/0/cpu' });
  });

  it('of ONNX Runtime GenAI, without a config.json and with its own name of the data', async () => {
    const dir = folderOf('genai', { 'model.onnx': 'onnx/model.onnx', 'model.onnx.data': DATA });
    externalIn(dir, 'model.onnx', 'model.onnx.data');
    genaiConfig(dir, {
      inputs: {
        input_ids: 'input_ids',
        attention_mask: 'attention_mask',
        past_key_names: 'past_key_values.%d.key',
        past_value_names: 'past_key_values.%d.value',
      },
      outputs: {
        logits: 'logits',
        present_key_names: 'present.%d.key',
        present_value_names: 'present.%d.value',
      },
    });
    expect(await expectToRun(dir)).toMatchObject({
      file: 'model.onnx',
      contextLength: 64,
      endIds: [0],
      layers: 2,
      hasCache: true,
      architecture: 'llama',
    });
  });

  it('of ONNX Runtime GenAI, with names of inputs and outputs that only its config knows', async () => {
    const dir = folderOf('named', { 'model.onnx': 'onnx/model.onnx', 'model.onnx_data': DATA });
    const names = new Map([
      ['input_ids', 'tokens'],
      ['attention_mask', 'mask'],
      ['logits', 'scores'],
      ...[0, 1].flatMap((layer) =>
        (['key', 'value'] as const).flatMap((kind): [string, string][] => [
          [`past_key_values.${layer}.${kind}`, `past_${kind}_${layer}_in`],
          [`present.${layer}.${kind}`, `past_${kind}_${layer}_out`],
        ]),
      ),
    ]);
    const path = join(dir, 'model.onnx');
    writeFileSync(path, renamed(memorySource(readFileSync(path)), undefined, names));
    genaiConfig(dir, {
      inputs: {
        input_ids: 'tokens',
        attention_mask: 'mask',
        past_key_names: 'past_key_%d_in',
        past_value_names: 'past_value_%d_in',
      },
      outputs: {
        logits: 'scores',
        present_key_names: 'past_key_%d_out',
        present_value_names: 'past_value_%d_out',
      },
    });
    expect(await expectToRun(dir)).toMatchObject({ hasCache: true, layers: 2 });
  });

  it('but not a decoder that is made of several graphs, which is said', async () => {
    const dir = folderOf('pipeline', { 'model.onnx': 'onnx/model.onnx' });
    genaiConfig(dir, { pipeline: [{ embeddings: { filename: 'embeddings.onnx' } }] });
    await expect(LanguageModel.open(dir)).rejects.toMatchObject({
      code: 'BAD_MODEL_CONFIG',
      message: expect.stringMatching(/several graphs/) as string,
    });
  });

  it('with a merged decoder, whose branches are chosen by use_cache_branch', async () => {
    const dir = folderOf('merged', { ...COMPANIONS, [DATA]: DATA });
    const path = join(dir, 'onnx/decoder_model_merged.onnx');
    writeFileSync(path, merged(readFileSync(join(plain, 'onnx/model.onnx'))));
    expect(await expectToRun(dir)).toMatchObject({
      file: 'onnx/decoder_model_merged.onnx',
      hasCache: true,
    });
  });

  it('and by the name of its only graph, whatever it is', async () => {
    const dir = folderOf('single', {
      ...COMPANIONS,
      'llama-cpu.onnx': 'onnx/model.onnx',
      'model.onnx_data': DATA,
    });
    expect(await expectToRun(dir)).toMatchObject({ file: 'llama-cpu.onnx' });
    renameSync(join(dir, 'model.onnx_data'), join(dir, 'elsewhere'));
    await expect(LanguageModel.open(dir)).rejects.toMatchObject({ code: 'EXTERNAL_DATA_MISSING' });
  });
});

/**
 * The graph within both branches of an If, as optimum merges a decoder with and one without past: the branches have no
 * inputs of their own and take the outer graph's, as they do its weights.
 */
function merged(bytes: Uint8Array): Uint8Array {
  const [NODE, NAME, INITIALIZER, INPUT, OUTPUT, GRAPH] = [1, 2, 5, 11, 12, 7] as const;
  const model = fieldsOf(bytes);
  const graph = fieldsOf(contents(model, GRAPH)[0]!);
  const of = (...numbers: number[]): Uint8Array[] =>
    graph.filter(({ number }) => numbers.includes(number)).map(({ whole }) => whole);
  const branch = (name: string): Uint8Array[] => {
    const inner = [...of(NODE, OUTPUT), ...textField(NAME, name)];
    const graphType = integerField(20, 5);
    return asField(5, [...textField(1, name), ...asField(6, inner), graphType]);
  };
  const outputs = contents(graph, OUTPUT).map((output) => contents(fieldsOf(output), 1)[0]!);
  const node = [
    ...textField(1, 'use_cache_branch'),
    ...outputs.flatMap((name) => asField(2, [name])),
    ...textField(4, 'If'),
    ...branch('then_branch'),
    ...branch('else_branch'),
  ];
  const shape = asField(2, asField(1, [integerField(1, 1)]));
  const type = asField(2, asField(1, [integerField(1, 9), ...shape]));
  const flag = asField(INPUT, [...textField(1, 'use_cache_branch'), ...type]);
  const outer = asField(GRAPH, [
    ...asField(NODE, node),
    ...textField(NAME, 'merged'),
    ...of(INITIALIZER, INPUT, OUTPUT),
    ...flag,
  ]);
  return concatBytes(
    ...model.filter(({ number }) => number !== GRAPH).map(({ whole }) => whole),
    ...outer,
  );
}
