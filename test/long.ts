/** Whether the long form of the tests was asked for: `LONG_TESTS=1 npx vitest run …`. */
export const LONG_TESTS = process.env.LONG_TESTS === '1';

/**
 * How many cases a test runs.
 * @param short in `npm test`
 * @param long with `LONG_TESTS=1`, for runs of hours whose last figures stand in docs/measurements.md
 */
export function cases(short: number, long: number): number {
  return LONG_TESTS ? long : short;
}

/** Milliseconds a test may take: as given, or without an end with `LONG_TESTS=1`. */
export function timeLimit(short: number): number {
  return LONG_TESTS ? 24 * 3600 * 1000 : short;
}
