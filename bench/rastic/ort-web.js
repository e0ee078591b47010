import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PEER = new URL(
  '../peers/node_modules/onnxruntime-web/dist/ort.node.min.mjs',
  import.meta.url,
);

export const ortWebMissing = existsSync(PEER)
  ? undefined
  : 'onnxruntime-web is not installed: npm --prefix bench/peers ci --ignore-scripts';

/** Files of a graph's external data that lie beside it. */
function externalData(path) {
  const file = `${path}_data`;
  return existsSync(file) ? [{ path: file.split('/').at(-1), data: readFileSync(file) }] : [];
}

/**
 * ONNX Runtime's WebAssembly build, one thread, on its own: it shares kernels' sources with the native one, compiled to
 * 128-bit registers without fused multiply-add, so its sums are others.
 */
export async function openOrtWeb(model) {
  const ort = await import(PEER.href);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const path = join(model.dir, model.file);
  const session = await ort.InferenceSession.create(model.graph ?? readFileSync(path), {
    executionProviders: ['wasm'],
    externalData: externalData(path),
  });
  const slots = session.inputNames.filter((name) => name.startsWith('past_key_values.'));
  const { keyHeads, headSize } = model;

  const stream = () => {
    let cache = Object.fromEntries(
      slots.map((name) => [name, new ort.Tensor('float32', [], [1, keyHeads, 0, headSize])]),
    );
    let past = 0;
    return {
      feed: async (ids) => {
        const integers = (values) =>
          new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
        const feeds = { input_ids: integers(ids), ...cache };
        const total = past + ids.length;
        if (session.inputNames.includes('attention_mask')) {
          feeds.attention_mask = integers(new Array(total).fill(1));
        }
        if (session.inputNames.includes('position_ids')) {
          feeds.position_ids = integers(ids.map((_, i) => past + i));
        }
        const results = await session.run(feeds);
        past = total;
        for (const tensor of Object.values(cache)) tensor.dispose();
        cache = Object.fromEntries(
          slots.map((name) => [name, results[name.replace('past_key_values', 'present')]]),
        );
        const logits = results.logits;
        const row = logits.data.slice(-logits.dims.at(-1));
        logits.dispose();
        return row;
      },
      close: async () => {
        for (const tensor of Object.values(cache)) tensor.dispose();
      },
    };
  };
  return { session: async () => stream(), close: () => session.release() };
}
