import { openLlama } from './llama.js';
import { openOurs } from './ours.js';
import { openRaw } from './raw.js';
import { openTransformers } from './transformers.js';

/**
 * One engine in a process of its own, so that no thread of another shares its heap or its pool. Works off what it is asked by
 * messages: `{ promptIds, tokens }`, or `{ prompts, tokens }` for several answers at once.
 */
const ENGINES = {
  ours: openOurs,
  raw: openRaw,
  'transformers.js': openTransformers,
  'node-llama-cpp': openLlama,
};

let engine;
process.on('message', async (message) => {
  try {
    if (message.open) {
      engine = await ENGINES[message.open](message.model);
      process.send({ loadSeconds: engine.loadSeconds });
    } else if (message.close) {
      await engine.close();
      process.disconnect();
    } else if (message.prompts) {
      process.send(await engine.together(message.prompts, message.tokens));
    } else {
      process.send(await engine.decode(message.promptIds, message.tokens, message));
    }
  } catch (thrown) {
    process.send({ failed: String(thrown?.stack ?? thrown) });
  }
});
