import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../../src');

/** Names exported by a file, with what they are. */
function exportsOf(name: string): { readonly kind: string; readonly name: string }[] {
  const source = readFileSync(join(SRC, name), 'utf8');
  const found = source.matchAll(
    /^export (?:async |abstract |declare )*(class|function\*?|const|let|interface|type|enum) (\w+)/gm,
  );
  return [...found].map(([, kind, exported]) => ({ kind: kind!, name: exported! }));
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const stem = (name: string): string => basename(name, '.ts');

describe('the names of files', () => {
  it('are in camelCase, or say what is exported, in PascalCase; those of commands are as they are typed', () => {
    const others = files.filter((name) => !name.startsWith('commands/'));
    expect(others.length).toBeGreaterThan(400);
    expect(others.filter((name) => !/^[A-Za-z][A-Za-z0-9]*$/.test(stem(name)))).toEqual([]);
    const capital = files.filter((name) => /^[A-Z]/.test(stem(name)));
    const nameless = capital.filter((name) => {
      return !exportsOf(name).some((each) => each.name === stem(name) && each.kind !== 'const');
    });
    expect(nameless).toEqual([]);
  });

  it('are those of their classes where a file is one class', () => {
    const misnamed = files.filter((name) => {
      const values = exportsOf(name).filter(({ kind }) => !['interface', 'type'].includes(kind));
      const isOneClass = values.length === 1 && values[0]!.kind === 'class';
      return isOneClass && !name.startsWith('commands/') && stem(name) !== values[0]!.name;
    });
    expect(misnamed).toEqual([]);
  });
});
