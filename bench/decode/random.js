import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importModel } from 'bitmodel/model';

const TINY = fileURLToPath(new URL('../../fixtures/bitmodel-tiny', import.meta.url));

/** SmolLM2-135M's. */
export const SHAPE = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 576,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  head_dim: 64,
  intermediate_size: 1536,
  vocab_size: 49_152,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
};

/** Names and sizes of a Llama's weights. */
function tensorsOf(shape) {
  const { hidden_size: width, intermediate_size: inner, head_dim: size } = shape;
  const queries = shape.num_attention_heads * size;
  const keys = shape.num_key_value_heads * size;
  const layer = (index) =>
    Object.entries({
      'input_layernorm.weight': [width],
      'self_attn.q_proj.weight': [queries, width],
      'self_attn.k_proj.weight': [keys, width],
      'self_attn.v_proj.weight': [keys, width],
      'self_attn.o_proj.weight': [width, queries],
      'post_attention_layernorm.weight': [width],
      'mlp.gate_proj.weight': [inner, width],
      'mlp.up_proj.weight': [inner, width],
      'mlp.down_proj.weight': [width, inner],
    }).map(([name, dims]) => [`model.layers.${index}.${name}`, dims]);
  return [
    ['model.embed_tokens.weight', [shape.vocab_size, width]],
    ...Array.from({ length: shape.num_hidden_layers }, (_, index) => layer(index)).flat(),
    ['model.norm.weight', [width]],
  ];
}

/** A checkpoint of random weights, the same each time, as Hugging Face's transformers would write it. */
export function writeRandom(dir, shape) {
  mkdirSync(dir, { recursive: true });
  const header = {};
  let end = 0;
  const tensors = tensorsOf(shape);
  for (const [name, dims] of tensors) {
    const start = end;
    end += 4 * dims.reduce((product, n) => product * n, 1);
    header[name] = { dtype: 'F32', shape: dims, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(dir, 'model.safetensors'), 'w');
  writeSync(file, Buffer.concat([length, text]));
  let state = 1;
  for (const [, dims] of tensors) {
    const values = new Float32Array(dims.reduce((product, n) => product * n, 1));
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      values[i] = dims.length === 1 ? 1 : state * (0.05 / 2 ** 31);
    }
    writeSync(file, new Uint8Array(values.buffer));
  }
  closeSync(file);
  writeFileSync(join(dir, 'config.json'), JSON.stringify(shape));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(TINY, name), join(dir, name));
  }
}

/** Both number types of a model of this shape with random weights, made once: speed does not depend on what the weights say. */
export async function randomModels(cache, shape = SHAPE) {
  const source = join(cache, 'random');
  if (!existsSync(join(source, 'config.json'))) writeRandom(source, shape);
  const models = {};
  for (const [name, type] of [
    ['int4', 'q4'],
    ['fp32', 'fp32'],
  ]) {
    const dir = `${source}-${type}`;
    if (!existsSync(dir)) await importModel(source, { out: dir, type });
    const file = type === 'q4' ? 'onnx/model_q4.onnx' : 'onnx/model.onnx';
    models[name] = { dir, file, dtype: type, hasExternalData: true };
  }
  return models;
}
