/** What the target of a block follows from: aserti3-2d's own names. */
export interface AsertArguments {
  readonly anchorTarget: bigint;
  /** Seconds that a block should take. */
  readonly spacing: number;
  /**
   * Seconds from the parent of the anchor to the latest block. A chain whose anchor has no usable parent may count from
   * the anchor itself, if it states one block less in `heightDifference` (`requiredBits` does).
   */
  readonly timeDifference: number;
  /** Blocks from the anchor to the latest block; one less where the time is counted from the anchor itself. */
  readonly heightDifference: number;
  /** Easiest target. */
  readonly limit: bigint;
  /** Seconds of being late that double the target. */
  readonly halfLife: number;
}

/**
 * Target of the next block: aserti3-2d, BCH's function argument for argument (CHIP-2020-11 ASERT), so that its public
 * vectors apply. The exponential is approximated by a cubic in 16-bit fixed point.
 */
export function asertTarget(args: AsertArguments): bigint {
  const { spacing, timeDifference, heightDifference, halfLife, limit } = args;
  const late = BigInt(timeDifference) - BigInt(spacing) * BigInt(heightDifference + 1);
  // BigInt division truncates towards zero, as the C++ of the specification does
  const exponent = (late * 65_536n) / BigInt(halfLife);
  const shifts = (exponent >> 16n) - 16n;
  const fraction = exponent & 0xffffn;
  const factor =
    65_536n +
    ((195_766_423_245_049n * fraction +
      971_821_376n * fraction ** 2n +
      5_127n * fraction ** 3n +
      (1n << 47n)) >>
      48n);
  const scaled = args.anchorTarget * factor;
  // a chain that stood still for months must not make a number of a million digits
  if (shifts > 256n) return limit;
  const target = shifts < 0n ? scaled >> -shifts : scaled << shifts;
  if (target === 0n) return 1n;
  return target > limit ? limit : target;
}
