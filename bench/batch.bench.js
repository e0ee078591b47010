import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanguageModel } from 'bitmodel/model';

/**
 * What a token costs when several answers are decoded in one run per step, on SmolLM2-135M: `npm run bench -- batch [ROUNDS] [CONTEXT…]`.
 * By one thread and in CPU seconds, which whatever else the machine does changes little; `npm run bench -- decode` has the
 * rates of two threads on the clock.
 */
const cache = process.env.BITMODEL_BENCH_CACHE ?? fileURLToPath(new URL('.cache', import.meta.url));
const DIR = `${cache}/smollm2-135m`;
const FILES = { int4: 'onnx/model_q4.onnx', fp32: 'onnx/model.onnx' };
const CONTEXT = 64;
const ROWS = [1, 2, 4, 8];
/** Tokens of which all answers are under way, about. */
const TOKENS = 24;
/** Steps that those under way make while one more prompt of 128 tokens joins, about. */
const JOINING = 4;
const GREEDY = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };

/** CPU milliseconds a token, from where all answers have begun until the first ends. */
async function cost(model, context, rows) {
  const counts = Array(rows).fill(0);
  const maxTokens = TOKENS + JOINING * (rows - 1) * Math.ceil(context / 128);
  let from;
  let to;
  const total = () => counts.reduce((sum, count) => sum + count, 0);
  const answer = (row) => {
    const promptIds = Array.from(
      { length: context },
      (_, i) => 100 + ((i * 7919 + row * 131) % 40_000),
    );
    const request = {
      promptIds,
      sampling: GREEDY,
      seed: new Uint8Array(32),
      maxTokens,
      stop: [],
    };
    const onToken = () => {
      counts[row] += 1;
      if (!from && Math.min(...counts) > 1) from = { cpu: process.cpuUsage(), tokens: total() };
    };
    return model.generate(request, { onToken });
  };
  const end = () => {
    if (from) to ??= { cpu: process.cpuUsage(from.cpu), tokens: total() };
  };
  await Promise.all(counts.map((_, row) => answer(row).then(end)));
  return (to.cpu.user + to.cpu.system) / 1000 / (to.tokens - from.tokens);
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

export async function run(args) {
  if (!existsSync(DIR)) {
    throw new Error(`${DIR} is not there; make it with: python3 bench/models/smollm2.py`);
  }
  const [rounds = 5, ...asked] = args.map(Number);
  const contexts = asked.length > 0 ? asked : [CONTEXT];
  const figures = {};
  process.stdout.write(`1 thread, ${rounds} rounds; CPU ms a token: median (least–most)\n`);
  for (const [type, file] of Object.entries(FILES)) {
    const model = await LanguageModel.open(DIR, { file, threads: 1, batch: Math.max(...ROWS) });
    for (const context of contexts) {
      const taken = new Map(ROWS.map((rows) => [rows, []]));
      for (let round = 0; round < rounds; round++) {
        for (const rows of ROWS) taken.get(rows).push(await cost(model, context, rows));
      }
      process.stdout.write(`\n${type}, context ${context}\n`);
      const one = spread(taken.get(1)).median;
      for (const rows of ROWS) {
        const { min, median, max } = spread(taken.get(rows));
        figures[`${type}, context ${context}, ${rows}`] = { min, median, max, gain: one / median };
        const shown = `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`.padEnd(24);
        process.stdout.write(`  ${rows} at once  ${shown} ${(one / median).toFixed(2)}x\n`);
      }
    }
    await model.close();
  }
  return figures;
}
