import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BitmodelError, EXIT, makeWholeFolder, type PartialFolder } from '../../base/index.js';
import { assertFolder, readBundleJson } from '../config.js';
import { type OnnxModel, writeOnnx } from '../onnx/graph.js';
import { type DecoderShape, readDecoderShape } from './architecture.js';
import { Checkpoint, fileOf } from './Checkpoint.js';
import { type FillProgress, fillFile } from './fillFile.js';
import { GraphBuilder } from './graph/GraphBuilder.js';
import { buildGpt2 } from './graph/gpt2.js';
import { buildLlama } from './graph/llama.js';
import type { ProductSettings } from './graph/parts.js';
import type { Bits } from './quantise.js';
import { wantsZeroPoints } from './zeroPoints.js';

/** Number types that a model can be imported as: all of it, or, of the last two, the weights of its products. */
export type ImportType = 'fp32' | 'fp16' | 'int8' | 'q4';

/** What is made of a checkpoint. */
export interface ImportOptions extends FillProgress {
  /** Folder to be made; it must not be there, or be empty. */
  readonly out: string;
  /** `fp32` unless stated. */
  readonly type?: ImportType;
  /** Of int8 and q4: 0 (unless stated) sums in fp32, 4 rounds activations to 8 bits, and verification loosens. */
  readonly accuracyLevel?: 0 | 4;
}

/** A model that was imported. */
export interface ImportedModel {
  readonly dir: string;
  /** The graph, by its path inside the folder. */
  readonly file: string;
  readonly shape: DecoderShape;
  /** Bytes of the graph's weights. */
  readonly weightBytes: number;
}

/** The name that onnx-community gives a graph of each type. */
const STEMS: Readonly<Record<ImportType, string>> = {
  fp32: 'model',
  fp16: 'model_fp16',
  int8: 'model_int8',
  q4: 'model_q4',
};
const BITS: Readonly<Record<ImportType, Bits | undefined>> = {
  fp32: undefined,
  fp16: undefined,
  int8: 8,
  q4: 4,
};

/** Files beside the weights that belong to a model. */
const NEEDED = ['config.json', 'tokenizer.json'];
const WELCOME =
  /^(generation_config\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|tokenizer\.model|chat_template\.(jinja|json)|README\.md|(LICEN[CS]E|NOTICE|USE_POLICY)(\.\w+)?)$/i;

function copyCompanions(dir: string, to: string): void {
  for (const name of NEEDED) {
    if (existsSync(join(dir, name))) continue;
    throw new BitmodelError('BAD_CHECKPOINT', `There is no ${name} in ${dir}.`, {
      next: "Fetch the model's other files, too",
      exitCode: EXIT.notFound,
    });
  }
  for (const name of readdirSync(dir)) {
    if (NEEDED.includes(name) || WELCOME.test(name))
      copyFileSync(fileOf(dir, name), join(to, name));
  }
}

function build(
  graph: GraphBuilder,
  checkpoint: Checkpoint,
  settings: ProductSettings,
): {
  shape: DecoderShape;
  model: OnnxModel;
} {
  const shape = readDecoderShape(readBundleJson(checkpoint.dir, 'config.json') ?? {});
  const model =
    shape.kind === 'llama'
      ? buildLlama(graph, shape, checkpoint, settings)
      : buildGpt2(graph, shape, checkpoint, settings);
  return { shape, model };
}

/**
 * Builds an ONNX model of a folder with safetensors, as Hugging Face's transformers writes them (DESIGN 7): a new folder in the
 * layout of onnx-community, whole or not at all. The weights are read in slices, so that a model need not fit into memory.
 * @throws BitmodelError `NOT_A_FOLDER`, `FOLDER_IN_USE`, `NO_SPACE`, `UNSUPPORTED_MODEL`, `BAD_MODEL_CONFIG`, `NO_SAFETENSORS`,
 *   `BAD_SAFETENSORS`, `BAD_CHECKPOINT`, `BAD_WEIGHTS`, `UNREADABLE_FILE`, `WRITE_FAILED`; an `AbortError`
 */
export async function importModel(dir: string, options: ImportOptions): Promise<ImportedModel> {
  const { type = 'fp32', accuracyLevel = 0 } = options;
  assertFolder(dir);
  const out = resolve(options.out);
  const stem = STEMS[type];
  const graph = new GraphBuilder(type === 'fp16' ? 'F16' : 'F32', `${stem}.onnx_data`);
  const { shape, model } = build(graph, Checkpoint.open(dir), {
    bits: BITS[type],
    accuracyLevel,
    zeroPoints: wantsZeroPoints,
  });
  const file = `onnx/${stem}.onnx`;
  const bytes = graph.dataBytes;
  const fill = async ({ dir: folder }: PartialFolder): Promise<void> => {
    copyCompanions(dir, folder);
    mkdirSync(join(folder, 'onnx'));
    writeFileSync(join(folder, file), writeOnnx(model));
    const data = join(folder, 'onnx', `${stem}.onnx_data`);
    await fillFile(data, bytes, graph.made, graph.fills, options);
  };
  await makeWholeFolder(out, fill, { bytes });
  return { dir: out, file, shape, weightBytes: bytes };
}
