import type { Protocol } from '../host/Host.js';

/** A protocol as either side has it: each bounds what the other may send. */
export interface BothSides {
  readonly asking: Protocol;
  readonly answering: Protocol;
}

/** Most headers in one answer. */
export const MAX_HEADERS = 2_000;
/** Most hashes in a locator: with steps that double, enough for any chain. */
export const MAX_LOCATOR = 64;
/** Most blocks in one question. */
export const MAX_BLOCKS_ASKED = 128;
/** Most bytes in one frame of blocks: small ones share one, large ones take many. */
export const BLOCK_FRAME = 256 * 1024;

const HASH = 32;
const HEADER = 80;
/** Longest var-int in front of these. */
const COUNT = 3;
const MAX_STATUS = 256;
const IDLE = 20_000;
/** A stream for blocks stays open between two questions. */
const BLOCKS_IDLE = 120_000;

function bothSides(
  name: string,
  sizes: { readonly question: number; readonly answer: number },
  idleTimeout: number,
  streamsPerPeer: number,
): BothSides {
  const shared = { name, idleTimeout, streamsPerPeer, overRelay: true };
  return {
    asking: { ...shared, maxFrame: sizes.answer },
    answering: { ...shared, maxFrame: sizes.question },
  };
}

/** What each side says of itself when a connection is made. */
export const STATUS = bothSides('status/1', { question: MAX_STATUS, answer: MAX_STATUS }, IDLE, 4);

/** A locator, answered with the headers above the fork. */
export const HEADERS = bothSides(
  'headers/1',
  { question: COUNT + MAX_LOCATOR * HASH, answer: COUNT + MAX_HEADERS * HEADER },
  IDLE,
  4,
);

/** Hashes of blocks, answered with the blocks, on streams that last. */
export const BLOCKS = bothSides(
  'blocks/1',
  { question: COUNT + MAX_BLOCKS_ASKED * HASH, answer: BLOCK_FRAME },
  BLOCKS_IDLE,
  4,
);
