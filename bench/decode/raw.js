import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Clock } from './Clock.js';

/** Tokens of a prompt computed in one run. */
const CHUNK = 128;

/**
 * The fastest loop over ONNX Runtime that one writes by hand: keys and values stay in tensors that are input and output of
 * every run, nothing is decoded to text, nothing leaves the thread, and the next token is the greatest of the last row.
 */
export async function openRaw({ dir, file, threads }) {
  const started = performance.now();
  const session = await InferenceSession.create(`${dir}/${file}`, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const loadSeconds = (performance.now() - started) / 1000;
  const slots = session.inputMetadata.filter(({ name }) => name.startsWith('past_key_values'));
  const hasPositions = session.inputNames.includes('position_ids');
  const presentOf = (name) => name.replace('past_key_values', 'present');
  const integers = (data, shape) => new Tensor('int64', data, shape);

  const decode = async (promptIds, tokens) => {
    const capacity = promptIds.length + tokens;
    const cache = {};
    const fetches = { logits: null };
    for (const { name, shape } of slots) {
      const [, heads, , size] = shape;
      const data = new Float32Array(heads * capacity * size);
      cache[name] = new Tensor('float32', data, [1, heads, capacity, size]);
      fetches[presentOf(name)] = cache[name];
    }
    const ones = new BigInt64Array(capacity).fill(1n);
    // one row of logits in the same memory each time
    const { shape } = session.outputMetadata.find(({ name }) => name === 'logits');
    const row = new Tensor('float32', new Float32Array(shape.at(-1)), [1, 1, shape.at(-1)]);
    const step = async (ids, past) => {
      const count = ids.length;
      const total = past + count;
      const feeds = { ...cache };
      feeds.input_ids = integers(BigInt64Array.from(ids, BigInt), [1, count]);
      feeds.attention_mask = integers(ones.subarray(0, total), [1, total]);
      if (hasPositions) {
        feeds.position_ids = integers(
          BigInt64Array.from(ids, (_, i) => BigInt(past + i)),
          [1, count],
        );
      }
      fetches.logits = count === 1 ? row : null;
      const { logits } = await session.run(feeds, fetches);
      const { data } = logits;
      const from = data.length - logits.dims.at(-1);
      let best = from;
      for (let i = from + 1; i < data.length; i++) if (data[i] > data[best]) best = i;
      return best - from;
    };
    const clock = new Clock();
    let next;
    for (let at = 0; at < promptIds.length; at += CHUNK) {
      next = await step(promptIds.slice(at, at + CHUNK), at);
    }
    const ids = [next];
    clock.tick();
    while (ids.length < tokens) {
      ids.push(await step([ids.at(-1)], promptIds.length + ids.length - 1));
      clock.tick();
    }
    return clock.taken(ids);
  };
  return { loadSeconds, decode, close: () => session.release() };
}
