import type { DecoderGraph } from './DecoderGraph.js';
import { TokenStream } from './TokenStream.js';

/** How far logits may lie apart that only the roundings of other kernels tell from each other, of a row's whole range. */
const CLOSE = 0.02;
/** Two streams of different lengths, and what each is fed next. */
const STREAMS = [
  { before: [0, 1, 2], next: 1 },
  { before: [1], next: 2 },
];

function areClose(a: Float32Array, b: Float32Array): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let apart = 0;
  for (let i = 0; i < a.length; i++) {
    least = Math.min(least, a[i]!);
    most = Math.max(most, a[i]!);
    apart = Math.max(apart, Math.abs(a[i]! - b[i]!));
  }
  return apart <= CLOSE * (most - least);
}

/**
 * Tries whether a graph that seems to take streams of different lengths in one run does so: six runs of a few tokens. A
 * graph may be made for one row in ways that its inputs do not show.
 */
export async function probeBatch(graph: DecoderGraph): Promise<boolean> {
  const arena = graph.newArena(STREAMS.length);
  try {
    const alone: Float32Array[] = [];
    for (const [slot, { before, next }] of STREAMS.entries()) {
      const stream = new TokenStream(graph, arena.slot(slot));
      await stream.feed(before);
      const other = new TokenStream(graph);
      await other.feed(before);
      alone.push(await other.feed([next]));
      other.close();
    }
    const rows = STREAMS.map(({ before, next }) => ({ ids: [next], past: before.length }));
    const logits = await graph.runBatch(rows, arena);
    const width = graph.info.vocabularySize;
    return alone.every((row, i) => areClose(row, logits.subarray(i * width, (i + 1) * width)));
  } catch {
    // it does not; what else is wrong with it shows when it is used
    return false;
  } finally {
    arena.clear();
  }
}
