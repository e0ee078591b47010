import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import type { FinishReason } from '../../model/index.js';

/** How a token stands before a neighbour's own logits: within the tolerance, beyond it, or excluded by the sampling. */
export type Standing = 'fine' | 'beyond' | 'excluded';

/**
 * What a neighbour says about one position. It names no token: whoever asks learns how its own token stands, and how far
 * the best two lie apart, but not which they are.
 */
export interface PositionAnswer {
  readonly standing: Standing;
  /** The margin in steps of {@link stepOf}, at most {@link MOST_STEPS}; 0 where the token is excluded. */
  readonly margin: number;
  /** How far the best token beats the runner-up, in steps: nobody who has not computed it knows it. */
  readonly gap: number;
}

/** Where and how the output ends by the rule (DESIGN 6, "Stop"); `open` where nothing ends it. */
export type EndAnswer =
  | { readonly finish: FinishReason; readonly at: number }
  | { readonly finish: 'open' };

/** A neighbour's whole answer. */
export interface CheckAnswer {
  /** The asked positions in order, up to and including the first whose token is not fine. */
  readonly positions: readonly PositionAnswer[];
  /** The output's end; absent where a token is not fine, since what follows it says nothing. */
  readonly end?: EndAnswer | undefined;
}

/** Greatest quantised value; what is greater is written as this. */
export const MOST_STEPS = 0xffff;
/** Most positions that one question asks about. */
export const MOST_POSITIONS = 65_536;

const STANDINGS = ['fine', 'beyond', 'excluded'] as const;
const ENDS = [undefined, 'open', 'eos', 'stop', 'length'] as const;

/**
 * One quantisation step in units of the logits: twice the tolerance τ. Honest machines' logits lie within τ/2 of the
 * seller's, so within τ of each other, and a difference of two maxima within 2τ: quantised, within one step.
 */
export function stepOf(tau: number): number {
  return 2 * tau;
}

/** A value in units of the logits as steps: to the nearest, at least 0, at most {@link MOST_STEPS}. */
export function quantise(value: number, tau: number): number {
  return Math.min(Math.max(Math.floor(value / stepOf(tau) + 0.5), 0), MOST_STEPS);
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes hold no answer of a neighbour: ${why}.`, {
    next: 'Take no notice of it, and ask another neighbour',
  });
}

/** count u32LE ‖ per position (standing u8 ‖ margin u16LE ‖ gap u16LE) ‖ end u8 ‖ end position u32LE. */
export function encodeAnswer({ positions, end }: CheckAnswer): Uint8Array {
  const writer = new ByteWriter().u32(positions.length);
  for (const { standing, margin, gap } of positions) {
    writer.u8(STANDINGS.indexOf(standing)).u16(margin).u16(gap);
  }
  const at = end === undefined || end.finish === 'open' ? 0 : end.at;
  return writer.u8(ENDS.indexOf(end?.finish)).u32(at).finish();
}

function readPosition(reader: ByteReader, isLast: boolean): PositionAnswer {
  const standing = STANDINGS[reader.u8()];
  const margin = reader.u16();
  const gap = reader.u16();
  if (standing === undefined) throw bad('a standing is unknown');
  if (standing !== 'fine' && !isLast) throw bad('it goes on after a token that is not fine');
  // a fine token's margin is at most τ, half a step; one beyond it more
  const isPossible = { fine: margin <= 1, beyond: margin >= 1, excluded: margin === 0 }[standing];
  if (!isPossible) throw bad('a margin is not what its standing says');
  return { standing, margin, gap };
}

/** @throws BitmodelError `BAD_ENCODING` for anything that {@link encodeAnswer} does not make of an answer */
export function decodeAnswer(bytes: Uint8Array): CheckAnswer {
  const reader = new ByteReader(bytes);
  const count = reader.u32();
  if (count > MOST_POSITIONS || reader.remaining !== 5 * count + 5) throw bad('its length is off');
  const positions = Array.from({ length: count }, (_, i) => readPosition(reader, i === count - 1));
  const kind = reader.u8();
  const at = reader.u32();
  if (kind >= ENDS.length) throw bad('an end is unknown');
  const finish = ENDS[kind];
  const isStopped = count > 0 && positions[count - 1]!.standing !== 'fine';
  if (isStopped !== (finish === undefined)) throw bad('its end is not what its tokens say');
  if (finish === undefined || finish === 'open') {
    if (at !== 0) throw bad('an end that is none has a position');
    return finish === undefined ? { positions } : { positions, end: { finish } };
  }
  return { positions, end: { finish, at } };
}

/** Whether an answer is one to a question about so many positions: all of them, or up to one whose token is not fine. */
export function answersFor({ positions }: CheckAnswer, asked: number): boolean {
  if (positions.length === asked) return true;
  return positions.length < asked && (positions.at(-1)?.standing ?? 'fine') !== 'fine';
}
