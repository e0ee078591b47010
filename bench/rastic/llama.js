import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from './safetensors.js';

/**
 * The numbers of one precision: arrays that hold them, and products that add one term after the other. No library for
 * linear algebra adds in that order: they keep 8 to 64 partial sums of a row at once. (Four rows side by side change no sum;
 * they only keep the processor busy while it waits for each.)
 */
const PRECISIONS = {
  binary64: {
    make: (length) => new Float64Array(length),
    round: (x) => x,
    dot(a, aStart, b, bStart, length) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += a[aStart + i] * b[bStart + i];
      return sum;
    },
    fourRows(matrix, at, vector, result, row) {
      const length = vector.length;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let i = 0; i < length; i++) {
        const x = vector[i];
        s0 += matrix[at + i] * x;
        s1 += matrix[at + length + i] * x;
        s2 += matrix[at + 2 * length + i] * x;
        s3 += matrix[at + 3 * length + i] * x;
      }
      result.set([s0, s1, s2, s3], row);
    },
  },
  binary32: {
    make: (length) => new Float32Array(length),
    round: Math.fround,
    dot(a, aStart, b, bStart, length) {
      let sum = Math.fround(0);
      for (let i = 0; i < length; i++) {
        sum = Math.fround(sum + Math.fround(a[aStart + i] * b[bStart + i]));
      }
      return sum;
    },
    fourRows(matrix, at, vector, result, row) {
      const length = vector.length;
      const f = Math.fround;
      let [s0, s1, s2, s3] = [f(0), f(0), f(0), f(0)];
      for (let i = 0; i < length; i++) {
        const x = vector[i];
        s0 = f(s0 + f(matrix[at + i] * x));
        s1 = f(s1 + f(matrix[at + length + i] * x));
        s2 = f(s2 + f(matrix[at + 2 * length + i] * x));
        s3 = f(s3 + f(matrix[at + 3 * length + i] * x));
      }
      result.set([s0, s1, s2, s3], row);
    },
  },
};

/** Positions that a stream has room for, where the context is longer. */
const CAPACITY = 1024;

function readLayer(tensors, index) {
  const of = (name) => tensors.get(`model.layers.${index}.${name}.weight`);
  return {
    attentionNorm: of('input_layernorm'),
    query: of('self_attn.q_proj'),
    key: of('self_attn.k_proj'),
    value: of('self_attn.v_proj'),
    output: of('self_attn.o_proj'),
    mlpNorm: of('post_attention_layernorm'),
    gate: of('mlp.gate_proj'),
    up: of('mlp.up_proj'),
    down: of('mlp.down_proj'),
  };
}

/**
 * A Llama forward pass written out plainly, token by token, from config.json and model.safetensors: root mean square norm,
 * grouped query attention with rotary positions (halves rotated), SwiGLU, head tied to the embeddings where there is none.
 * It shares no code with any run time, so its logits differ from theirs in the last digits nearly everywhere.
 */
export class Llama {
  /** @param precision `binary64` or `binary32`: of activations and sums; weights are binary32 as shipped */
  constructor(dir, precision, weights = join(dir, 'model.safetensors')) {
    const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
    const tensors = readSafetensors(weights);
    this.numbers = PRECISIONS[precision];
    this.width = config.hidden_size;
    this.heads = config.num_attention_heads;
    this.keyHeads = config.num_key_value_heads;
    this.headSize = config.head_dim ?? this.width / this.heads;
    this.inner = config.intermediate_size;
    this.vocabularySize = config.vocab_size;
    this.capacity = Math.min(config.max_position_embeddings, CAPACITY);
    this.epsilon = config.rms_norm_eps;
    this.theta = config.rope_theta ?? config.rope_parameters?.rope_theta ?? 10_000;
    this.embedding = tensors.get('model.embed_tokens.weight');
    this.head = tensors.get('lm_head.weight') ?? this.embedding;
    this.norm = tensors.get('model.norm.weight');
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => readLayer(tensors, i));
  }

  /** A token stream with its own cache of keys and values. */
  session() {
    const { make } = this.numbers;
    const size = this.capacity * this.keyHeads * this.headSize;
    const cache = this.layers.map(() => ({ keys: make(size), values: make(size) }));
    let length = 0;
    return {
      feed: async (ids) => {
        let logits;
        for (let i = 0; i < ids.length; i++) {
          const state = this.#step(ids[i], length++, cache);
          if (i === ids.length - 1) logits = this.#logits(state);
        }
        return logits;
      },
      close: async () => {},
    };
  }

  #step(id, position, cache) {
    const { make } = this.numbers;
    const state = make(this.width);
    state.set(this.embedding.subarray(id * this.width, (id + 1) * this.width));
    for (let index = 0; index < this.layers.length; index++) {
      const layer = this.layers[index];
      const mixed = this.#attend(
        this.#normalise(state, layer.attentionNorm),
        layer,
        position,
        cache[index],
      );
      for (let i = 0; i < this.width; i++) state[i] += mixed[i];
      const thought = this.#think(this.#normalise(state, layer.mlpNorm), layer);
      for (let i = 0; i < this.width; i++) state[i] += thought[i];
    }
    return state;
  }

  #logits(state) {
    const logits = this.#multiply(
      this.head,
      this.#normalise(state, this.norm),
      this.vocabularySize,
    );
    return Float32Array.from(logits);
  }

  /** matrix · vector; rows are a multiple of four in every Llama. */
  #multiply(matrix, vector, rows) {
    const { make, fourRows } = this.numbers;
    const result = make(rows);
    for (let row = 0; row < rows; row += 4)
      fourRows(matrix, row * vector.length, vector, result, row);
    return result;
  }

  #normalise(vector, scale) {
    const { make, round, dot } = this.numbers;
    const square = round(dot(vector, 0, vector, 0, vector.length) / vector.length);
    const factor = round(1 / Math.sqrt(square + this.epsilon));
    const result = make(vector.length);
    for (let i = 0; i < vector.length; i++) result[i] = round(vector[i] * factor) * scale[i];
    return result;
  }

  #rotate(vector, heads, position) {
    const { round } = this.numbers;
    const half = this.headSize / 2;
    for (let i = 0; i < half; i++) {
      const angle = position * this.theta ** (-i / half);
      const cos = round(Math.cos(angle));
      const sin = round(Math.sin(angle));
      for (let head = 0; head < heads; head++) {
        const at = head * this.headSize + i;
        const a = vector[at];
        const b = vector[at + half];
        vector[at] = round(a * cos) - round(b * sin);
        vector[at + half] = round(b * cos) + round(a * sin);
      }
    }
    return vector;
  }

  #attend(input, layer, position, { keys, values }) {
    const { make, round, dot } = this.numbers;
    const { heads, keyHeads, headSize } = this;
    const stride = keyHeads * headSize;
    const query = this.#rotate(
      this.#multiply(layer.query, input, heads * headSize),
      heads,
      position,
    );
    const key = this.#rotate(this.#multiply(layer.key, input, stride), keyHeads, position);
    keys.set(key, position * stride);
    values.set(this.#multiply(layer.value, input, stride), position * stride);
    const scale = round(1 / Math.sqrt(headSize));
    const mixed = make(heads * headSize);
    const weights = make(position + 1);
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor((head * keyHeads) / heads) * headSize;
      for (let at = 0; at <= position; at++) {
        weights[at] = scale * dot(query, head * headSize, keys, at * stride + shared, headSize);
      }
      this.#softmax(weights);
      for (let at = 0; at <= position; at++) {
        const weight = weights[at];
        const from = at * stride + shared;
        for (let i = 0; i < headSize; i++) {
          mixed[head * headSize + i] += round(weight * values[from + i]);
        }
      }
    }
    return this.#multiply(layer.output, mixed, this.width);
  }

  #softmax(scores) {
    const { round } = this.numbers;
    let greatest = Number.NEGATIVE_INFINITY;
    for (const score of scores) if (score > greatest) greatest = score;
    let sum = 0;
    for (let i = 0; i < scores.length; i++) {
      scores[i] = Math.exp(scores[i] - greatest);
      sum = round(sum + scores[i]);
    }
    for (let i = 0; i < scores.length; i++) scores[i] /= sum;
  }

  #think(input, layer) {
    const gate = this.#multiply(layer.gate, input, this.inner);
    const up = this.#multiply(layer.up, input, this.inner);
    for (let i = 0; i < this.inner; i++) gate[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
    return this.#multiply(layer.down, gate, this.width);
  }
}
