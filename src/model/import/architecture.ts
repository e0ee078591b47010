import { BitmodelError } from '../../base/index.js';
import { type Rope, readRope } from './rope.js';

type Json = Readonly<Record<string, unknown>>;

/** Sizes that every decoder has. */
interface Sizes {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Width between the two products of the feed-forward part. */
  readonly intermediate: number;
  readonly vocabulary: number;
  /** Most positions. */
  readonly context: number;
  readonly normEpsilon: number;
  /** Whether the head's weights are those of the embedding of tokens. */
  readonly tied: boolean;
}

/** Llama and those built like it: Mistral, Qwen2, Qwen3. */
export interface LlamaShape extends Sizes {
  readonly kind: 'llama';
  readonly rope: Rope;
  readonly queryKeyValueBias: boolean;
  readonly outputBias: boolean;
  readonly feedForwardBias: boolean;
  /** Whether each head's query and key are normed before they turn (Qwen3). */
  readonly queryKeyNorm: boolean;
}

/** GPT-2: learned positions, biases everywhere, LayerNorm. */
export interface Gpt2Shape extends Sizes {
  readonly kind: 'gpt2';
  /** Factor of the products of query and key. */
  readonly attentionScale: number | undefined;
}

/** All that the numbers of a model don't say themselves. */
export type DecoderShape = LlamaShape | Gpt2Shape;

function refuse(why: string): BitmodelError {
  return new BitmodelError('UNSUPPORTED_MODEL', `This model can't be imported: ${why}.`, {
    next: 'Look for an ONNX export of it, such as those of onnx-community',
  });
}

/** Sizes beyond this are no model's; it keeps products of two of them exact. */
const MOST = 1 << 26;
/** Numbers in the tables of cosines and sines: a context of a million with heads of 256. */
const MOST_POSITIONS = 2 ** 28;

function sizeOf(config: Json, name: string, fallback?: number): number {
  const value = config[name] ?? fallback;
  if (Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MOST) {
    return value as number;
  }
  throw refuse(`${name} in its config.json is no size`);
}

function positiveOf(config: Json, name: string, fallback: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === 'number' && value > 0 && value < 1) return value;
  throw refuse(`${name} in its config.json is no small positive number`);
}

function flagOf(config: Json, name: string, fallback: boolean): boolean {
  const value = config[name] ?? fallback;
  if (typeof value === 'boolean') return value;
  throw refuse(`${name} in its config.json is neither true nor false`);
}

function demand(config: Json, name: string, allowed: readonly unknown[]): void {
  const value = config[name];
  if (value === undefined || value === null || allowed.includes(value)) return;
  throw refuse(`its ${name} is ${JSON.stringify(value)}, which we don't do`);
}

/** Attention to all that came before is what the graph has; a window no narrower than the context is the same. */
function demandFullAttention(config: Json, context: number, usual: number | undefined): void {
  const window = config.sliding_window === undefined ? usual : config.sliding_window;
  const used = config.use_sliding_window ?? usual !== undefined;
  if (used !== false && typeof window === 'number' && window < context) {
    throw refuse(`its attention reaches back ${window} positions only, of a context of ${context}`);
  }
  const kinds = config.layer_types;
  if (!Array.isArray(kinds)) return;
  const other = kinds.find((kind) => kind !== 'full_attention' && kind !== 'sliding_attention');
  if (other !== undefined) throw refuse(`it has layers of the kind ${JSON.stringify(other)}`);
}

/** Before anything is made of them. */
function demandPositions(context: number, headSize: number): void {
  if (context * headSize <= MOST_POSITIONS) return;
  throw refuse(`a context of ${context} positions with heads of ${headSize} is too large`);
}

function demandHeads({ heads, keyValueHeads, headSize }: Sizes): void {
  if (heads % keyValueHeads !== 0) throw refuse('its heads are no multiple of its key-value heads');
  if (headSize % 16 !== 0) throw refuse(`its head size ${headSize} is no multiple of 16`);
}

/** What distinguishes the types that are built like Llama. */
interface LlamaKind {
  readonly bias: (config: Json) => {
    queryKeyValue: boolean;
    output: boolean;
    feedForward: boolean;
  };
  readonly queryKeyNorm: boolean;
  /** Positions that attention reaches back where the config says nothing of it. */
  readonly window?: number;
  readonly headSize?: number;
}

const NO_BIAS = { queryKeyValue: false, output: false, feedForward: false };
const LLAMA_KINDS: Readonly<Record<string, LlamaKind>> = {
  llama: {
    bias: (config) => {
      const attention = flagOf(config, 'attention_bias', false);
      const feedForward = flagOf(config, 'mlp_bias', false);
      return { queryKeyValue: attention, output: attention, feedForward };
    },
    queryKeyNorm: false,
  },
  mistral: { bias: () => NO_BIAS, queryKeyNorm: false, window: 4096 },
  qwen2: { bias: () => ({ ...NO_BIAS, queryKeyValue: true }), queryKeyNorm: false },
  qwen3: {
    bias: (config) => {
      const attention = flagOf(config, 'attention_bias', false);
      return { queryKeyValue: attention, output: attention, feedForward: false };
    },
    queryKeyNorm: true,
    headSize: 128,
  },
};

function readLlama(config: Json, kind: LlamaKind): LlamaShape {
  demand(config, 'hidden_act', ['silu', 'swish']);
  const hidden = sizeOf(config, 'hidden_size');
  const heads = sizeOf(config, 'num_attention_heads');
  const headSize = sizeOf(config, 'head_dim', kind.headSize ?? hidden / heads);
  const context = sizeOf(config, 'max_position_embeddings');
  demandFullAttention(config, context, kind.window);
  demandPositions(context, headSize);
  const bias = kind.bias(config);
  const shape: LlamaShape = {
    kind: 'llama',
    layers: sizeOf(config, 'num_hidden_layers'),
    hidden,
    heads,
    keyValueHeads: sizeOf(
      config,
      'num_key_value_heads',
      kind === LLAMA_KINDS.llama ? heads : undefined,
    ),
    headSize,
    intermediate: sizeOf(config, 'intermediate_size'),
    vocabulary: sizeOf(config, 'vocab_size'),
    context,
    normEpsilon: positiveOf(config, 'rms_norm_eps', 1e-6),
    tied: flagOf(config, 'tie_word_embeddings', false),
    rope: readRope(config, headSize),
    queryKeyValueBias: bias.queryKeyValue,
    outputBias: bias.output,
    feedForwardBias: bias.feedForward,
    queryKeyNorm: kind.queryKeyNorm,
  };
  demandHeads(shape);
  return shape;
}

function readGpt2(config: Json): Gpt2Shape {
  demand(config, 'activation_function', ['gelu_new', 'gelu_pytorch_tanh']);
  demand(config, 'add_cross_attention', [false]);
  demand(config, 'scale_attn_by_inverse_layer_idx', [false]);
  const hidden = sizeOf(config, 'n_embd', 768);
  const heads = sizeOf(config, 'n_head', 12);
  const headSize = sizeOf({ headSize: hidden / heads }, 'headSize');
  const shape: Gpt2Shape = {
    kind: 'gpt2',
    layers: sizeOf(config, 'n_layer', 12),
    hidden,
    heads,
    keyValueHeads: heads,
    headSize,
    intermediate: sizeOf(config, 'n_inner', 4 * hidden),
    vocabulary: sizeOf(config, 'vocab_size', 50_257),
    context: sizeOf(config, 'n_positions', 1024),
    normEpsilon: positiveOf(config, 'layer_norm_epsilon', 1e-5),
    tied: flagOf(config, 'tie_word_embeddings', true),
    attentionScale: flagOf(config, 'scale_attn_weights', true) ? undefined : 1,
  };
  demandHeads(shape);
  return shape;
}

/**
 * Reads a config.json of Hugging Face's transformers. Whatever it asks for that the graph would not do is refused.
 * @throws BitmodelError `UNSUPPORTED_MODEL`
 */
export function readDecoderShape(config: Json): DecoderShape {
  const type = config.model_type;
  if (config.auto_map !== undefined) throw refuse('it brings program code of its own (auto_map)');
  if (config.quantization_config !== undefined) {
    throw refuse('its weights are quantised already (quantization_config)');
  }
  if (type === 'gpt2') return readGpt2(config);
  const kind = typeof type === 'string' && Object.hasOwn(LLAMA_KINDS, type) && LLAMA_KINDS[type];
  if (kind) return readLlama(config, kind);
  const known = [...Object.keys(LLAMA_KINDS), 'gpt2'].join(', ');
  throw refuse(`its model_type is ${JSON.stringify(type)}, and only ${known} are built`);
}
