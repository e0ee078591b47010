import { existsSync } from 'node:fs';

const PEER = new URL('../peers/llama/node_modules/node-llama-cpp/dist/index.js', import.meta.url);

export const llamaCppMissing = existsSync(PEER)
  ? undefined
  : 'llama.cpp is not installed: npm --prefix bench/peers/llama ci --ignore-scripts --omit=optional';

/**
 * llama.cpp on the CPU, weights in binary32.
 * @param cacheType numbers that keys and values are kept in: `F32`, or `F16` as llama.cpp does unless told otherwise
 */
export async function openLlamaCpp(model, { cacheType, threads }) {
  const { getLlama, LlamaLogLevel } = await import(PEER.href);
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const loaded = await llama.loadModel({ modelPath: model.gguf, gpuLayers: 0 });
  const context = await loaded.createContext({
    contextSize: Math.min(model.contextLength, 1024),
    sequences: 1,
    threads,
    flashAttention: false,
    experimentalKvCacheKeyType: cacheType,
    experimentalKvCacheValueType: cacheType,
  });
  const width = model.vocabularySize;
  return {
    session: async () => {
      const sequence = context.getSequence();
      await sequence.clearHistory();
      return {
        feed: async (ids) => {
          const last = [
            ids.at(-1),
            { generateNext: { logits: true, options: { temperature: 0 } } },
          ];
          const results = await sequence.controlledEvaluate([...ids.slice(0, -1), last]);
          const row = new Float32Array(width);
          for (const [id, logit] of results.at(-1).next.logits) row[id] = logit;
          return row;
        },
        close: async () => sequence.dispose(),
      };
    },
    close: async () => {
      await context.dispose();
      await loaded.dispose();
      await llama.dispose();
    },
  };
}
