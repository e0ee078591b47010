const PLAIN = { head: [], border: [] };

/** A table of names and what they stand for; what is undefined is left out. */
export async function factTable(facts: Readonly<Record<string, unknown>>): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({ style: PLAIN });
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) table.push([name, String(value)]);
  }
  return table.toString();
}

/** A table with a head and rows. */
export async function listTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({ head: [...head], style: PLAIN });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
