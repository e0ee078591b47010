import { createHash } from 'node:crypto';
import { Answering } from '../dist/job/worker/Answering.js';
import { LanguageModel } from '../dist/model/index.js';
import { findModels } from './decode/models.js';

/**
 * What a worker answers in a second, its own checks included, one job after another and several at once, on SmolLM2-135M:
 * `npm run bench -- worker [ROUNDS] [TOKENS] [int4|fp32]`. Both have their turn in every round. One thread, so that processor
 * time, which does not depend on what else the machine does, is that of computing and not of waiting.
 */
const JOBS = 8;
const THREADS = 1;
const MODEL = 'worker-bench';
const PROMPT =
  'The history of the lighthouse begins with a question that nobody had thought to ask:';

const idOf = (text) => createHash('sha256').update(text).digest('hex');

/** A job as far as answering looks at it. */
function recordOf(round, number, file, maxTokens) {
  const seed = idOf(`${round}/${number}`);
  const sampling = { temperatureMilli: 800, topK: 40, topPMilli: 950 };
  const job = { model: MODEL, file, calibration: '', sampling, seed, maxTokens, stop: [] };
  return { id: seed, job };
}

/** Answers all jobs, so many at once, as a worker does. @returns tokens a second, and for each second of processor time */
async function answerAll(model, records, batch) {
  const promptIds = model.tokenizer.encode(PROMPT);
  let wake = () => {};
  let tokens = 0;
  const answering = new Answering({
    models: [{ id: MODEL, model, calibration: undefined }],
    batch,
    tell: ({ step }) => {
      if (step === 'token') tokens++;
    },
    onChange: () => wake(),
  });
  const { signal } = new AbortController();
  const waiting = [...records];
  let left = records.length;
  const before = process.cpuUsage();
  const started = performance.now();
  while (left > 0) {
    while (waiting.length > 0 && answering.hasPlace(waiting[0])) {
      answering.start(waiting.shift(), promptIds, signal);
    }
    const changed = new Promise((resolve) => {
      wake = resolve;
    });
    const done = records.filter(({ id }) => {
      const answered = answering.take(id);
      if (!answered) return false;
      if (!answered.output) throw answered.thrown ?? new Error('an answer failed its own check');
      return true;
    });
    left -= done.length;
    if (left > 0 && done.length === 0) await changed;
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { wall: tokens / seconds, processor: (tokens * 1e6) / (user + system) };
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

/** @param args rounds, tokens of each answer, the only type to measure */
export async function run([rounds = '3', tokens = '64', only] = []) {
  const figures = {};
  for (const [type, { dir, file }] of Object.entries(findModels())) {
    if (only !== undefined && only !== type) continue;
    const model = await LanguageModel.open(dir, { file, threads: THREADS, batch: JOBS });
    const rates = { alone: [], together: [], ratio: [], 'processor ratio': [] };
    try {
      for (let round = 0; round < Number(rounds); round++) {
        const records = Array.from({ length: JOBS }, (_, number) =>
          recordOf(round, number, file, Number(tokens)),
        );
        const alone = await answerAll(model, records, 1);
        const together = await answerAll(model, records, JOBS);
        rates.alone.push(alone.wall);
        rates.together.push(together.wall);
        rates.ratio.push(together.wall / alone.wall);
        rates['processor ratio'].push(together.processor / alone.processor);
        process.stderr.write(
          `${type}: ${alone.wall.toFixed(1)} → ${together.wall.toFixed(1)} tokens/s\n`,
        );
      }
    } finally {
      await model.close();
    }
    figures[type] = Object.fromEntries(
      Object.entries(rates).map(([name, values]) => [name, spread(values)]),
    );
    for (const [name, { min, median, max }] of Object.entries(figures[type])) {
      const text = [min, median, max].map((value) => value.toFixed(name.endsWith('ratio') ? 2 : 1));
      process.stdout.write(`${type.padEnd(6)}${name.padEnd(17)}${text.join(' / ')}\n`);
    }
  }
  return figures;
}
