import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * `npm run bench -- NAME [ARG…]` runs bench/NAME.bench.js, whose `run(args)` prints a table and returns the figures; they go
 * to bench/results/NAME.json with the machine they were taken on.
 */
const here = new URL('.', import.meta.url);
const names = readdirSync(here)
  .filter((file) => file.endsWith('.bench.js'))
  .map((file) => file.replace('.bench.js', ''));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !existsSync(new URL(`${name}.bench.js`, here))) {
  process.stderr.write(`usage: npm run bench -- NAME\nnames: ${names.join(', ')}\n`);
  process.exit(2);
}
const { run } = await import(`./${name}.bench.js`);
const figures = await run(args);
if (figures !== undefined) {
  const { cpus, totalmem } = await import('node:os');
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const results = new URL('results/', here);
  mkdirSync(results, { recursive: true });
  const file = new URL(`${name}.json`, results);
  const record = { name, date: new Date().toISOString().slice(0, 10), machine, figures };
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
  process.stderr.write(`written to ${fileURLToPath(file)}\n`);
}
