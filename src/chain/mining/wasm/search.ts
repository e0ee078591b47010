import { encodeModule, wasmOp as op, wasmType } from '../../../base/index.js';
import { INITIAL_STATE, ROUND_CONSTANTS } from '../sha256.js';

/** Bytes of four equal 32-bit lanes. */
const LANES = 16;
/** Parameters of the function: the first nonce and how many groups of four to try. */
const FIRST = 0;
const GROUPS = 1;

/** Where the function finds what it works on; each word stands in all four lanes. */
export const LAYOUT = {
  /** 8 words. */
  midstate: 0,
  /** The last three words before the nonce. */
  tail: 8 * LANES,
  /** Highest word that the hash may have. */
  limit: 11 * LANES,
  /** 0, 1, 2, 3: what the lanes' nonces differ by. */
  steps: 12 * LANES,
  constants: 13 * LANES,
} as const;

/** A word that is known while the code is written, or the local that holds four of them. */
type Word = { readonly value: number } | { readonly local: number };

const rotate = (value: number, by: number): number => (value >>> by) | (value << (32 - by));

/**
 * Writes the code of SHA-256 over four messages at once. Words that are the same in every header, the padding, are
 * worked out while it is written.
 */
class Code {
  readonly bytes: number[] = [];
  readonly #constants = new Map<number, number>();
  #locals = 2;

  get locals(): number {
    return this.#locals - 2;
  }

  /** The constants that the code reads, in their order from {@link LAYOUT.constants} on. */
  get constants(): Uint32Array {
    return Uint32Array.from(this.#constants.keys());
  }

  local(): number {
    return this.#locals++;
  }

  emit(...instructions: (readonly number[])[]): void {
    for (const instruction of instructions) this.bytes.push(...instruction);
  }

  /** Puts a word on the stack. */
  push(word: Word): void {
    if ('local' in word) {
      this.emit(op.get(word.local));
      return;
    }
    const value = word.value >>> 0;
    const place = this.#constants.get(value) ?? this.#constants.size;
    this.#constants.set(value, place);
    this.emit(op.load4(LAYOUT.constants + place * LANES));
  }

  /** Puts the sum of words on the stack; those known beforehand are one word, and none when they come to zero. */
  pushSum(words: readonly Word[]): void {
    const known = words.reduce((sum, word) => ('value' in word ? sum + word.value : sum), 0) >>> 0;
    const parts: Word[] = words.filter((word) => 'local' in word);
    if (known !== 0 || parts.length === 0) parts.push({ value: known });
    parts.forEach((part, index) => {
      this.push(part);
      if (index > 0) this.emit(op.add4);
    });
  }

  /** Puts the exclusive or of three rotations on the stack; the last is a shift where `shift` says so. */
  pushRotations(local: number, by: readonly number[], shift = false): void {
    by.forEach((bits, index) => {
      this.emit(op.get(local), op.constant(bits), op.shiftRight4);
      if (index > 0) this.emit(op.xor4);
      if (shift && index === by.length - 1) return;
      this.emit(op.get(local), op.constant(32 - bits), op.shiftLeft4, op.xor4);
    });
  }
}

/** One of the two functions that spread the message, of a word known beforehand or not. */
function spread(code: Code, word: Word, by: readonly [number, number, number]): Word {
  if ('value' in word) {
    const { value } = word;
    return { value: (rotate(value, by[0]) ^ rotate(value, by[1]) ^ (value >>> by[2])) >>> 0 };
  }
  const local = code.local();
  code.pushRotations(word.local, by, true);
  code.emit(op.set(local));
  return { local };
}

/** The 64 words of the schedule, as far as they are asked for; each is written when it is first needed. */
function makeSchedule(code: Code, first: readonly Word[]): (round: number) => Word {
  const words: Word[] = [...first];
  return (round) => {
    for (let i = words.length; i <= round; i++) {
      const parts: Word[] = [
        words[i - 16]!,
        spread(code, words[i - 15]!, [7, 18, 3]),
        words[i - 7]!,
        spread(code, words[i - 2]!, [17, 19, 10]),
      ];
      if (parts.every((part) => 'value' in part)) {
        words.push({ value: parts.reduce((sum, part) => sum + part.value, 0) >>> 0 });
        continue;
      }
      const local = code.local();
      code.pushSum(parts);
      code.emit(op.set(local));
      words.push({ local });
    }
    return words[round]!;
  };
}

/** Writes rounds over a state of 8 locals, which are renamed instead of moved. Returns them as they then stand. */
function writeRounds(
  code: Code,
  start: readonly number[],
  rounds: number,
  schedule: (round: number) => Word,
): number[] {
  let state = [...start];
  const sum = code.local();
  // majority(a, b, c) = b ^ ((a ^ b) & (b ^ c)), and what is b ^ c now was a ^ b a round before
  let before = code.local();
  let now = code.local();
  code.emit(op.get(state[1]!), op.get(state[2]!), op.xor4, op.set(before));
  for (let round = 0; round < rounds; round++) {
    const word = schedule(round);
    const [a = 0, b = 0, , d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    code.pushSum([{ local: h }, { value: ROUND_CONSTANTS[round]! }, word]);
    code.emit(op.get(f), op.get(g), op.get(e), op.select4, op.add4);
    code.pushRotations(e, [6, 11, 25]);
    code.emit(op.add4, op.tee(sum), op.get(d), op.add4, op.set(d));
    code.emit(op.get(sum));
    code.pushRotations(a, [2, 13, 22]);
    code.emit(op.add4, op.get(a), op.get(b), op.xor4, op.tee(now));
    code.emit(op.get(before), op.and4, op.get(b), op.xor4, op.add4, op.set(h));
    [before, now] = [now, before];
    state = [h, ...state.slice(0, 7)];
  }
  return state;
}

/** The first hash: rounds from the midstate over the end of the header. Returns the words of the hash. */
function writeFirstHash(code: Code): Word[] {
  const tail = [0, 1, 2].map((index) => {
    const local = code.local();
    code.emit(op.load4(LAYOUT.tail + index * LANES), op.set(local));
    return { local };
  });
  const nonce = code.local();
  code.emit(op.get(FIRST), op.splat4, op.load4(LAYOUT.steps), op.add4, op.set(nonce));
  const padding = [0x8000_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 640].map((value) => ({ value }));
  const state = INITIAL_STATE.reduce<number[]>((locals, _, index) => {
    const local = code.local();
    code.emit(op.load4(LAYOUT.midstate + index * LANES), op.set(local));
    locals.push(local);
    return locals;
  }, []);
  const schedule = makeSchedule(code, [...tail, { local: nonce }, ...padding]);
  return writeRounds(code, state, 64, schedule).map((local, index) => {
    code.emit(op.get(local), op.load4(LAYOUT.midstate + index * LANES), op.add4, op.set(local));
    return { local };
  });
}

/** The second hash, only as far as its last word, the highest of the number, needs: 61 rounds. Leaves it on the stack. */
function pushLastWord(code: Code, words: readonly Word[]): void {
  const state = Array.from(INITIAL_STATE, (value) => {
    const local = code.local();
    code.push({ value });
    code.emit(op.set(local));
    return local;
  });
  const padding = [0x8000_0000, 0, 0, 0, 0, 0, 0, 256].map((value) => ({ value }));
  const end = writeRounds(code, state, 61, makeSchedule(code, [...words, ...padding]));
  // what is e after round 61 is h after round 64
  code.pushSum([{ local: end[4]! }, { value: INITIAL_STATE[7]! }]);
}

/** The code, and what must stand in its memory from {@link LAYOUT.constants} on, each word in four lanes. */
export interface SearchModule {
  readonly bytes: Uint8Array;
  readonly constants: Uint32Array;
}

/** Bytes of a 32-bit lane the other way round, in all four. */
const SWAPPED = Array.from({ length: LANES }, (_, index) => (index & ~3) + 3 - (index & 3));

/**
 * A WebAssembly module whose function tries nonces, four at once: `run(first, groups)` gives back how many groups were
 * left, counting the one in which a hash may meet the limit, or 0 when none did. Nonces are counted as big-endian words.
 */
export function searchModule(): SearchModule {
  const code = new Code();
  code.emit(op.loop);
  pushLastWord(code, writeFirstHash(code));
  const last = code.local();
  // a byte shuffle takes two operands
  code.emit(op.tee(last), op.get(last), op.swizzleBytes(SWAPPED));
  code.emit(op.load4(LAYOUT.limit), op.lessOrEqual4, op.anyTrue);
  code.emit(op.if, op.get(GROUPS), op.return, op.end);
  code.emit(op.get(FIRST), op.constant(4), op.add, op.set(FIRST));
  code.emit(op.get(GROUPS), op.constant(1), op.sub, op.tee(GROUPS), op.branchIf(0));
  code.emit(op.end, op.constant(0));
  const { i32, v128 } = wasmType;
  const locals = Array.from({ length: code.locals }, () => v128);
  const run = { name: 'run', parameters: [i32, i32], results: [i32], locals, body: code.bytes };
  return { bytes: encodeModule([run]), constants: code.constants };
}
