/** Marks of an axis and the range that they span. */
export interface Axis {
  readonly least: number;
  readonly most: number;
  readonly marks: readonly number[];
}

/** Round steps within a decade. */
const STEPS = [1, 2, 2.5, 5, 10];

/** An axis with about `count` marks at round numbers that holds all values. */
export function axisOf(values: readonly number[], count: number): Axis {
  let least = Math.min(...values);
  let most = Math.max(...values);
  // closer than marks could tell apart
  if (most - least <= 1e-9 * Math.max(1, Math.abs(least), Math.abs(most))) {
    [least, most] = [least - 1, most + 1];
  }
  const rough = (most - least) / count;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * STEPS.find((factor) => factor * decade >= rough * (1 - 1e-9))!;
  const first = Math.floor(least / step + 1e-9);
  const last = Math.ceil(most / step - 1e-9);
  const marks = Array.from({ length: last - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
  return { least: marks[0]!, most: marks.at(-1)!, marks };
}

/** Moves labels apart that would lie on one another, as little as may be, within bounds. */
export function spread(
  wanted: readonly number[],
  gap: number,
  least: number,
  most: number,
): number[] {
  const order = wanted.map((_, at) => at).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  let above = least - gap;
  for (const at of order) {
    placed[at] = Math.max(wanted[at]!, above + gap);
    above = placed[at]!;
  }
  let below = most + gap;
  for (const at of order.reverse()) {
    placed[at] = Math.min(placed[at]!, below - gap);
    below = placed[at]!;
  }
  return placed;
}
