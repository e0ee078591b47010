/** How unevenly an amount is spread. All shares in parts per million, rounded down. */
export interface Concentration {
  /** Who could earn. */
  readonly holders: number;
  /** Who does earn. */
  readonly earners: number;
  /** Base units. */
  readonly total: bigint;
  /** Gini's coefficient: 0 where all earn the same, towards 1,000,000 where one earns all. */
  readonly giniPpm: number;
  /** Share of all income that the k best earners have, for k = 1, 10, 100, 1000 as far as there are so many. */
  readonly top: readonly { readonly earners: number; readonly ppm: number }[];
  /** Share of the best hundredth, rounded up to a whole holder. */
  readonly topHundredthPpm: number;
  /** Lorenz's curve: share of all income that the poorest i twentieths have, i from 0 to 20. */
  readonly lorenzPpm: readonly number[];
}

const WHOLE = 1_000_000n;
const LORENZ_STEPS = 20;

/**
 * How unevenly these amounts are spread over all who hold them, zeros included; exact, in integers.
 * @param amounts base units, in any order; not changed
 */
export function concentration(amounts: BigUint64Array): Concentration {
  const sorted = amounts.slice().sort();
  const holders = sorted.length;
  const sums = new BigUint64Array(holders + 1);
  let total = 0n;
  let ranked = 0n; // Σ rank · amount
  let earners = 0;
  for (let i = 0; i < holders; i++) {
    const amount = sorted[i]!;
    if (amount > 0n) {
      earners++;
      total += amount;
      ranked += BigInt(i + 1) * amount;
    }
    sums[i + 1] = total;
  }
  const share = (units: bigint): number => (total === 0n ? 0 : Number((units * WHOLE) / total));
  const best = (count: number): number => share(total - sums[holders - count]!);
  const n = BigInt(holders);
  return {
    holders,
    earners,
    total,
    giniPpm: total === 0n ? 0 : Number(((2n * ranked - (n + 1n) * total) * WHOLE) / (n * total)),
    top: [1, 10, 100, 1000]
      .filter((count) => count <= holders)
      .map((count) => ({ earners: count, ppm: best(count) })),
    topHundredthPpm: best(Math.ceil(holders / 100)),
    lorenzPpm: Array.from({ length: LORENZ_STEPS + 1 }, (_, i) =>
      share(sums[Math.floor((holders * i) / LORENZ_STEPS)]!),
    ),
  };
}

/** Gini's coefficient as it is usually written, cut to three places: `0.608`. */
export function formatGini({ giniPpm }: Pick<Concentration, 'giniPpm'>): string {
  return (Math.floor(giniPpm / 1000) / 1000).toFixed(3);
}
