import { describe, expect, it } from 'vitest';
import { longShareTable, type ShareLine } from '#src/commands/shared/share-table.js';

const lines = (units: readonly number[]): ShareLine[] =>
  units.map((each, i) => ({ cells: () => [`s${i}`, ''], units: BigInt(each) }));
const rowsOf = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const HEAD = ['source', 'owner', 'amount'];

describe('a table of shares', () => {
  it('keeps the order of a few', async () => {
    const rows = rowsOf(await longShareTable(HEAD, lines([5, 70, 25]), 100n));
    expect(rows.map(([source, , , share]) => [source, share])).toEqual([
      ['source', 'share'],
      ['s0', '5.00 %'],
      ['s1', '70.00 %'],
      ['s2', '25.00 %'],
      ['total', '100.00 %'],
    ]);
  });

  it('shows the largest thousand of many, of equal ones the first, and the rest as one sum', async () => {
    // 500 of 3 units, 1,000 of 2 of which half fit, 500 of 1, mixed
    const units = Array.from({ length: 2000 }, (_, i) => [2, 3, 2, 1][i % 4]!);
    let made = 0;
    const counted = lines(units).map(({ cells, ...line }) => ({
      ...line,
      cells: () => {
        made++;
        return cells();
      },
    }));
    const rows = rowsOf(await longShareTable(HEAD, counted, 4000n));
    const three = units.flatMap((each, i) => (each === 3 ? [`s${i}`] : []));
    const two = units.flatMap((each, i) => (each === 2 ? [`s${i}`] : [])).slice(0, 500);
    expect(rows.slice(1, 1001).map(([source]) => source)).toEqual([...three, ...two]);
    expect(rows.slice(1001).map(([source, , amount]) => [source, amount])).toEqual([
      ['and 1000 smaller ones', '0.00001500'],
      ['total', '0.00004000'],
    ]);
    expect(made).toBe(1000);
  });
});
