import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanguageModel } from 'bitmodel/model';
import { DEFAULT_TAU, verifyOutput } from 'bitmodel/rastic';
import { RawModel } from './verify/raw.js';

/**
 * Checking every token of an answer against generating it, on SmolLM2-135M: `npm run bench -- verify [ROUNDS]`. Both in one
 * process by two threads, in turn, so that whatever else the machine does falls on both; beside them, one plain prefill
 * by ONNX Runtime that makes every logit and looks at none. CPU seconds are counted too, since they depend less on others.
 */
const cache = process.env.BITMODEL_BENCH_CACHE ?? fileURLToPath(new URL('.cache', import.meta.url));
const DIR = `${cache}/smollm2-135m`;
const TOKENS = 256;
const THREADS = 2;
const PROMPTS = [
  'Once upon a time, in a village at the foot of the mountains, there lived a',
  'The history of the steam engine begins in the first century, when',
  'In this chapter we explain how plants make sugar out of light. First,',
];
const FILES = { fp32: 'onnx/model.onnx', int4: 'onnx/model_q4.onnx' };
const SAMPLINGS = {
  greedy: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
  'T=0.8, k=40, p=0.95': { temperatureMilli: 800, topK: 40, topPMilli: 950 },
};

/** Wall and CPU seconds of a call. */
async function timed(call) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const result = await call();
  const { user, system } = process.cpuUsage(cpu);
  return { result, wall: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}

/** An answer of as many tokens as wanted: the first prompt whose answer does not end sooner. */
async function longAnswer(model, sampling) {
  for (const text of PROMPTS) {
    const promptIds = model.tokenizer.encode(text);
    const request = { promptIds, sampling, seed: new Uint8Array(32), maxTokens: TOKENS, stop: [] };
    const { ids, finish } = await model.generate(request);
    if (ids.length === TOKENS) return { request, claim: { ...request, outputIds: ids, finish } };
  }
  throw new Error(`no prompt gives ${TOKENS} tokens`);
}

async function measure(model, raw, sampling, rounds) {
  const { request, claim } = await longAnswer(model, sampling);
  const check = () => verifyOutput(model, claim, { tau: DEFAULT_TAU });
  const all = [...claim.promptIds, ...claim.outputIds.slice(0, -1)];
  await check();
  await raw.prefill(all);
  const taken = { generate: [], verify: [], plain: [] };
  for (let round = 0; round < rounds; round++) {
    taken.generate.push(await timed(() => model.generate(request)));
    // short things are repeated, so that one disturbance does not make the figure
    for (let i = 0; i < 3; i++) {
      taken.verify.push(await timed(check));
      taken.plain.push(await timed(() => raw.prefill(all)));
    }
  }
  for (const { result } of taken.verify) {
    if (result.verdict.result !== 'valid') throw new Error(JSON.stringify(result.verdict));
  }
  const of = (name, kind) => spread(taken[name].map((one) => one[kind]));
  const ratio = (name, kind) => of(name, kind).median / of('generate', kind).median;
  return {
    tokens: claim.outputIds.length,
    seconds: Object.fromEntries(Object.keys(taken).map((name) => [name, of(name, 'wall')])),
    cpuSeconds: Object.fromEntries(Object.keys(taken).map((name) => [name, of(name, 'cpu')])),
    verifyToGenerate: { wall: ratio('verify', 'wall'), cpu: ratio('verify', 'cpu') },
    plainToGenerate: { wall: ratio('plain', 'wall'), cpu: ratio('plain', 'cpu') },
  };
}

const shown = ({ min, median, max }) =>
  `${median.toFixed(3)} (${min.toFixed(3)}–${max.toFixed(3)})`.padEnd(24);
const percent = (ratio) => `${(100 * ratio).toFixed(1)} %`.padStart(7);

export async function run(args) {
  if (!existsSync(DIR)) {
    throw new Error(`${DIR} is not there; make it with: python3 bench/models/smollm2.py`);
  }
  const rounds = Number(args[0] ?? 5);
  const figures = {};
  process.stdout.write(
    `${TOKENS} tokens, ${THREADS} threads, ${rounds} rounds; seconds: median (least–most)\n`,
  );
  for (const [type, file] of Object.entries(FILES)) {
    const model = await LanguageModel.open(DIR, { file, threads: THREADS });
    const raw = await RawModel.open(`${DIR}/${file}`, THREADS);
    for (const [name, sampling] of Object.entries(SAMPLINGS)) {
      const figure = await measure(model, raw, sampling, rounds);
      figures[`${type}, ${name}`] = figure;
      const { seconds, cpuSeconds, verifyToGenerate, plainToGenerate } = figure;
      process.stdout.write(
        [
          `\n${type}, ${name}          wall                     CPU`,
          `  generate        ${shown(seconds.generate)} ${shown(cpuSeconds.generate)}`,
          `  verify          ${shown(seconds.verify)} ${shown(cpuSeconds.verify)}`,
          `  plain prefill   ${shown(seconds.plain)} ${shown(cpuSeconds.plain)}`,
          `  verify / generate         ${percent(verifyToGenerate.wall)} of wall, ${percent(verifyToGenerate.cpu)} of CPU`,
          `  plain prefill / generate  ${percent(plainToGenerate.wall)} of wall, ${percent(plainToGenerate.cpu)} of CPU\n`,
        ].join('\n'),
      );
    }
    await raw.close();
    await model.close();
  }
  return figures;
}
