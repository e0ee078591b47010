import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Clock } from './Clock.js';

const PEER = new URL(
  '../peers/transformers/node_modules/@huggingface/transformers/dist/transformers.node.mjs',
  import.meta.url,
);

export const transformersMissing = existsSync(PEER)
  ? undefined
  : 'transformers.js is not installed: npm --prefix bench/peers/transformers ci --ignore-scripts';

/** transformers.js on onnxruntime-node with the same ONNX file; nothing is fetched. */
export async function openTransformers({ dir, dtype, threads, hasExternalData = false }) {
  const { AutoModelForCausalLM, BaseStreamer, env, Tensor } = await import(PEER.href);
  env.allowRemoteModels = false;
  env.localModelPath = dirname(dir);
  const started = performance.now();
  const model = await AutoModelForCausalLM.from_pretrained(basename(dir), {
    local_files_only: true,
    device: 'cpu',
    dtype,
    use_external_data_format: hasExternalData,
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
  });
  const loadSeconds = (performance.now() - started) / 1000;
  /** Told the prompt, then each token as it is chosen. */
  class Listener extends BaseStreamer {
    clock = new Clock();
    #hasPrompt = false;
    put() {
      if (this.#hasPrompt) this.clock.tick();
      this.#hasPrompt = true;
    }
    end() {}
  }
  return {
    loadSeconds,
    decode: async (promptIds, tokens) => {
      const shape = [1, promptIds.length];
      const streamer = new Listener();
      const output = await model.generate({
        inputs: new Tensor('int64', BigInt64Array.from(promptIds, BigInt), shape),
        attention_mask: new Tensor('int64', new BigInt64Array(promptIds.length).fill(1n), shape),
        max_new_tokens: tokens,
        do_sample: false,
        streamer,
      });
      const ids = Array.from(output.data, Number).slice(promptIds.length);
      return streamer.clock.taken(ids);
    },
    close: () => model.dispose(),
  };
}
