import { sha256, utf8 } from '../../../base/index.js';
import { philoxWord } from '../../../model/index.js';

/** What is drawn for one seller in one step; the jury's seats follow the last one. */
export const DRAW = {
  buyer: 0,
  cheats: 1,
  checked: 2,
  found: 3,
  planted: 4,
  plantIsValid: 5,
  jury: 8,
  plantJury: 24,
  rejudged: 40,
} as const;

/** Draws kept apart for one seller in one step. */
const SLOTS = 64;

/** A number from 0 to below 1 that seed, step, seller and use fix, whatever else was drawn before. */
export type Draw = (step: number, seller: number, use: number) => number;

/** Draws by Philox4x32-10 with counter (64 · seller + use, step, 0, 0), keyed by SHA-256("bitmodel/market/1" ‖ seed). */
export function drawsOf(seed: string): Draw {
  const digest = sha256(utf8('bitmodel/market/1'), utf8(seed));
  const view = new DataView(digest.buffer, digest.byteOffset);
  const [key0, key1] = [view.getUint32(0, true), view.getUint32(4, true)];
  return (step, seller, use) => philoxWord(seller * SLOTS + use, step, key0, key1) / 2 ** 32;
}
