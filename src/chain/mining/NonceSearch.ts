import { canRunWasm, compileWasm, sha256d } from '../../base/index.js';
import { hashToNumber } from '../consensus/target.js';
import { bigEndianWords, compress, INITIAL_STATE, midstate } from './sha256.js';
import { LAYOUT, type SearchModule, searchModule } from './wasm/search.js';

const NONCE_OFFSET = 76;
/** All nonces are so many. */
export const NONCES = 2 ** 32;

/** Looks for the nonce of a header. Counters run through every nonce once, not in the order of nonces. */
export interface NonceSearch {
  /** `simd` tries four at once in WebAssembly; `scalar` is for machines that can't. */
  readonly kind: 'simd' | 'scalar';
  /**
   * Begins with a header.
   * @param header 80 bytes
   */
  begin(header: Uint8Array, target: bigint): void;
  /**
   * Tries counters from `from` on.
   * @param from a multiple of 4
   * @param count a multiple of 4
   * @returns the first nonce that meets the target, with how many were tried until then, or undefined
   */
  scan(from: number, count: number): { readonly nonce: number; readonly tried: number } | undefined;
}

/** The nonce, a little-endian number in the header, whose bytes are those of a big-endian counter. */
function nonceOf(counter: number): number {
  const swapped =
    (counter >>> 24) | ((counter >>> 8) & 0xff00) | ((counter << 8) & 0xff_0000) | (counter << 24);
  return swapped >>> 0;
}

/** What both kinds of search share: the header, and the judgement that counts. */
abstract class Search {
  protected header: Buffer = Buffer.alloc(80);
  protected state: Uint32Array = new Uint32Array(8);
  protected target = 0n;

  begin(header: Uint8Array, target: bigint): void {
    this.header = Buffer.from(header);
    this.state = midstate(header);
    this.target = target;
  }

  /** Highest 32 bits of the target. */
  protected get limit(): number {
    return Number(this.target >> 224n);
  }

  /** Whether the whole hash with this nonce meets the target. */
  protected meets(nonce: number): boolean {
    this.header.writeUInt32LE(nonce, NONCE_OFFSET);
    return hashToNumber(sha256d(this.header)) <= this.target;
  }
}

/** One nonce after the other, in plain numbers. */
export class ScalarSearch extends Search implements NonceSearch {
  readonly kind = 'scalar';
  readonly #first = new Uint32Array(16);
  readonly #second = new Uint32Array(16);
  readonly #hash = new Uint32Array(8);

  constructor() {
    super();
    this.#first.set([0x8000_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 640], 4);
    this.#second.set([0x8000_0000, 0, 0, 0, 0, 0, 0, 256], 8);
  }

  override begin(header: Uint8Array, target: bigint): void {
    super.begin(header, target);
    this.#first.set(bigEndianWords(header.subarray(64, NONCE_OFFSET)));
  }

  scan(from: number, count: number): { nonce: number; tried: number } | undefined {
    const { limit } = this;
    const hash = this.#hash;
    for (let tried = 1; tried <= count; tried++) {
      const counter = from + tried - 1;
      this.#first[3] = counter;
      hash.set(this.state);
      compress(hash, this.#first);
      this.#second.set(hash);
      hash.set(INITIAL_STATE);
      compress(hash, this.#second);
      const nonce = nonceOf(counter);
      if (nonceOf(hash[7]!) <= limit && this.meets(nonce)) return { nonce, tried };
    }
    return undefined;
  }
}

/** Four nonces at once, in WebAssembly that is written for this alone. */
export class SimdSearch extends Search implements NonceSearch {
  readonly kind = 'simd';
  readonly #words: Uint32Array;
  readonly #run: (first: number, groups: number) => number;

  constructor(module: SearchModule = searchModule()) {
    super();
    const { run, memory } = compileWasm<{ run(first: number, groups: number): number }>(
      module.bytes,
    )();
    this.#run = run;
    this.#words = new Uint32Array(memory.buffer);
    this.#words.set([0, 1, 2, 3], LAYOUT.steps / 4);
    this.#put(LAYOUT.constants, module.constants);
  }

  override begin(header: Uint8Array, target: bigint): void {
    super.begin(header, target);
    this.#put(LAYOUT.midstate, this.state);
    this.#put(LAYOUT.tail, bigEndianWords(header.subarray(64, NONCE_OFFSET)));
    this.#put(LAYOUT.limit, Uint32Array.of(this.limit));
  }

  scan(from: number, count: number): { nonce: number; tried: number } | undefined {
    for (let at = from; at < from + count; ) {
      const left = this.#run(at, (from + count - at) / 4);
      if (left === 0) return undefined;
      const group = from + count - 4 * left;
      for (let counter = group; counter < group + 4; counter++) {
        const nonce = nonceOf(counter);
        if (this.meets(nonce)) return { nonce, tried: counter - from + 1 };
      }
      at = group + 4;
    }
    return undefined;
  }

  /** Writes words, each into four lanes. */
  #put(address: number, words: Uint32Array): void {
    words.forEach((word, index) => {
      const at = address / 4 + 4 * index;
      this.#words.fill(word, at, at + 4);
    });
  }
}

/** The fastest search that this machine can do. */
export function createSearch(): NonceSearch {
  const module = searchModule();
  return canRunWasm(module.bytes) ? new SimdSearch(module) : new ScalarSearch();
}
