import { BitmodelError, EXIT, sha256, u32le, utf8 } from '../base/index.js';

const POSITIONS = utf8('bitmodel/sample/1');
const SEED = utf8('bitmodel/sample-seed/1');
const WORDS = 0x1_0000_0000;

/** Whole numbers below a bound, each as likely, that 32 bytes fix: words of SHA-256(label ‖ seed ‖ counter). */
function* numbersOf(seed: Uint8Array): Generator<number, never, number> {
  let bound = yield 0;
  for (let counter = 0; ; counter++) {
    const digest = sha256(POSITIONS, seed, u32le(counter));
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    for (let at = 0; at < digest.length; at += 4) {
      const word = view.getUint32(at, true);
      // words beyond the last whole multiple would make the smaller numbers likelier
      if (word < WORDS - (WORDS % bound)) bound = yield word % bound;
    }
  }
}

/**
 * The positions of the paper's three checks: the first, `count` of those between, the last; ascending. Which they are is
 * a public function of the seed: the first `count` of a Fisher–Yates shuffle of what lies between.
 * @param total tokens of the answer
 * @param seed 32 bytes, drawn after the answer was committed
 * @throws BitmodelError `BAD_SEED`, `BAD_CHECK`
 */
export function samplePositions(total: number, count: number, seed: Uint8Array): number[] {
  if (seed.length !== 32) throw new BitmodelError('BAD_SEED', 'A seed has 32 bytes.');
  if (!Number.isInteger(count) || count < 0) throw badCheck(`sample:${count}`);
  const between = Array.from({ length: Math.max(0, total - 2) }, (_, i) => i + 1);
  const numbers = numbersOf(seed);
  numbers.next();
  const drawn = Math.min(count, between.length);
  for (let i = 0; i < drawn; i++) {
    const j = i + numbers.next(between.length - i).value;
    [between[i], between[j]] = [between[j]!, between[i]!];
  }
  const ends = total === 0 ? [] : total === 1 ? [0] : [0, total - 1];
  return [...ends, ...between.slice(0, drawn)].sort((a, b) => a - b);
}

/**
 * The seed of a receipt's sample: SHA-256 of a label, the commitment's hash and what the verifier drew. Whoever knows what
 * was drawn can repeat the check, and no commitment could be made to fit a draw that came after it.
 * @param commitmentHash 32 bytes
 * @param drawn 32 bytes
 */
export function sampleSeed(commitmentHash: Uint8Array, drawn: Uint8Array): Uint8Array {
  if (drawn.length !== 32) throw new BitmodelError('BAD_SEED', 'A seed has 32 bytes.');
  return sha256(SEED, commitmentHash, drawn);
}

function badCheck(text: string): BitmodelError {
  return new BitmodelError('BAD_CHECK', `A check can't be "${text}".`, {
    next: 'Use full, or sample:K with a whole number K from 1 on, such as sample:16',
    exitCode: EXIT.usage,
  });
}

/** How many positions between first and last a check written as `full` or `sample:K` asks for. @throws BitmodelError `BAD_CHECK` */
export function parseCheck(text: string): 'full' | number {
  if (text === 'full') return 'full';
  const count = /^sample:(\d{1,6})$/.exec(text)?.[1];
  if (count === undefined || Number(count) === 0) throw badCheck(text);
  return Number(count);
}
