import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(join(root, 'docs/consensus.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('`'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Reasons that the rules of blocks give, as they stand in the source. */
function reasonsOf(folder: string): string[] {
  const path = join(root, 'src/chain', folder);
  return readdirSync(path).flatMap((file) => {
    const source = readFileSync(join(path, file), 'utf8');
    return [...source.matchAll(/reject(?:Block|Transaction)\(\s*'([^']+)'/g)].map(
      (match) => match[1]!,
    );
  });
}

describe('docs/consensus.md', () => {
  it('lists every reason that a block can be refused for, and no other', () => {
    const listed = new Set(rows.flatMap(([, , reason]) => reason!.match(/[^`]+(?=`)/)?.[0] ?? []));
    const given = new Set([
      ...reasonsOf('consensus'),
      ...reasonsOf('node'),
      'mandatory-script-verify-flag-failed',
    ]);
    // the mempool alone asks for a limit of cost: docs/mempool.md has it
    expect(given.delete('bad-txns-too-many-sigops')).toBe(true);
    expect(readFileSync(join(root, 'docs/mempool.md'), 'utf8')).toContain(
      '`bad-txns-too-many-sigops`',
    );
    expect([...listed].sort()).toEqual([...given].sort());
  });

  it('names tests that exist', () => {
    for (const [, , , , tests] of rows) {
      for (const name of tests!.replace(/\(.*?\)/g, '').split(',')) {
        const path = join(root, 'test/chain', name.trim());
        expect(existsSync(path) || existsSync(`${path}.test.ts`), name).toBe(true);
      }
    }
  });
});
