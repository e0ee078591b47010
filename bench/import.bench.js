import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel } from '../dist/model/index.js';

/**
 * `npm run bench -- import DIR TEXT…`: a checkpoint imported in each type: time, greatest memory and size; what the type costs
 * in quality, as perplexity on the first tokens of the texts; and the time of a token when decoding, the types in turn.
 */
const TYPES = [
  ['fp32', 0],
  ['fp16', 0],
  ['int8', 0],
  ['int8', 4],
  ['q4', 0],
  ['q4', 4],
];
const TOKENS = 1024;
const ROUNDS = 7;
const STEPS = 16;
const THREADS = 2;

const IMPORT = `
import { importModel } from ${JSON.stringify(new URL('../dist/model/index.js', import.meta.url).href)};
const [dir, type, level, out] = process.argv.slice(1);
const started = performance.now();
const { weightBytes } = await importModel(dir, { out, type, accuracyLevel: Number(level) });
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ weightBytes, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
`;

async function perplexityOf(model, ids) {
  const width = model.info.vocabularySize;
  let total = 0;
  await model.prefill(ids.slice(0, -1), {
    onLogits: (first, logits) => {
      for (let row = 0; row * width < logits.length; row++) {
        const scores = logits.subarray(row * width, (row + 1) * width);
        const top = scores.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY);
        const sum = scores.reduce((all, z) => all + Math.exp(z - top), 0);
        total += top + Math.log(sum) - scores[ids[first + row + 1]];
      }
    },
  });
  return Math.exp(total / (ids.length - 1));
}

/** Least milliseconds of a token, since others work on the machine, too. */
async function stepOf(model, ids) {
  const session = await model.session();
  await session.feed(ids.slice(0, 32));
  let least = Number.POSITIVE_INFINITY;
  for (const id of ids.slice(32, 32 + STEPS)) {
    const started = performance.now();
    await session.feed([id]);
    least = Math.min(least, performance.now() - started);
  }
  await session.close();
  return least;
}

export async function run([dir, ...texts]) {
  if (texts.length === 0) throw new Error('Name them: npm run bench -- import DIR TEXT…');
  const root = mkdtempSync(join(tmpdir(), 'bitmodel-bench-import-'));
  const rows = [];
  try {
    const folder = (type, level) => join(root, `${type}-${level}`);
    // before this process is large itself: a child's greatest memory begins with its parent's
    const made = TYPES.map(([type, level]) => {
      const args = ['-e', IMPORT, dir, type, String(level), folder(type, level)];
      const flags = ['--input-type=module', ...args];
      return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
    });
    for (const [i, [type, level]] of TYPES.entries()) {
      const out = folder(type, level);
      const started = performance.now();
      const model = await LanguageModel.open(out, { threads: THREADS });
      const loadMs = performance.now() - started;
      const text = texts.map((file) => readFileSync(file, 'utf8')).join('\n');
      const ids = model.tokenizer.encode(text).slice(0, TOKENS);
      const perplexity = await perplexityOf(model, ids);
      rows.push({ type, level, ...made[i], loadMs, perplexity, steps: [], model, ids });
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const row of rows) row.steps.push(await stepOf(row.model, row.ids));
    }
    return rows.map(({ model, ids, steps, ...row }) => {
      const sorted = steps.sort((a, b) => a - b);
      const [least, middle, most] = [sorted[0], sorted[Math.floor(ROUNDS / 2)], sorted.at(-1)];
      console.log(
        [
          `${row.type}/${row.level}`.padEnd(8),
          `${row.seconds.toFixed(1)} s`.padStart(8),
          `${(row.peakBytes / 1e6).toFixed(0)} MB peak`.padStart(13),
          `${(row.weightBytes / 1e6).toFixed(0)} MB`.padStart(8),
          `load ${row.loadMs.toFixed(0)} ms`.padStart(13),
          `perplexity ${row.perplexity.toFixed(2)}`.padStart(18),
          `${least.toFixed(1)}/${middle.toFixed(1)}/${most.toFixed(1)} ms a token`.padStart(28),
        ].join(''),
      );
      return { ...row, msPerToken: { min: least, median: middle, max: most }, tokens: ids.length };
    });
  } finally {
    for (const { model } of rows) await model.close();
    rmSync(root, { recursive: true });
  }
}
