import { formatAmount } from '../../base/index.js';

/**
 * A table of shares, amounts in coins with their share of the total, and a last line with the sum.
 * @param rows texts, the last cell an amount in base units
 */
export async function shareTable(
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
