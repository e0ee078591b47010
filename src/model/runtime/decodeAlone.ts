import { ROOM } from './DecodeBatch.js';
import type { DecoderGraph } from './DecoderGraph.js';
import type { Output } from './Output.js';
import type { DecodeTimes } from './protocol.js';
import { TokenStream } from './TokenStream.js';

/**
 * Decodes an output in runs of its own, whoever else is served between them.
 * @throws BitmodelError `BAD_LOGITS`, `MODEL_RUN_FAILED`, `OUT_OF_MEMORY`
 */
export async function decodeAlone(
  graph: DecoderGraph,
  output: Output,
  cancelled: () => boolean,
): Promise<DecodeTimes> {
  const { promptIds, limit } = output.request;
  const stream = new TokenStream(graph);
  try {
    const started = performance.now();
    stream.reserve(promptIds.length + Math.min(limit, ROOM));
    let logits = await stream.feed(promptIds, cancelled);
    const prefilled = performance.now();
    while (!cancelled()) {
      const token = output.draw(logits);
      if (token === undefined) break;
      logits = await stream.feed([token], cancelled);
    }
    return {
      promptSeconds: (prefilled - started) / 1000,
      decodeSeconds: (performance.now() - prefilled) / 1000,
    };
  } finally {
    stream.close();
  }
}
