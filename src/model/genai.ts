import { BitmodelError } from '../base/index.js';

type Json = Readonly<Record<string, unknown>>;

/** What onnx-community calls the tensors that ONNX Runtime GenAI's config may name otherwise; `%d` is a layer's number. */
const INPUTS: Readonly<Record<string, string>> = {
  input_ids: 'input_ids',
  attention_mask: 'attention_mask',
  position_ids: 'position_ids',
  past_key_names: 'past_key_values.%d.key',
  past_value_names: 'past_key_values.%d.value',
  past_names: 'past_%d',
};
const OUTPUTS: Readonly<Record<string, string>> = {
  logits: 'logits',
  present_key_names: 'present.%d.key',
  present_value_names: 'present.%d.value',
  present_names: 'present_%d',
};
/** More layers than any model has. */
const MOST_LAYERS = 4096;

/**
 * The usual names of a graph's inputs and outputs by those that the `model.decoder` of a genai_config.json gives them
 * (onnxruntime.ai, "Generate API, config reference").
 * @param layers as many as the cache may have
 * @returns undefined where all are the usual ones
 * @throws BitmodelError `BAD_MODEL_CONFIG` for a decoder in several graphs
 */
export function genaiNames(decoder: Json, layers = 0): ReadonlyMap<string, string> | undefined {
  if (Array.isArray(decoder.pipeline) && decoder.pipeline.length > 0) {
    throw new BitmodelError(
      'BAD_MODEL_CONFIG',
      'genai_config.json says that the decoder is made of several graphs, which is not done here.',
      { next: 'Fetch an export for CPU or CUDA, in one graph' },
    );
  }
  const names = new Map<string, string>();
  for (const [given, usual] of [
    [decoder.inputs, INPUTS],
    [decoder.outputs, OUTPUTS],
  ] as const) {
    for (const [key, name] of Object.entries((given ?? {}) as object)) {
      const target = Object.hasOwn(usual, key) ? usual[key]! : undefined;
      if (target === undefined || typeof name !== 'string' || name === target) continue;
      if (!target.includes('%d')) names.set(name, target);
      else
        for (let layer = 0; layer < Math.min(layers, MOST_LAYERS); layer++) {
          names.set(name.replace('%d', String(layer)), target.replace('%d', String(layer)));
        }
    }
  }
  return names.size > 0 ? names : undefined;
}
