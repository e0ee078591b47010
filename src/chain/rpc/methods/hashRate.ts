import { setImmediate } from 'node:timers/promises';
import type { HeaderEntry, HeaderSource } from '../../consensus/headers.js';

/** Headers that are read before others get their turn. */
const SLICE = 5_000;

/**
 * Hashes per second behind a block and those below it, as Bitcoin Core estimates it: their work over the time between
 * the earliest and the latest of them.
 * @param span how many blocks, at most as many as there are below `last`
 */
export async function estimateHashRate(
  last: HeaderEntry,
  span: number,
  source: Pick<HeaderSource, 'parent'>,
): Promise<number> {
  let at = last;
  let earliest = last.header.time;
  let latest = earliest;
  for (let count = 1; count <= Math.min(span, last.height); count++) {
    at = source.parent(at)!;
    earliest = Math.min(earliest, at.header.time);
    latest = Math.max(latest, at.header.time);
    if (count % SLICE === 0) await setImmediate();
  }
  return latest === earliest ? 0 : Number(last.work - at.work) / (latest - earliest);
}
