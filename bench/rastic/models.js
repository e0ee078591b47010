import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importModel, LanguageModel, modelId } from 'bitmodel/model';
import { calibratePair, GRAPH_VARIANTS, readCalibration, toleranceFor } from 'bitmodel/rastic';

const HERE = new URL('.', import.meta.url);
const TINY = fileURLToPath(new URL('../../fixtures/bitmodel-tiny', HERE));
const CACHE = resolve(
  process.env.BITMODEL_BENCH_CACHE ?? fileURLToPath(new URL('../.cache', HERE)),
);
const PYTHON = process.env.BITMODEL_BENCH_PYTHON ?? 'python3';

/** A file made from another by weights.py, once. @returns its path, or undefined where Python or its packages are missing */
function converted(kind, source, name) {
  const target = join(CACHE, name);
  if (existsSync(target)) return target;
  mkdirSync(CACHE, { recursive: true });
  const program = fileURLToPath(new URL('weights.py', HERE));
  const done = spawnSync(PYTHON, [program, kind, source, target], { encoding: 'utf8' });
  if (done.status !== 0) {
    const why = done.error?.message ?? done.stderr.trim().split('\n').at(-1);
    process.stderr.write(`${name} can't be made by ${PYTHON}: ${why}\n`);
  }
  return done.status === 0 ? target : undefined;
}

/** What back ends need to know of a model beside its folder. */
function shapeOf(dir) {
  const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
  return {
    vocabularySize: config.vocab_size,
    contextLength: config.max_position_embeddings,
    keyHeads: config.num_key_value_heads,
    headSize: config.head_dim ?? config.hidden_size / config.num_attention_heads,
  };
}

/** How long near-ties are searched for where few runs are made. */
const SHORT_SEARCH = { rows: 2048, seeds: 5000, count: 12 };
const SHORTEST_SEARCH = { rows: 512, length: 128, seeds: 2000, count: 6 };

function tiny() {
  return {
    name: 'bitmodel-tiny',
    dir: TINY,
    file: 'onnx/model.onnx',
    ...shapeOf(TINY),
    weights: join(TINY, 'model.safetensors'),
    gguf: converted('gguf', TINY, 'bitmodel-tiny-f32.gguf'),
    longest: 512,
    tokens: [24, 64, 160],
    search: { rows: 16_384, seeds: 20_000, count: 24 },
    share: 1,
  };
}

/** The bundled model's weights under a graph of attention operators, which can be batched. */
async function imported() {
  const dir = join(CACHE, 'bitmodel-tiny-imported');
  if (!existsSync(dir)) await importModel(TINY, { out: dir });
  return {
    ...tiny(),
    name: 'bitmodel-tiny imported',
    dir,
    batches: true,
    search: SHORT_SEARCH,
    share: 0.1,
  };
}

function smollm2(file) {
  const dir = join(CACHE, 'smollm2-135m');
  if (!existsSync(join(dir, file))) return undefined;
  const shape = {
    dir,
    file,
    ...shapeOf(dir),
    longest: 96,
    tokens: [12, 32, 48],
    search: SHORTEST_SEARCH,
    big: true,
    batches: true,
    share: 0.02,
  };
  if (file !== 'onnx/model.onnx') return { name: `smollm2-135m ${file}`, ...shape };
  const gguf = join(dir, 'model-f32.gguf');
  return {
    name: 'smollm2-135m',
    ...shape,
    gguf,
    weights: converted('safetensors', gguf, 'smollm2-135m-f32.safetensors'),
  };
}

/** A quantised file of the bundled model, made of the same weights: a model of a numeric class of its own. */
function quantised(name, share) {
  const { weights, gguf, ...model } = tiny();
  const graph = GRAPH_VARIANTS[name](readFileSync(join(TINY, model.file)));
  return { ...model, name: `bitmodel-tiny ${name}`, graph, search: SHORT_SEARCH, share };
}

/**
 * The models at hand, smallest first. `share` says how many runs each gets, 1 being most; `tokens` how long answers are:
 * least, most, and the length of the odd long one; `longest` how long prompt and answer are where the prompt is a long one; `search` how long near-ties are searched for.
 */
export async function findModels() {
  return [
    tiny(),
    await imported(),
    quantised('int8', 0.1),
    quantised('int4', 0.1),
    quantised('int8-activations', 0.05),
    smollm2('onnx/model.onnx'),
    smollm2('onnx/model_q4.onnx'),
    smollm2('onnx/model_int8.onnx'),
  ].filter((model) => model !== undefined);
}

const PLAN = {
  prompts: ['The American people are', 'def fibonacci(n):\n'],
  samplings: [
    { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    { temperatureMilli: 800, topK: 40, topPMilli: 950 },
  ],
  tokens: 32,
  blocks: [1, 16, 128],
};

/** Opens the model as a user would, or otherwise. */
export const openModel = (model, options = {}) =>
  LanguageModel.open(model.dir, { file: model.file, graph: model.graph, ...options });

/**
 * The tolerance that speaks of the model: of the calibration that lies beside it, else as measured here by the same rule.
 * @returns units of the logits
 */
export async function toleranceOf(model, { numericClass }) {
  if (!model.graph) {
    const own = readCalibration(model.dir, await modelId(model.dir), model.file);
    const tau = own && toleranceFor(own, numericClass, numericClass);
    if (tau !== undefined) return { tau, from: 'its calibration' };
  }
  const settings = [2, 1].map((threads) => ({
    name: `${threads} threads`,
    open: () => openModel(model, { threads }),
  }));
  const { tauMicro } = await calibratePair({ sellers: settings, verifiers: settings }, PLAN);
  return { tau: tauMicro / 1_000_000, from: 'a calibration measured here' };
}
