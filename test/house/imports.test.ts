import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../../src');
const architecture = readFileSync(resolve(SRC, '../docs/architecture.md'), 'utf8');

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

/**
 * Folders of each room, lowest first: each imports from those before it (types, which do nothing, from any). Files that
 * lie in the room itself join the folders: they stand above all of them, or are what all of them stand on.
 */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  chain: [
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
  ],
  model: [
    'onnx',
    'bundle',
    'archive',
    'store',
    'sampler',
    'runtime',
    'import',
    'chat',
    'protect',
    'measure',
  ],
  network: [
    'host',
    'limits',
    'peers',
    'reach',
    'delivery',
    'gossip',
    'sync',
    'models',
    'rpc',
    'light',
  ],
  job: [
    'contracts',
    'bonds',
    'suspects',
    'sellers',
    'cases',
    'pool',
    'network',
    'client',
    'detached',
    'worker',
    'verifier',
    'rejudging',
    'outsourced',
    'explained',
    'attacks',
  ],
  rastic: ['economics', 'attacks', 'outsourced', 'pooled'],
  reward: [
    'graph',
    'flow',
    'drawing',
    'network',
    'simulation',
    'contracts',
    'split',
    'declared',
    'settle',
    'nft',
    'imi',
    'imo',
  ],
};

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

/** All that a file comes to by its imports, and theirs. */
function reachable(needs: ReadonlyMap<string, readonly string[]>, from: string): Set<string> {
  const seen = new Set<string>();
  const next = [...(needs.get(from) ?? [])];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    next.push(...(needs.get(file) ?? []));
  }
  return seen;
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

  it.each(Object.entries(FOLDERS))(
    'lets data flow one way through the folders of %s',
    (room, folders) => {
      const folderOf = (path: string): string => path.split('/')[1]!;
      const inFolder = (path: string): boolean =>
        roomOf(path) === room && path.split('/').length > 2;
      const within = imports.filter(({ file, target }) => inFolder(file) && inFolder(target));
      const all = files.map((file) => relative(SRC, file)).filter(inFolder);
      expect([...new Set(all.map(folderOf))].sort()).toEqual([...folders].sort());
      const upward = within.filter(({ file, target, types }) => {
        return !types && folders.indexOf(folderOf(target)) > folders.indexOf(folderOf(file));
      });
      expect(upward).toEqual([]);
    },
  );

  it.each(Object.entries(FOLDERS))(
    'has the folders of %s in docs/architecture.md, in their order',
    (room, folders) => {
      const names = folders.map((folder) => `\`${folder}\``).join(' ');
      expect(architecture).toContain(`| \`${room}\` | ${names} |`);
    },
  );

  it('has what docs/architecture.md says to begin with', () => {
    const named = [...architecture.matchAll(/`(?:\w+\/)?([A-Za-z]+\.ts)`/g)].map(
      (match) => match[1]!,
    );
    expect(named.length).toBeGreaterThan(20);
    const present = new Set(files.map((file) => basename(file)));
    expect(named.filter((name) => !present.has(name))).toEqual([]);
  });

  it('has no two files that need each other to run', () => {
    const needs = new Map<string, string[]>();
    for (const { file, target, types } of imports) {
      if (types) continue;
      needs.set(file, [...(needs.get(file) ?? []), target.replace(/\.js$/, '.ts')]);
    }
    const circles = [...needs.keys()].filter((file) => reachable(needs, file).has(file));
    expect(circles).toEqual([]);
  });

  it('keeps every public face without logic', () => {
    const withLogic = files
      .filter((file) => file.endsWith('index.ts'))
      .filter((file) => /\b(function|class|const|let|if)\b/.test(readFileSync(file, 'utf8')));
    expect(withLogic.map((file) => relative(SRC, file))).toEqual([]);
  });
});
