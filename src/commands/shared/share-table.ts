import { formatAmount, Heap } from '../../base/index.js';

/** Lines of a table; the largest shares are shown where there are more. */
const LINES = 1000;

/** A share as a line of a table. */
export interface ShareLine {
  /** Made for those alone that are shown. */
  readonly cells: () => readonly string[];
  /** Base units. */
  readonly units: bigint;
}

/**
 * A table of shares, amounts in coins with their share of the total, and a last line with the sum.
 * @param rows texts, the last cell an amount in base units
 */
async function shareTable(
  head: readonly string[],
  rows: readonly (readonly [...string[], bigint])[],
  total: bigint,
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const right = head.map((_, i) => (i === head.length - 1 ? 'right' : 'left'));
  const table = new Table({
    head: [...head, 'share'],
    colAligns: [...right, 'right'] as ('left' | 'right')[],
    style: { head: [], border: [] },
  });
  const line = (cells: readonly string[], units: bigint): string[] => [
    ...cells,
    formatAmount(units),
    percent(units, total),
  ];
  for (const row of rows) {
    table.push(line(row.slice(0, -1) as string[], row.at(-1) as bigint));
  }
  table.push(line(['total', ...head.slice(2).map(() => '')], total));
  return table.toString();
}

/** `12.34 %`, cut, not rounded: what is shown never exceeds what is paid. */
function percent(units: bigint, total: bigint): string {
  const hundredths = total === 0n ? 0n : (units * 10_000n) / total;
  return `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, '0')} %`;
}

/** The largest lines, largest first, and how many there are; all of them, in their order, where they are few. */
function largest(lines: Iterable<ShareLine>): { shown: ShareLine[]; count: number } {
  type Placed = readonly [line: ShareLine, place: number];
  const isAfter = ([a, i]: Placed, [b, j]: Placed): boolean =>
    a.units < b.units || (a.units === b.units && i > j);
  const heap = new Heap<Placed>(isAfter);
  let count = 0;
  // a line that was pushed out: none of its size that comes later is among the largest
  let bound = -1n;
  for (const line of lines) {
    count++;
    if (line.units <= bound) continue;
    heap.push([line, count]);
    if (heap.size > LINES) bound = heap.pop()![0].units;
  }
  const kept: Placed[] = [];
  for (let next = heap.pop(); next; next = heap.pop()) kept.push(next);
  if (count > LINES) kept.reverse();
  else kept.sort(([, i], [, j]) => i - j);
  return { shown: kept.map(([line]) => line), count };
}

/** As {@link shareTable}, of any number of lines: of more than a thousand the largest, with one for all others. */
export async function longShareTable(
  head: readonly string[],
  lines: Iterable<ShareLine>,
  total: bigint,
): Promise<string> {
  const { shown, count } = largest(lines);
  const rows: [...string[], bigint][] = shown.map(({ cells, units }) => [...cells(), units]);
  if (shown.length < count) {
    const rest = shown.reduce((left, { units }) => left - units, total);
    const blank = head.slice(2).map(() => '');
    rows.push([`and ${count - shown.length} smaller ones`, ...blank, rest]);
  }
  return shareTable(head, rows, total);
}
