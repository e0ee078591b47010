/**
 * SHA-256's compression function (FIPS 180-4) on its own, which no library offers: a miner hashes the first 64 bytes of
 * a header once and goes on from there for every nonce.
 */

/** First 32 bits of the fractional parts of the roots of the first primes, as FIPS 180-4 defines its constants. */
function rootFractions(count: number, root: (prime: number) => number): Uint32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return Uint32Array.from(primes, (prime) => (root(prime) % 1) * 2 ** 32);
}

/** The 64 round constants. */
export const ROUND_CONSTANTS = rootFractions(64, Math.cbrt);

/** The state that hashing begins with. */
export const INITIAL_STATE = rootFractions(8, Math.sqrt);

const schedule = new Int32Array(64);

/** Hashes one block of 16 big-endian words, from `words[0]` on, into a state of 8 words. */
export function compress(state: Uint32Array, words: Uint32Array): void {
  for (let i = 0; i < 16; i++) schedule[i] = words[i]!;
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15]!;
    const y = schedule[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[i] = (schedule[i - 16]! + s0 + schedule[i - 7]! + s1) | 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + s1 + (g ^ (e & (f ^ g))) + ROUND_CONSTANTS[i]! + schedule[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}

/** The words of bytes, big-endian. */
export function bigEndianWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
}

/** What hashing the first 64 bytes of a header leaves: the state that every nonce goes on from. */
export function midstate(header: Uint8Array): Uint32Array {
  const state = Uint32Array.from(INITIAL_STATE);
  compress(state, bigEndianWords(header.subarray(0, 64)));
  return state;
}
