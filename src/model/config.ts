import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { isBundlePath } from './bundle/names.js';
import { genaiNames } from './genai.js';

type Json = Record<string, unknown>;

/** What the JSON files of a bundle say about its model. */
export interface ModelConfig {
  readonly dir: string;
  /** Path of the ONNX file inside the folder, with `/`. */
  readonly file: string;
  readonly architecture: string;
  readonly contextLength: number;
  readonly endIds: readonly number[];
  /** Sizes for graphs whose shapes don't state them. */
  readonly vocabularySize: number | undefined;
  readonly layers: number | undefined;
  readonly hiddenSize: number | undefined;
  readonly heads: number | undefined;
  /** Whether the embedding is the last product's matrix, too. */
  readonly tiedEmbedding: boolean;
  readonly keyValueHeads: number | undefined;
  readonly headSize: number | undefined;
  /** Usual names of the graph's inputs and outputs by its own, where those are others. */
  readonly tensorNames: ReadonlyMap<string, string> | undefined;
}

/** Used when no file of the bundle states a context length. */
const FALLBACK_CONTEXT = 2048;
/** Tokenizers without a limit of their own state 10³⁰; what is beyond this is no statement. */
const LARGEST_CONTEXT = 1 << 27;
/** Largest JSON file that is read; vocabularies of a million tokens have some 70 MB. */
const LARGEST_JSON = 256 << 20;

const USUAL_FILES = [
  'onnx/model.onnx',
  'model.onnx',
  'onnx/decoder_model_merged.onnx',
  'onnx/model_fp16.onnx',
  'onnx/model_q4f16.onnx',
  'onnx/model_q4.onnx',
  'onnx/model_int8.onnx',
  'onnx/model_quantized.onnx',
];

/**
 * Parses a JSON file of the bundle.
 * @returns undefined when it isn't there
 * @throws BitmodelError `BAD_MODEL_CONFIG` when it isn't a JSON object
 */
export function readBundleJson(dir: string, name: string): Json | undefined {
  const path = join(dir, name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return undefined;
  try {
    // a pipe would be waited for
    if (!stats.isFile()) throw new Error('it is no file');
    if (stats.size > LARGEST_JSON) throw new Error(`it has more than ${LARGEST_JSON} bytes`);
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error('it holds no JSON object');
    }
    return value as Json;
  } catch (thrown) {
    throw new BitmodelError('BAD_MODEL_CONFIG', `${path} can't be read: ${messageOf(thrown)}.`, {
      next: 'Fetch the model again',
      cause: thrown,
    });
  }
}

/** @throws BitmodelError `NOT_A_FOLDER` */
export function assertFolder(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  const exists = existsSync(dir);
  throw new BitmodelError(
    'NOT_A_FOLDER',
    exists ? `${dir} is not a folder.` : `There is no folder ${dir}.`,
    {
      next: 'Name the folder that holds config.json and the ONNX file',
      exitCode: exists ? EXIT.usage : EXIT.notFound,
    },
  );
}

/** A path that a bundle or a person names, with `/`, if it is one that the model's id covers: in the folder, and nothing left out. */
function insidePath(path: string): string | undefined {
  const inside = normalize(path).split('\\').join('/');
  return isBundlePath(inside) ? inside : undefined;
}

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** ONNX files of a folder and of its `onnx`, by their paths inside it; only such as the model's id covers. */
export function listOnnxFiles(dir: string): string[] {
  return ['', 'onnx'].flatMap((folder) => {
    const path = join(dir, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((name) => name.endsWith('.onnx') && isBundlePath(name) && isFile(join(path, name)))
      .sort()
      .map((name) => (folder ? `${folder}/${name}` : name));
  });
}

function chooseFile(dir: string, asked: string | undefined, genai: Json): string {
  if (asked !== undefined) {
    const inside = insidePath(asked);
    if (inside === undefined) {
      throw new BitmodelError('BAD_MODEL_FILE', `${asked} can't be part of the model.`, {
        next: 'Name the file by its path inside the folder, such as onnx/model.onnx',
        exitCode: EXIT.usage,
      });
    }
    if (isFile(join(dir, inside))) return inside;
    throw missingFile(dir, asked);
  }
  const decoder = (genai.decoder ?? {}) as Json;
  const stated = decoder.filename;
  const named = typeof stated === 'string' ? insidePath(stated) : undefined;
  const candidates = named === undefined ? USUAL_FILES : [named, ...USUAL_FILES];
  const found = candidates.find((file) => isFile(join(dir, file)));
  const file = found ?? listOnnxFiles(dir)[0];
  if (file === undefined) throw missingFile(dir, 'onnx/model.onnx');
  return file;
}

function missingFile(dir: string, file: string): BitmodelError {
  const others = listOnnxFiles(dir);
  const none = readdirSync(dir).some((name) => name.endsWith('.safetensors'))
    ? `Build an ONNX model of its safetensors: bitmodel model import ${dir}`
    : 'Fetch the ONNX files of the model, or name another folder';
  return new BitmodelError('MODEL_FILE_MISSING', `There is no ${file} in ${dir}.`, {
    next: others.length > 0 ? `Choose one of: ${others.join(', ')}` : none,
    exitCode: EXIT.notFound,
  });
}

function contextOf(...values: unknown[]): number | undefined {
  return firstInteger(...values.map((value) => (Number(value) <= LARGEST_CONTEXT ? value : 0)));
}

function firstInteger(...values: unknown[]): number | undefined {
  return values.find((value) => Number.isSafeInteger(value) && (value as number) > 0) as
    | number
    | undefined;
}

function idsOf(value: unknown): number[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  const ids = list.filter((id): id is number => Number.isSafeInteger(id) && id >= 0);
  return ids.length > 0 ? [...new Set(ids)].sort((a, b) => a - b) : undefined;
}

/**
 * Reads what the JSON files of a bundle say; Hugging Face layouts of many architectures and ONNX Runtime GenAI folders.
 * @param file ONNX file asked for, else the usual names are tried
 * @throws BitmodelError `NOT_A_FOLDER`, `MODEL_FILE_MISSING`, `BAD_MODEL_CONFIG`, `BAD_MODEL_FILE`
 */
export function readModelConfig(dir: string, file?: string): ModelConfig {
  assertFolder(dir);
  const whole = readBundleJson(dir, 'config.json') ?? {};
  // models that also see or hear keep the language model's own numbers below
  const config: Json = { ...whole, ...((whole.text_config ?? {}) as Json) };
  const generation = readBundleJson(dir, 'generation_config.json') ?? {};
  const tokenizer = readBundleJson(dir, 'tokenizer_config.json') ?? {};
  const genai = (readBundleJson(dir, 'genai_config.json')?.model ?? {}) as Json;
  const decoder = (genai.decoder ?? {}) as Json;
  const heads = firstInteger(config.num_attention_heads, config.n_head, config.num_heads);
  const width = firstInteger(config.hidden_size, config.n_embd, config.d_model);
  const architectures = whole.architectures;
  const layers = firstInteger(
    config.num_hidden_layers,
    config.n_layer,
    config.num_layers,
    decoder.num_hidden_layers,
  );
  return {
    dir,
    file: chooseFile(dir, file, genai),
    architecture: String(
      (Array.isArray(architectures) ? architectures[0] : undefined) ??
        whole.model_type ??
        genai.type ??
        'unknown',
    ),
    contextLength:
      contextOf(
        config.max_position_embeddings,
        config.n_positions,
        config.n_ctx,
        config.max_seq_len,
        config.max_sequence_length,
        config.seq_length,
        genai.context_length,
        tokenizer.model_max_length,
      ) ?? FALLBACK_CONTEXT,
    endIds:
      idsOf(generation.eos_token_id) ??
      idsOf(config.eos_token_id) ??
      idsOf(genai.eos_token_id) ??
      [],
    vocabularySize: firstInteger(config.vocab_size, genai.vocab_size),
    layers,
    hiddenSize: width,
    heads,
    tiedEmbedding: config.tie_word_embeddings === true,
    keyValueHeads: firstInteger(
      config.num_key_value_heads,
      config.multi_query === true ? 1 : undefined,
      decoder.num_key_value_heads,
      heads,
    ),
    headSize: firstInteger(
      config.head_dim,
      decoder.head_size,
      heads && width ? width / heads : undefined,
    ),
    tensorNames: genaiNames(decoder, layers),
  };
}
