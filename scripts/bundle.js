import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/**
 * The second half of `npm run build`: gathers what the commands of dist/cli.js need of the rooms into the files of
 * dist/bundle/, which the launcher runs. A room is entered through its whole face; here what no command uses of it falls away,
 * and a command loads tens of files in place of hundreds. Packages stay outside, but for zod: its face loads its words in 64
 * languages, of which we show those of one.
 */
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const bundle = join(dist, 'bundle');
const inside = fileURLToPath(new URL('../node_modules/zod/', import.meta.url));

/** What does something when it is loaded and is imported for that alone (test/house/bundle.test.ts holds the sources to it). */
const LOADED_FOR_EFFECT = ['network/host/polyfill.js'];

/** Gives the compiler's files with their maps, and has `import.meta.url` be that of the file, not of the bundle. */
const ownPlace = {
  name: 'own-place',
  load(id) {
    if (id.startsWith(inside)) return null;
    const place = relative(bundle, id).split(sep).join('/');
    const code = readFileSync(id, 'utf8')
      .replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
      .replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`);
    return { code, map: readFileSync(`${id}.map`, 'utf8') };
  },
};

const build = await rolldown({
  input: join(dist, 'cli.js'),
  platform: 'node',
  external: (id) => !/^[./]/.test(id) && !isAbsolute(id) && id !== 'zod',
  plugins: [ownPlace],
  treeshake: { moduleSideEffects: LOADED_FOR_EFFECT.map((file) => resolve(dist, file)) },
  onLog(level, log) {
    throw new Error(`${level}: ${log.message}`);
  },
});
const { output } = await build.generate({
  format: 'esm',
  // all in one folder, to which the places that ownPlace writes are relative
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  codeSplitting: { groups: [{ name: 'zod', test: (id) => id.startsWith(inside) }] },
  // whoever passes its code on passes on the permission, too
  banner: ({ name }) =>
    name === 'zod' ? `/*! zod\n${readFileSync(join(inside, 'LICENSE'), 'utf8')}*/` : '',
  sourcemap: true,
  keepNames: true,
});
await build.close();

mkdirSync(bundle, { recursive: true });
for (const file of output) {
  const path = join(bundle, file.fileName);
  // a command that starts meanwhile finds whole files
  writeFileSync(`${path}.new`, file.type === 'chunk' ? file.code : file.source);
  renameSync(`${path}.new`, path);
}
const made = new Set(output.map((file) => file.fileName));
for (const name of readdirSync(bundle)) if (!made.has(name)) rmSync(join(bundle, name));
