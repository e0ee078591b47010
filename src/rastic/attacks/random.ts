import { sha256, utf8 } from '../../base/index.js';

/** A reproducible stream of random numbers for cheats and variants; nothing secret hangs on it. */
export interface Random {
  /** A number from 0 on, below 1. */
  next(): number;
  /** A whole number from 0 on, below `bound`. */
  below(bound: number): number;
  /** Normally distributed, mean 0, variance 1 (Box and Muller). */
  normal(): number;
}

/** The stream that a text fixes: Chris Doty-Humphrey's sfc32, its state the first words of the text's SHA-256. */
export function randomFrom(seed: string): Random {
  const view = new DataView(sha256(utf8(seed)).buffer);
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  let spare: number | undefined;
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { next, below: (bound) => Math.floor(next() * bound), normal };
}
