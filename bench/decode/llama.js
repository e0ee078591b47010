import { Clock } from './Clock.js';

const PEER = new URL('../peers/llama/node_modules/node-llama-cpp/dist/index.js', import.meta.url);

/** llama.cpp through node-llama-cpp, by its own defaults for a CPU, weights of a GGUF made of the same model. */
export async function openLlama({ gguf, threads, contextSize }) {
  const { getLlama, LlamaLogLevel } = await import(PEER.href);
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const started = performance.now();
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const loadSeconds = (performance.now() - started) / 1000;
  const context = await model.createContext({ contextSize, sequences: 1, threads });
  return {
    loadSeconds,
    decode: async (promptIds, tokens) => {
      const sequence = context.getSequence();
      await sequence.clearHistory();
      const ids = [];
      const clock = new Clock();
      for await (const id of sequence.evaluate(promptIds, {
        temperature: 0,
        yieldEogToken: true,
      })) {
        ids.push(id);
        clock.tick();
        if (ids.length === tokens) break;
      }
      const taken = clock.taken(ids);
      sequence.dispose();
      return taken;
    },
    close: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
