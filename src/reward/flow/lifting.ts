/**
 * The largest prime below 2²⁰ comes first, then the next ones, should a matrix be singular modulo one. Products of two
 * remainders stay below 2⁴⁰, so sums of {@link LARGEST_SYSTEM} of them are whole numbers that a double holds exactly.
 */
const FIRST_PRIME = 1_048_573;
/** Unknowns of the largest system whose sums stay exact. */
export const LARGEST_SYSTEM = 4096;

/** A sparse system of equations in whole numbers: entry e stands in row `to[e]` and column `from[e]`. */
export interface SparseSystem {
  readonly size: number;
  readonly to: Uint32Array;
  readonly from: Uint32Array;
  /** Absolute values below 2²¹; entries of one place add up. */
  readonly value: Int32Array;
  readonly right: readonly bigint[];
  /** The numerators and the denominator of the solution are at most this. */
  readonly bounds: { readonly numerator: bigint; readonly denominator: bigint };
}

/** A solution x = numerators / denominator. */
export interface RationalSolution {
  readonly numerators: bigint[];
  readonly denominator: bigint;
}

function isPrime(n: number): boolean {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}

/** `a^exponent mod p`. */
function power(a: number, exponent: number, p: number): number {
  let result = 1;
  for (let base = a, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * base) % p;
    base = (base * base) % p;
  }
  return result;
}

const remainder = (value: number, p: number): number => ((value % p) + p) % p;

/** The inverse of the matrix modulo p, by rows, or undefined where a pivot is 0. Entries are whole numbers below p. */
function inverseModulo(
  { size, to, from, value }: SparseSystem,
  p: number,
): Float64Array | undefined {
  const a = new Float64Array(size * size);
  for (let e = 0; e < value.length; e++) {
    const at = to[e]! * size + from[e]!;
    a[at] = remainder(a[at]! + value[e]!, p);
  }
  for (let k = 0; k < size; k++) {
    const pivotRow = a.subarray(k * size, (k + 1) * size);
    // rows are reduced only when their turn comes; until then each step adds less than 2⁴⁰
    for (let j = 0; j < size; j++) pivotRow[j] = pivotRow[j]! % p;
    if (pivotRow[k] === 0) return undefined;
    const inverse = power(pivotRow[k]!, p - 2, p);
    pivotRow[k] = 1;
    for (let j = 0; j < size; j++) pivotRow[j] = (pivotRow[j]! * inverse) % p;
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const row = a.subarray(i * size, (i + 1) * size);
      const factor = row[k]! % p;
      if (factor === 0) {
        row[k] = 0;
        continue;
      }
      row[k] = 0;
      const negative = p - factor;
      for (let j = 0; j < size; j++) row[j]! += negative * pivotRow[j]!;
    }
  }
  for (let i = 0; i < a.length; i++) a[i] = a[i]! % p;
  return a;
}

/** One digit of every unknown: the inverse times the right side, modulo p. */
function multiply(
  inverse: Float64Array,
  right: Float64Array,
  p: number,
  digit: Float64Array,
): void {
  const size = right.length;
  for (let i = 0; i < size; i++) {
    const row = i * size;
    let a = 0;
    let b = 0;
    let j = 0;
    for (; j + 1 < size; j += 2) {
      a += inverse[row + j]! * right[j]!;
      b += inverse[row + j + 1]! * right[j + 1]!;
    }
    if (j < size) a += inverse[row + j]! * right[j]!;
    digit[i] = ((a % p) + (b % p)) % p;
  }
}

/** The lowest digits of every number to the base p; row k holds the k-th digit of each. */
function digitsOf(numbers: readonly bigint[], p: number): Float64Array[] {
  const base = BigInt(p);
  const digits: Float64Array[] = [];
  let left = [...numbers];
  while (left.some((n) => n > 0n)) {
    digits.push(Float64Array.from(left, (n) => Number(n % base)));
    left = left.map((n) => n / base);
  }
  return digits;
}

/** Dixon's lifting: `count` digits of the solution modulo p, p², p³ …, a row for each. */
function lift(system: SparseSystem, inverse: Float64Array, p: number, count: number): Uint32Array {
  const { size, to, from, value } = system;
  const right = digitsOf(system.right, p);
  const digits = new Uint32Array(size * count);
  const carry = new Float64Array(size);
  const reduced = new Float64Array(size);
  const digit = new Float64Array(size);
  for (let k = 0; k < count; k++) {
    const added = right[k];
    if (added) for (let i = 0; i < size; i++) carry[i]! += added[i]!;
    for (let i = 0; i < size; i++) reduced[i] = remainder(carry[i]!, p);
    multiply(inverse, reduced, p, digit);
    for (let e = 0; e < value.length; e++) carry[to[e]!]! -= value[e]! * digit[from[e]!]!;
    // comes out even: the digit was chosen so
    for (let i = 0; i < size; i++) carry[i]! /= p;
    digits.set(digit, k * size);
  }
  return digits;
}

/** The number of these digits, lowest first, joined two by two. `powers` holds p, p², p⁴ … */
function joinDigits(digits: bigint[], powers: readonly bigint[]): bigint {
  let numbers = digits;
  for (let level = 0; numbers.length > 1; level++) {
    const joined: bigint[] = [];
    for (let i = 0; i < numbers.length; i += 2) {
      joined.push(numbers[i]! + (numbers[i + 1] ?? 0n) * powers[level]!);
    }
    numbers = joined;
  }
  return numbers[0] ?? 0n;
}

/** The denominator of the fraction of a numerator at most `limit` that a remainder stands for (Wang 1981). */
function denominatorOf(residue: bigint, modulus: bigint, limit: bigint): bigint {
  let [a, b] = [modulus, residue];
  let [s, t] = [0n, 1n];
  while (b > limit) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [s, t] = [t, s - quotient * t];
  }
  return t < 0n ? -t : t;
}

/** The matrix of a nonsingular system, for any number of right sides: what they share is computed once. */
export class LiftedMatrix {
  readonly #system: SparseSystem;
  readonly #p: number;
  readonly #inverse: Float64Array;
  /** A common denominator of all solutions so far; it divides the determinant. */
  #denominator = 1n;

  /** @param system its right side and bounds are not used */
  constructor(system: SparseSystem) {
    let p = FIRST_PRIME;
    let inverse = inverseModulo(system, p);
    while (!inverse) {
      do p -= 2;
      while (!isPrime(p));
      inverse = inverseModulo(system, p);
    }
    this.#system = system;
    this.#p = p;
    this.#inverse = inverse;
  }

  /**
   * Solves for a right side, where the solution is not negative, exactly, by p-adic lifting (Dixon 1982): its digits to
   * the base of a prime, as many as determine the fractions. Cubic time: for 1,000 unknowns a few seconds. Every number
   * on the way is whole and below 2⁵³, or a bigint: nothing is rounded.
   */
  solve({ right, bounds }: Pick<SparseSystem, 'right' | 'bounds'>): RationalSolution {
    const system = { ...this.#system, right, bounds };
    const base = BigInt(this.#p);
    const needed = 2n * bounds.numerator * bounds.denominator;
    const powers = [base];
    let count = 1;
    while (powers.at(-1)! <= needed) {
      powers.push(powers.at(-1)! ** 2n);
      count *= 2;
    }
    // p has 20 binary digits, less a little
    count = Math.min(count, Math.ceil(needed.toString(16).length / 4.999) + 1);
    const modulus = base ** BigInt(count);
    const digits = lift(system, this.#inverse, this.#p, count);
    const residues = Array.from({ length: system.size }, (_, i) =>
      joinDigits(
        Array.from({ length: count }, (_, k) => BigInt(digits[k * system.size + i]!)),
        powers,
      ),
    );
    let denominator = this.#denominator;
    for (const residue of residues) {
      const scaled = (residue * denominator) % modulus;
      if (scaled > bounds.numerator) {
        denominator *= denominatorOf(scaled, modulus, bounds.numerator);
      }
    }
    this.#denominator = denominator;
    return { numerators: residues.map((r) => (r * denominator) % modulus), denominator };
  }
}

/** As {@link LiftedMatrix.solve}, of one right side. */
export function solveByLifting(system: SparseSystem): RationalSolution {
  return new LiftedMatrix(system).solve(system);
}
