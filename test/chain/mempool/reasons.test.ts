import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** Rows of the page's table: reason and the test that holds it. */
const rows = [...read('docs/mempool.md').matchAll(/^\| `([^`]+)` \|.*\| (\S+) \|$/gm)].map(
  ([, reason, test]) => ({ reason: reason!, test: test! }),
);

describe('the table of reasons in docs/mempool.md', () => {
  it('has each reason that the mempool gives', () => {
    const folder = 'src/chain/mempool/';
    const source = readdirSync(new URL(folder, root)).map((file) => read(`${folder}${file}`));
    const given = source.flatMap((text) =>
      [...text.matchAll(/rejectTransaction\(\s*'([^']+)'/g)].map(([, reason]) => reason!),
    );
    expect(given.length).toBeGreaterThan(15);
    const listed = rows.map(({ reason }) => reason);
    expect([...new Set(given)].filter((reason) => !listed.includes(reason))).toEqual([]);
  });

  it.each(rows)('$reason is held by test/chain/$test', ({ reason, test }) => {
    expect(read(`test/chain/${test}.test.ts`)).toContain(reason);
  });
});
