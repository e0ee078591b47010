import type { BlockHeader } from '../codec/block.js';
import { asertTarget } from './asert.js';
import type { NetworkParameters } from './parameters.js';
import { rejectBlock } from './RejectError.js';
import { bitsToTarget, hashToNumber, targetToBits } from './target.js';

/** A header at its place in the tree of all known headers. */
export interface HeaderEntry {
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  readonly height: number;
  /** Expected number of hashes behind this header and all below it. */
  readonly work: bigint;
}

/** Finds headers below a given one, on whatever branch it lies. */
export interface HeaderSource {
  parent(entry: HeaderEntry): HeaderEntry | undefined;
  /** The entry at `height` on the branch that ends in `entry`. */
  ancestor(entry: HeaderEntry, height: number): HeaderEntry;
}

const MEDIAN_SPAN = 11;

/** Median of the times of this header and the ten below it (BIP113's "median time past" of the next block). */
export function medianTimePast(entry: HeaderEntry, source: HeaderSource): number {
  const times: number[] = [];
  for (let at: HeaderEntry | undefined = entry; at && times.length < MEDIAN_SPAN; ) {
    times.push(at.header.time);
    at = source.parent(at);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

/** The same function of a height, asked once for each: a block may hold hundreds of thousands of locks by time. */
export function rememberedByHeight(
  medianTimeAt: (height: number) => number,
): (height: number) => number {
  const known = new Map<number, number>();
  return (height) => {
    const before = known.get(height);
    if (before !== undefined) return before;
    const time = medianTimeAt(height);
    known.set(height, time);
    return time;
  };
}

/** Height whose own time and target anchor ASERT (DESIGN 4.1). */
const ANCHOR_HEIGHT = 1;

/** Compact target that a block of this time on top of `previous` must state. */
export function requiredBits(
  previous: HeaderEntry,
  time: number,
  parameters: NetworkParameters,
  source: HeaderSource,
): number {
  const { halfLife, easyBlockAfter, limitBits } = parameters;
  if (halfLife === undefined || previous.height < ANCHOR_HEIGHT) return limitBits;
  if (easyBlockAfter !== undefined && time > previous.header.time + easyBlockAfter)
    return limitBits;
  const anchor = source.ancestor(previous, ANCHOR_HEIGHT);
  const target = asertTarget({
    anchorTarget: bitsToTarget(limitBits)!,
    spacing: parameters.blockSpacing,
    timeDifference: previous.header.time - anchor.header.time,
    // the anchor's own time is taken, not its parent's: one spacing less is expected
    heightDifference: previous.height - ANCHOR_HEIGHT - 1,
    limit: bitsToTarget(limitBits)!,
    halfLife,
  });
  return targetToBits(target);
}

/** Demands that the hash meets the header's own target, and that the target is one of this network. */
export function checkProofOfWork(
  header: BlockHeader,
  hash: Uint8Array,
  parameters: NetworkParameters,
): void {
  const target = bitsToTarget(header.bits);
  if (target === undefined || target > bitsToTarget(parameters.limitBits)!) {
    throw rejectBlock('bad-diffbits', 'the target is none of this network');
  }
  if (hashToNumber(hash) > target) throw rejectBlock('high-hash', 'proof of work failed');
}

/**
 * The rules of a header that need what is below it.
 * @param now seconds since 1970 on this machine
 * @throws RejectError `bad-diffbits`, `time-too-old`, `time-too-new`, `bad-version`
 */
export function checkHeader(
  header: BlockHeader,
  previous: HeaderEntry,
  parameters: NetworkParameters,
  source: HeaderSource,
  now: number,
): void {
  if (header.bits !== requiredBits(previous, header.time, parameters, source)) {
    throw rejectBlock('bad-diffbits', 'incorrect proof of work');
  }
  if (header.time <= medianTimePast(previous, source)) {
    throw rejectBlock('time-too-old', "block's timestamp is too early");
  }
  if (header.time > now + parameters.maxFutureTime) {
    throw rejectBlock('time-too-new', 'block timestamp too far in the future');
  }
  if (header.version < 1) throw rejectBlock('bad-version', 'the version must be positive');
}
