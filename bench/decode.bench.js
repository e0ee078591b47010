import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Engine } from './decode/Engine.js';
import { findModels } from './decode/models.js';
import { transformersMissing } from './decode/transformers.js';
import { llamaCppMissing } from './rastic/llama-cpp.js';

/**
 * Decoding beside transformers.js, node-llama-cpp and a bare loop over ONNX Runtime, on SmolLM2-135M:
 * `npm run bench -- decode [ROUNDS] [TOKENS] [int4|fp32|all] [THREADS]`. Each engine has a process of its own and as many threads as the
 * others; in every round each has its turn, in an order that moves on by one, so that what else the machine does falls on all.
 */
const CONTEXTS = [512, 1024];
const TOGETHER = 8;
const SHORT = 32;
const BINARY = fileURLToPath(new URL('../bin/bitmodel.js', import.meta.url));
const PEERS = ['transformers.js', 'node-llama-cpp', 'raw'];

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted.at(-1) };
}

/** Ids without meaning, the same each time: what a token costs does not depend on which it is. */
function promptOf(length, salt) {
  let state = salt;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 100 + ((state >>> 8) % 40_000);
  });
}

/** A prompt whose answer has as many tokens as wanted. */
async function longPrompt(ours, length, tokens) {
  for (let salt = 1; salt < 20; salt++) {
    const prompt = promptOf(length, salt);
    const { ids } = await ours.decode(prompt, tokens);
    if (ids.length === tokens) return { prompt, ids };
  }
  throw new Error(`no prompt gives ${tokens} tokens`);
}

const rateOf = ({ steps, seconds }) => steps / seconds;

/** Rates of all engines behind one prompt, and how many times as fast as each peer we are. */
async function compare(engines, context, tokens, rounds) {
  const { prompt, ids } = await longPrompt(engines.ours, context, tokens);
  const rates = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
  const cpu = structuredClone(rates);
  const first = structuredClone(rates);
  const agree = {};
  rates['ours, drawn'] = [];
  const names = Object.keys(engines);
  for (const name of names) await engines[name].decode(prompt.slice(0, 64), 4);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      const answer = await engines[name].decode(prompt, tokens);
      rates[name].push(rateOf(answer));
      cpu[name].push((1000 * answer.cpuSeconds) / answer.steps);
      first[name].push(answer.firstSeconds);
      const differs = answer.ids.findIndex((id, at) => id !== ids[at]);
      agree[name] = differs < 0 ? Math.min(answer.ids.length, ids.length) : differs;
    }
    const drawn = await engines.ours.decode(prompt, tokens, { drawn: true });
    if (drawn.steps > tokens / 2) rates['ours, drawn'].push(rateOf(drawn));
  }
  const ratios = Object.fromEntries(
    names
      .filter((name) => name !== 'ours')
      .map((name) => [
        name,
        {
          ...spread(rates.ours.map((rate, round) => rate / rates[name][round])),
          ofBest: Math.max(...rates.ours) / Math.max(...rates[name]),
          ofCpu: spread(cpu[name]).median / spread(cpu.ours).median,
        },
      ]),
  );
  const spreads = (lists) =>
    Object.fromEntries(
      Object.entries(lists)
        .filter(([, list]) => list.length > 0)
        .map(([name, list]) => [name, spread(list)]),
    );
  return {
    context,
    tokensPerSecond: spreads(rates),
    cpuMillisecondsPerToken: spreads(cpu),
    firstTokenSeconds: spreads(first),
    sameTokens: agree,
    ratios,
  };
}

/** Eight answers at once against one alone. */
async function batch(settings, tokens, rounds) {
  const ours = await Engine.open('ours', { ...settings, batch: TOGETHER });
  const alone = await Engine.open('ours', settings);
  const prompts = Array.from({ length: TOGETHER }, (_, i) => promptOf(SHORT, 100 + i));
  const one = [];
  const many = [];
  await ours.together(prompts, 8);
  for (let round = 0; round < rounds; round++) {
    one.push(rateOf(await alone.decode(prompts[round % TOGETHER], tokens)));
    const { tokens: count, seconds } = await ours.together(prompts, tokens);
    many.push(count / seconds);
  }
  await Promise.all([ours.close(), alone.close()]);
  const ratios = many.map((rate, round) => rate / one[round]);
  const ofBest = Math.max(...many) / Math.max(...one);
  return {
    answers: TOGETHER,
    one: spread(one),
    many: spread(many),
    ratio: { ...spread(ratios), ofBest },
  };
}

/** Seconds from starting `model run` to the first byte of its answer. */
async function runSeconds({ dir, file, threads }) {
  const started = performance.now();
  const args = ['model', 'run', dir, 'Once upon a time', '--raw', '--max-tokens', '4'];
  const child = spawn(process.execPath, [
    BINARY,
    ...args,
    '--file',
    file,
    '--device',
    'cpu',
    '--threads',
    String(threads),
  ]);
  child.stderr.resume();
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const seconds = (performance.now() - started) / 1000;
  await ended;
  return seconds;
}

/** What `model run` takes to its first token beyond loading the model, which a process that does only that is asked for. */
async function firstToken(model, rounds) {
  const total = [];
  const load = [];
  for (let round = 0; round < rounds; round++) {
    const engine = await Engine.open('ours', model);
    load.push(engine.loadSeconds);
    await engine.close();
    total.push(await runSeconds(model));
  }
  const beyond = spread(total.map((seconds, round) => seconds - load[round]));
  return { total: spread(total), load: spread(load), beyondLoad: beyond };
}

const shown = ({ min, median, max }, digits) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;

function printComparison(type, figures, tokens) {
  const {
    context,
    tokensPerSecond,
    cpuMillisecondsPerToken: cpu,
    firstTokenSeconds,
    ratios,
    sameTokens,
  } = figures;
  process.stdout.write(`\n${type}, context ${context}, tokens a second: median (least–most)\n`);
  for (const [name, rate] of Object.entries(tokensPerSecond)) {
    const ratio = ratios[name];
    const facts = [name.padEnd(16), shown(rate, 1).padEnd(22)];
    if (cpu[name]) facts.push(`${shown(cpu[name], 1)} ms of CPU`);
    if (firstTokenSeconds[name]) facts.push(`first ${firstTokenSeconds[name].median.toFixed(2)} s`);
    if (ratio) {
      const { ofBest, ofCpu } = ratio;
      facts.push(
        `ours ${shown(ratio, 2)}x; best of each ${ofBest.toFixed(2)}x; CPU ${ofCpu.toFixed(2)}x`,
      );
    }
    if (sameTokens[name] < tokens) facts.push(`(same ids up to ${sameTokens[name]})`);
    process.stdout.write(`  ${facts.join('  ')}\n`);
  }
}

async function measureType(type, model, tokens, rounds) {
  const settings = { ...model, contextSize: Math.max(...CONTEXTS) + tokens + 8 };
  const engines = { ours: await Engine.open('ours', settings) };
  for (const name of PEERS) {
    if (name === 'transformers.js' && transformersMissing) continue;
    if (name === 'node-llama-cpp' && (llamaCppMissing || !model.gguf)) continue;
    engines[name] = await Engine.open(name, settings);
  }
  try {
    const contexts = [];
    for (const context of CONTEXTS) {
      const figures = await compare(engines, context, tokens, rounds);
      printComparison(type, figures, tokens);
      contexts.push(figures);
    }
    for (const engine of Object.values(engines)) await engine.close();
    const together = await batch(settings, Math.min(tokens, 96), rounds);
    const { ratio, one, many } = together;
    process.stdout.write(
      `  ${TOGETHER} answers at once ${shown(many, 1)}, one ${shown(one, 1)}: ${shown(ratio, 2)}x; best of each ${ratio.ofBest.toFixed(2)}x\n`,
    );
    const first = await firstToken(model, rounds);
    process.stdout.write(
      `  model run to its first token ${shown(first.total, 2)} s, loading ${shown(first.load, 2)} s, beyond it ${shown(first.beyondLoad, 2)} s\n`,
    );
    return { contexts, together, first };
  } finally {
    await Promise.all(Object.values(engines).map((engine) => engine.close()));
  }
}

export async function run(args) {
  const [rounds = '5', tokens = '256', only = 'all', threads = '2'] = args;
  for (const missing of [transformersMissing, llamaCppMissing]) {
    if (missing) process.stderr.write(`${missing}\n`);
  }
  const figures = { threads: Number(threads), tokens: Number(tokens), rounds: Number(rounds) };
  process.stdout.write(`${tokens} tokens, ${threads} threads, ${rounds} rounds\n`);
  for (const [type, model] of Object.entries(await findModels())) {
    if (only !== 'all' && only !== type) continue;
    if (!existsSync(`${model.dir}/${model.file}`)) continue;
    figures[type] = await measureType(
      type,
      { ...model, threads: Number(threads) },
      Number(tokens),
      Number(rounds),
    );
  }
  return figures;
}
