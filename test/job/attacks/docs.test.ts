import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ALL_ATTACKS } from '#src/job/index.js';

const docs = readFileSync('docs/rastic.md', 'utf8');
const section = docs.slice(
  docs.indexOf('## Cheating sellers'),
  docs.indexOf('## False accusations'),
);
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));

describe('the table of cheats in docs/rastic.md', () => {
  it('has every cheat, with what it does, what it has of it and what must come', () => {
    expect(rows.map((cells) => cells.slice(0, 4))).toEqual(
      ALL_ATTACKS.map(({ name, description, gains, expects }) => [
        `\`${name}\``,
        description,
        gains,
        expects,
      ]),
    );
  });

  it('has what was measured of each: none was missed', () => {
    for (const [name, , , , caught] of rows) {
      const form = /^(?:allowed |wins )?(\d+) of (\d+)(?:, (\d+) within τ)?$/;
      const [, count, of, within] = form.exec(caught!) ?? [];
      expect(Number(count) + Number(within ?? 0), `${name}: ${caught}`).toBe(Number(of));
    }
  });
});
