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

/** What one answer took: seconds to its first token, and from there to its last. */
function taken({ ids, times, asked }) {
  return {
    ids,
    firstSeconds: (times[0] - asked) / 1000,
    seconds: (times.at(-1) - times[0]) / 1000,
    steps: ids.length - 1,
  };
}

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
      const cpu = process.cpuUsage();
      const answer = taken(await engine.decode(message.promptIds, message.tokens, message));
      const { user, system } = process.cpuUsage(cpu);
      process.send({ ...answer, cpuSeconds: (user + system) / 1e6 });
    }
  } catch (thrown) {
    process.send({ failed: String(thrown?.stack ?? thrown) });
  }
});
