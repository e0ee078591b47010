import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../../src');

/** Which rooms each room may import from (DESIGN 2); `base` and its own files always. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  chain: [],
  model: [],
  network: ['chain', 'model'],
  rastic: ['chain', 'model'],
  job: ['chain', 'model', 'network', 'rastic', 'reward'],
  reward: ['chain', 'model', 'network', 'rastic'],
  gateway: ['chain', 'model', 'network', 'rastic', 'job', 'reward'],
  explorer: ['chain', 'model', 'network', 'rastic', 'job', 'reward'],
  demo: ['chain', 'model', 'network', 'rastic', 'job', 'reward'],
  commands: ['chain', 'model', 'network', 'rastic', 'job', 'reward', 'gateway', 'explorer', 'demo'],
};

/** Folders of the chain, lowest first: each imports from those before it (types, which do nothing, from any). */
const CHAIN = [
  'codec',
  'wire',
  'script',
  'address',
  'consensus',
  'pins',
  'store',
  'mempool',
  'mining',
  'node',
  'client',
  'wallet',
  'identity',
  'tokens',
  'explorer',
  'rpc',
  'daemon',
];

interface Import {
  readonly file: string;
  readonly target: string;
  /** Whether it is of types alone. */
  readonly types: boolean;
}

function importsOf(file: string): Import[] {
  const source = readFileSync(file, 'utf8');
  const specifiers = source.matchAll(
    /(import type [^;']*)?(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g,
  );
  return [...specifiers].map((match) => ({
    file: relative(SRC, file),
    target: relative(SRC, resolve(dirname(file), match[2]!)),
    types: match[1] !== undefined,
  }));
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SRC, name));
const imports = files.flatMap(importsOf);
const roomOf = (path: string): string => (path.includes('/') ? path.split('/')[0]! : '');

describe('the house', () => {
  it('has imports to look at', () => {
    expect(imports.length).toBeGreaterThan(50);
  });

  it('imports downward only', () => {
    const upward = imports.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)];
      return from !== '' && from !== to && to !== 'base' && !ALLOWED[from]?.includes(to);
    });
    expect(upward).toEqual([]);
  });

  it("enters another room through its index.ts alone, and nobody but the room's outside imports it", () => {
    const throughTheWindow = imports.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)];
      return from !== '' && to !== '' && from !== to && target !== `${to}/index.js`;
    });
    const ownFace = imports.filter(
      ({ file, target }) => roomOf(file) !== '' && target === `${roomOf(file)}/index.js`,
    );
    expect([...throughTheWindow, ...ownFace]).toEqual([]);
  });

  it('lets data flow one way through the folders of the chain', () => {
    const folderOf = (path: string): string => path.split('/')[1]!;
    const within = imports.filter(
      ({ file, target }) => /^chain\/.*\//.test(file) && /^chain\/.*\//.test(target),
    );
    expect([...new Set(within.map(({ file }) => folderOf(file)))].sort()).toEqual(
      [...CHAIN].sort(),
    );
    const upward = within.filter(({ file, target, types }) => {
      return !types && CHAIN.indexOf(folderOf(target)) > CHAIN.indexOf(folderOf(file));
    });
    expect(upward).toEqual([]);
  });

  it('keeps every public face without logic', () => {
    const withLogic = files
      .filter((file) => file.endsWith('index.ts'))
      .filter((file) => /\b(function|class|const|let|if)\b/.test(readFileSync(file, 'utf8')));
    expect(withLogic.map((file) => relative(SRC, file))).toEqual([]);
  });
});
