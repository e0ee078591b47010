import fc from 'fast-check';

/** Bytes that lengths, counts and prefixes are made of. */
const TELLING = [0x00, 0x01, 0x4c, 0x7f, 0x80, 0xef, 0xfc, 0xfd, 0xfe, 0xff] as const;
const LONGEST_RANDOM = 300;

/** A small generator of random numbers (Mulberry32): the same seed gives the same bytes. */
function randomness(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomness>;

function splice(bytes: Uint8Array, at: number, gone: number, put: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - gone + put.length);
  out.set(bytes.subarray(0, at));
  out.set(put, at);
  out.set(bytes.subarray(at + gone), at + put.length);
  return out;
}

const MUTATIONS: readonly ((bytes: Uint8Array, at: number, random: Random) => Uint8Array)[] = [
  (bytes, at, random) => splice(bytes, at, 1, Uint8Array.of(random(256))),
  (bytes, at, random) => splice(bytes, at, 1, Uint8Array.of(bytes[at]! ^ (1 << random(8)))),
  (bytes, at, random) => splice(bytes, at, 1, Uint8Array.of(TELLING[random(TELLING.length)]!)),
  (bytes, at, random) => splice(bytes, at, 0, Uint8Array.of(random(256))),
  (bytes, at) => splice(bytes, at, 1, new Uint8Array(0)),
  (bytes, at) => bytes.slice(0, at),
  (bytes, at, random) => splice(bytes, at, 0, bytes.subarray(at, at + 1 + random(40))),
  (bytes, at, random) =>
    splice(bytes, at, Math.min(random(9), bytes.length - at), new Uint8Array(random(9)).fill(0xff)),
];

function mutant(encoding: Uint8Array, random: Random): Uint8Array {
  if (random(5) === 0) {
    return Uint8Array.from({ length: random(LONGEST_RANDOM) }, () => random(256));
  }
  let bytes = encoding;
  for (let left = random(4); left >= 0 && bytes.length > 0; left--) {
    bytes = MUTATIONS[random(MUTATIONS.length)]!(bytes, random(bytes.length), random);
  }
  return bytes;
}

/**
 * Real encodings with a few bytes changed, put in, doubled or cut off, and, one time in five, random bytes. What is
 * drawn is a number, so that millions of cases are cheap; fast-check shows it as bytes.
 * @param encodings what the decoder takes, to start from
 */
export function mutants(encodings: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const corpus = fc.sample(encodings, { numRuns: 300, seed: 1 });
  return fc.nat(0xffff_ffff).map((seed) => {
    const random = randomness(seed);
    return mutant(corpus[random(corpus.length)]!, random);
  });
}
