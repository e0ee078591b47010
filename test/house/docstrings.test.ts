import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../../src');
const EXPORT =
  /^export (?:async |abstract )?(class|function\*?|const|interface|type|enum) ([A-Za-z_]\w*)/;

/** Names that a file exports without saying what they are for; constants below one another share their docstring. */
function withoutDocstring(name: string): string[] {
  const lines = readFileSync(join(SRC, name), 'utf8').split('\n');
  return lines.flatMap((line, at) => {
    const exported = EXPORT.exec(line);
    const above = lines[at - 1] ?? '';
    const isSaid =
      above.endsWith('*/') || (/^export const/.test(above) && exported?.[1] === 'const');
    return exported && !isSaid ? [`${name}: ${exported[2]}`] : [];
  });
}

describe('what a file exports', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('index.ts'),
  );

  it('says what it is for', () => {
    expect(files.length).toBeGreaterThan(500);
    expect(files.flatMap(withoutDocstring)).toEqual([]);
  });
});
