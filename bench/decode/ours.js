import { LanguageModel } from 'bitmodel/model';
import { Clock } from './Clock.js';

const GREEDY = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };
const DRAWN = { temperatureMilli: 800, topK: 40, topPMilli: 950 };

/** Us, as a program uses the package: tokens come as messages from the thread that runs the model, with their text. */
export async function openOurs({ dir, file, threads, batch = 1 }) {
  const started = performance.now();
  const model = await LanguageModel.open(dir, { file, threads, batch, device: 'cpu' });
  const loadSeconds = (performance.now() - started) / 1000;
  const seed = new Uint8Array(32);
  const one = async (promptIds, tokens, sampling = GREEDY) => {
    const request = { promptIds, sampling, seed, maxTokens: tokens, stop: [] };
    const clock = new Clock();
    const { ids } = await model.generate(request, { onToken: () => clock.tick() });
    return { ids, clock };
  };
  return {
    loadSeconds,
    decode: async (promptIds, tokens, { drawn } = {}) => {
      const { ids, clock } = await one(promptIds, tokens, drawn ? DRAWN : GREEDY);
      return clock.taken(ids);
    },
    /** Several answers at once. @returns tokens per second while all are under way, and how many that were */
    together: async (prompts, tokens) => {
      const runs = await Promise.all(prompts.map((ids) => one(ids, tokens)));
      const from = Math.max(...runs.map(({ clock }) => clock.times[0]));
      const to = Math.min(...runs.map(({ clock }) => clock.times.at(-1)));
      const all = runs.flatMap(({ clock }) => clock.times);
      const within = all.filter((time) => time > from && time <= to).length;
      // where they ran one after another there is no such while
      return to > from
        ? { tokens: within, seconds: (to - from) / 1000 }
        : { tokens: all.length, seconds: (Math.max(...all) - runs[0].clock.asked) / 1000 };
    },
    close: () => model.close(),
  };
}
