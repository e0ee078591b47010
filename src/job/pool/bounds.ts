import type { CaseBounds } from './HeldCases.js';

/** Bounds of a pool, so that strangers can't fill its memory. */
export interface PoolBounds extends CaseBounds {
  /** Jobs kept at once. */
  readonly jobs: number;
  /** Offers kept per job: the cheapest, one of each seller. */
  readonly offers: number;
  /** Announcements of verifiers kept: the latest of each key, for so many keys. */
  readonly verifiers: number;
  /** Messages kept, and their bytes, that wait for the one they refer to. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Bytes of all messages. */
  readonly bytes: number;
}

/** What a pool holds at the most (docs/protocol.md). */
export const POOL_BOUNDS: PoolBounds = {
  jobs: 4096,
  offers: 256,
  verifiers: 1024,
  cases: 256,
  caseBytes: 32 << 20,
  waiting: 4096,
  waitingBytes: 16 << 20,
  bytes: 256 << 20,
};
