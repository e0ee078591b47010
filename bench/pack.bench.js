import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `bitmodel model pack` on a folder of 2 GB, from the start of its process to the end, and in turn, where they are here:
 * `sha256sum` of the same bytes, `openssl dgst -sha256` (whose code uses the processor's own SHA instructions, as ours does),
 * and libtorrent's creator of BitTorrent v2 torrents (Debian's python3-libtorrent), which must come to the same id. All read
 * from the page cache. The second table is of a folder with many small files. Arguments: rounds, and `large` or `small` for one
 * of the two alone.
 */
const binary = fileURLToPath(new URL('../bin/bitmodel.js', import.meta.url));
const creator = fileURLToPath(new URL('pack/create-torrent.py', import.meta.url));
const BIG = [
  ['onnx/model.onnx_data', 1_900_000_000],
  ['onnx/model.onnx', 95_000_000],
  ['tokenizer.json', 5_000_000],
];
const MANY = Array.from({ length: 5000 }, (_, i) => [`part-${i % 50}/${i}.bin`, 20_000 + i]);

function make(dir, files) {
  const block = Buffer.alloc(1 << 20);
  for (const [path, size] of files) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    const file = openSync(join(dir, path), 'w');
    for (let at = 0; at < size; at += block.length) {
      for (let i = 0; i < block.length; i += 4)
        block.writeUInt32LE(Math.imul(at + i + size, 2_654_435_761) >>> 0, i);
      writeSync(file, block, 0, Math.min(block.length, size - at));
    }
    closeSync(file);
  }
}

function seconds(command, args) {
  const started = performance.now();
  const stdout = execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { seconds: (performance.now() - started) / 1000, stdout };
}

function python() {
  const works = (path) => spawnSync(path, ['-c', 'import libtorrent']).status === 0;
  return ['python3', '/usr/bin/python3'].find(works);
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

function compare(scratch, name, files, rounds) {
  const dir = join(scratch, name, 'model');
  make(dir, files);
  const bytes = files.reduce((sum, [, size]) => sum + size, 0);
  const paths = files.map(([path]) => join(dir, path));
  const record = join(scratch, name, 'record');
  const datadir = join(scratch, name, 'data');
  const pack = ['model', 'pack', dir, '--record', record, '--datadir', datadir, '-q'];
  const runs = { pack: () => seconds(process.execPath, [binary, ...pack]) };
  runs.sha256sum = () => seconds('sha256sum', paths);
  if (spawnSync('openssl', ['version']).status === 0)
    runs['openssl dgst'] = () => seconds('openssl', ['dgst', '-sha256', ...paths]);
  const snake = python();
  if (snake) runs.libtorrent = () => seconds(snake, [creator, dir]);
  else process.stdout.write('python3-libtorrent is not here, so its creator is left out\n');
  const rates = Object.fromEntries(Object.keys(runs).map((key) => [key, []]));
  for (let round = 0; round <= rounds; round++) {
    const ids = new Set();
    for (const [key, run] of Object.entries(runs)) {
      const outcome = run();
      if (key === 'pack' || key === 'libtorrent') ids.add(outcome.stdout.trim());
      // the first round fills the page cache
      if (round > 0) rates[key].push(bytes / 1e6 / outcome.seconds);
    }
    if (ids.size !== 1) throw new Error(`different ids: ${[...ids].join(' ')}`);
  }
  const figures = {
    megabytes: bytes / 1e6,
    files: files.length,
    megabytesPerSecond: {},
    ratio: {},
  };
  for (const [key, values] of Object.entries(rates)) {
    figures.megabytesPerSecond[key] = spread(values);
    if (key !== 'pack') figures.ratio[key] = spread(values.map((rate, i) => rates.pack[i] / rate));
  }
  process.stdout.write(`${name}: ${files.length} files, ${(bytes / 1e6).toFixed(0)} MB\n`);
  const row = (label, { min, median, max }, digits) =>
    process.stdout.write(
      `  ${label.padEnd(22)} min ${min.toFixed(digits)}  median ${median.toFixed(digits)}  max ${max.toFixed(digits)}\n`,
    );
  for (const [key, value] of Object.entries(figures.megabytesPerSecond))
    row(`${key}, MB/s`, value, 0);
  for (const [key, value] of Object.entries(figures.ratio)) row(`pack / ${key}`, value, 2);
  rmSync(join(scratch, name), { recursive: true });
  return figures;
}

export async function run([count = '7', which = 'both']) {
  const rounds = Number(count);
  const scratch = mkdtempSync(join(tmpdir(), 'bitmodel-bench-pack-'));
  try {
    const large = which === 'small' ? undefined : compare(scratch, 'large', BIG, rounds);
    const small = which === 'large' ? undefined : compare(scratch, 'small', MANY, rounds);
    return { large, small, goal: { sha256sum: 1.5, libtorrent: 1 } };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
