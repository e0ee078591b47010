import { InferenceSession, Tensor } from 'onnxruntime-node';

/** ONNX Runtime with nothing of ours around it: one pass over all tokens, every logit. */
export class RawModel {
  #session;
  #cache;

  static async open(path, threads) {
    const raw = new RawModel();
    raw.#session = await InferenceSession.create(path, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
    raw.#cache = Object.fromEntries(
      raw.#session.inputMetadata
        .filter(({ name }) => name.startsWith('past_key_values'))
        .map(({ name, shape }) => [
          name,
          new Tensor('float32', new Float32Array(0), [1, shape[1], 0, shape[3]]),
        ]),
    );
    return raw;
  }

  /** Logits after each token. */
  async prefill(ids) {
    const integers = (at) =>
      new Tensor(
        'int64',
        BigInt64Array.from(ids, (_, i) => BigInt(at(i))),
        [1, ids.length],
      );
    const feeds = {
      input_ids: integers((i) => ids[i]),
      attention_mask: integers(() => 1),
      position_ids: integers((i) => i),
      ...this.#cache,
    };
    const { logits } = await this.#session.run(feeds);
    return logits;
  }

  async close() {
    await this.#session.release();
  }
}
