import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BUNDLE = join(ROOT, 'dist/bundle');
const BINARY = join(ROOT, 'bin/bitmodel.js');

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bitmodel-bundle-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** URLs of all scripts that a command loads in its main thread, built into Node.js or not. */
function loadedBy(args: readonly string[]): string[] {
  const folder = mkdtempSync(join(scratch, 'loaded-'));
  const env = { ...process.env, NODE_V8_COVERAGE: folder };
  const { status, stderr } = spawnSync(process.execPath, [BINARY, ...args], { env });
  expect([status, stderr.toString()]).toEqual([0, '']);
  const [report] = readdirSync(folder);
  const { result } = JSON.parse(readFileSync(join(folder, report!), 'utf8')) as {
    result: { url: string }[];
  };
  return result.map(({ url }) => url);
}

/** Packages that a command loads anything of, each once. */
function packagesOf(args: readonly string[]): string[] {
  const names = loadedBy(args).map(
    (url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1],
  );
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

describe('what the launcher runs', () => {
  it('is the bundle alone: no file of a room beside it', () => {
    const own = loadedBy(['keygen', '--help'])
      .filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'))
      .map((url) => relative(ROOT, fileURLToPath(url)));
    const beside = own.filter((file) => !file.startsWith('dist/bundle/'));
    expect(beside).toEqual(['bin/bitmodel.js']);
    expect(own).toContain('dist/bundle/cli.js');
    expect(own).toContain('dist/bundle/keygen.js');
  });

  it('loads no package to say its version, and one to list its commands', () => {
    expect(packagesOf(['--version'])).toEqual([]);
    expect(packagesOf(['--help'])).toEqual(['commander']);
  });

  it.each([
    ['keygen', ['lmdb', 'libp2p', 'onnxruntime-node', 'protobufjs', 'undici', 'zod']],
    ['wallet balance', ['lmdb', 'libp2p', 'onnxruntime-node', 'protobufjs', 'undici', 'zod']],
    ['chain info', ['lmdb', 'libp2p', 'onnxruntime-node', 'protobufjs', 'undici', 'zod']],
    ['reward payout', ['lmdb', 'libp2p', 'onnxruntime-node', 'protobufjs', 'undici', 'zod']],
    ['job submit', ['lmdb', 'libp2p', 'onnxruntime-node', 'undici', 'zod']],
  ])('loads for %s nothing of what others need', (command, others) => {
    const packages = packagesOf([...command.split(' '), '--help']);
    expect(packages).toContain('commander');
    expect(packages.filter((name) => others.includes(name))).toEqual([]);
  });

  it('finds threads, processes, fixtures and package.json where the compiler has put them', () => {
    const code = readdirSync(BUNDLE)
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFileSync(join(BUNDLE, name), 'utf8'))
      .join('\n');
    const places = [...code.matchAll(/new URL\("([^"]+)", import\.meta\.url\)\.href/g)];
    expect(places.length).toBeGreaterThan(10);
    expect(places.length).toBe(code.split('import.meta').length - 1);
    const missing = places.map((match) => match[1]!).filter((at) => !existsSync(join(BUNDLE, at)));
    expect(missing).toEqual([]);
    const aside = [
      ...code.matchAll(/new URL\("([^"]+)", new URL\("([^"]+)", import\.meta\.url\)\.href\)/g),
    ].map((match) => join(BUNDLE, dirname(match[2]!), match[1]!));
    expect(aside.length).toBeGreaterThan(5);
    expect(aside.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('shows lines of the sources where a bug is to be reported', () => {
    const env = { ...process.env, BITMODEL_DEBUG: '1', BITMODEL_DATADIR: scratch };
    const { stderr } = spawnSync(process.execPath, [BINARY, 'wallet', 'balance'], { env });
    expect(stderr.toString()).toMatch(/at readKeyFile \(.*src\/chain\/wallet\/\w+\.ts:\d+:\d+\)/);
  });
});

describe('a file that is imported for what it does', () => {
  it('is known to the bundler, which leaves away what nobody uses', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [name, readFileSync(join(ROOT, 'src', name), 'utf8')] as const);
    const imported = sources.flatMap(([name, source]) =>
      [...source.matchAll(/^import '([^']+)'/gm)].map((match) => join(dirname(name), match[1]!)),
    );
    const script = readFileSync(join(ROOT, 'scripts/bundle.js'), 'utf8');
    const [, list] = /LOADED_FOR_EFFECT = \[([^\]]*)\]/.exec(script)!;
    const known = [...list!.matchAll(/'([^']+)'/g)].map((match) => match[1]!);
    expect([...new Set(imported)].sort()).toEqual(known.sort());
  });
});
