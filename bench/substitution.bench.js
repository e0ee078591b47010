import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gumbelNoise, inlineWeights, LanguageModel, modelId, sampleToken } from 'bitmodel/model';
import {
  BEYOND,
  calibratePair,
  checkPosition,
  clopperPearsonUpper,
  GRAPH_VARIANTS,
  hypothesesFor,
  logRatio,
  marginClass,
  observe,
  pairFor,
  pooledEvidence,
  readCalibration,
  SLASHING_SCORE,
  UNSEEN,
} from 'bitmodel/rastic';
import { contextsOf, perplexityOf, proseOf, seedOf } from './substitution/texts.js';

const HELP = `usage: npm run bench -- substitution [DIR] [--outputs N] [--tokens N] [--seeds N] [--variants A,B] [--held N]
  [--forced [--prose]] [--tau-micro N]
--forced: each model sees the real model's own text and draws its next token at each position from so many seeds (for
models that are too slow to answer by themselves so often); with --prose the text is held text instead
--variants: names of graph variants, or files of the same folder, such as onnx/model_q4.onnx
--tau-micro: tolerance to go by instead of a calibration, as if 10,000 honest tokens had shown no margin above zero`;

const SAMPLINGS = [
  ['T = 0', { temperatureMilli: 0, topK: 0, topPMilli: 1000 }],
  ['T = 0.8, top-k 40, top-p 0.95', { temperatureMilli: 800, topK: 40, topPMilli: 950 }],
  ['T = 1', { temperatureMilli: 1000, topK: 0, topPMilli: 1000 }],
];
const VARIANTS = ['int8', 'int8-activations', 'int4', 'fine-tuned', 'fp16', 'fewer-layers'];
const WITHIN = [64, 300, 1024];
const STREAMS = 2000;
/** Streams that show nothing end here. */
const MOST_TOKENS = 4096;
/** False leaves of the test over jobs. */
const RATES = { falseLeave: 0.001, missed: 0.05 };

function optionsOf(args) {
  const value = (name, otherwise) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : args[at + 1];
  };
  return {
    dir: resolve(args[0] && !args[0].startsWith('--') ? args[0] : 'fixtures/bitmodel-tiny'),
    outputs: Number(value('outputs', '40')),
    tokens: Number(value('tokens', '300')),
    seeds: Number(value('seeds', '20')),
    threads: Number(value('threads', '2')),
    held: Number(value('held', '5')),
    tauMicro: Number(value('tau-micro', '0')),
    prose: args.includes('--prose'),
    variants: value('variants', VARIANTS.join(',')).split(','),
    forced: args.includes('--forced'),
  };
}

/** Rows of logits of known tokens, from a position on, in one prefill. */
async function rowsOf(model, ids, from) {
  const width = model.info.vocabularySize;
  const rows = [];
  await model.prefill(ids, {
    from,
    onLogits: (_, logits) => {
      for (let at = 0; at < logits.length; at += width) rows.push(logits.slice(at, at + width));
    },
  });
  return rows;
}

/** What the verifier sees of one token of a seller. */
function seen(verifierRow, token, position, sampling, noise, tau) {
  const check = checkPosition(verifierRow, token, position, sampling, noise, tau);
  return check.kind === 'margin' ? { margin: check.margin, flipBound: check.flipBound } : {};
}

/** An answer that the seller gave by itself, as the verifier sees it. */
async function answered(seller, verifier, promptIds, sampling, seed, { tokens, tau }) {
  const noise = gumbelNoise(seed);
  const session = await seller.session();
  const ids = [];
  try {
    let row = await session.feed(promptIds);
    for (let position = 0; position < tokens; position++) {
      ids.push(sampleToken(row, position, sampling, noise));
      if (position + 1 < tokens) row = await session.feed([ids[position]]);
    }
  } finally {
    await session.close();
  }
  const rows = await rowsOf(verifier, [...promptIds, ...ids.slice(0, -1)], promptIds.length - 1);
  return rows.map((row, position) => seen(row, ids[position], position, sampling, noise, tau));
}

/** The same text before both, each position drawn from each of many seeds. */
async function forced(seller, verifierRows, ids, from, sampling, seeds, tau) {
  const rows = await rowsOf(seller, ids, from);
  return seeds.map((seed) => {
    const noise = gumbelNoise(seed);
    return rows.map((row, position) => {
      const token = sampleToken(row, position, sampling, noise);
      return seen(verifierRows[position], token, position, sampling, noise, tau);
    });
  });
}

/** Token at which each way of detecting ends a stream of outputs, or undefined; outputs follow each other in a drawn order. */
function detect(outputs, random) {
  let state = UNSEEN;
  let count = 0;
  const found = {};
  while (count < MOST_TOKENS && (found.single === undefined || found.jobs === undefined)) {
    for (const { isBeyond, ratio } of outputs[Math.floor(random() * outputs.length)]) {
      if (++count > MOST_TOKENS) break;
      if (isBeyond) found.single ??= count;
      state = observe(state, ratio, RATES);
      if (state.left) found.jobs ??= count;
    }
  }
  return found;
}

/** xorshift32 from 0 to 1: the same streams in each run. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function summary(found) {
  const sorted = found.map((at) => at ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const within = WITHIN.map(
    (tokens) => sorted.filter((one) => one <= tokens).length / sorted.length,
  );
  return { median: at(0.5), most: at(0.99), within };
}

function report(outputs, pair, isGreedy, context) {
  const tau = pair.tauMicro / 1e6;
  const sides = hypothesesFor(pair, isGreedy);
  const random = randomOf(0x2545f491);
  const weighed = outputs.map((rows) =>
    rows.map(({ margin }) => ({
      isBeyond: marginClass(margin, tau) === BEYOND,
      ratio: logRatio(sides, margin, tau),
    })),
  );
  const streams = Array.from({ length: STREAMS }, () => detect(weighed, random));
  const margins = outputs.flat();
  const flips = margins.filter(({ margin }) => margin === undefined || margin > 0).length;
  const beyond = margins.filter(({ margin }) => marginClass(margin, tau) === BEYOND).length;
  const scores = outputs.map((rows) => pooledEvidence(rows, context).score);
  return {
    tokens: margins.length,
    flips,
    beyond,
    pooledSlashed: scores.filter((score) => score >= SLASHING_SCORE).length,
    greatestScore: Math.max(...scores),
    single: summary(streams.map(({ single }) => single)),
    jobs: summary(streams.map(({ jobs }) => jobs)),
  };
}

const number = (value) => (Number.isFinite(value) ? String(value) : '> 4,096');
const percent = (value) => `${(100 * value).toFixed(1)} %`;

function line(name, how, { tokens, flips, beyond, pooledSlashed, single, jobs }) {
  const part = ({ median, most, within }) =>
    `${number(median).padStart(8)} ${number(most).padStart(8)}  ${within.map((w) => percent(w).padStart(7)).join(' ')}`;
  return `${name.padEnd(17)} ${how.padEnd(30)} ${String(tokens).padStart(6)} ${String(flips).padStart(6)} ${String(beyond).padStart(6)} ${part(single)} | ${part(jobs)}  ${pooledSlashed}`;
}

/** The bundle's calibration, or a quick one. */
async function pairOf({ dir, tauMicro }, model) {
  const { file, numericClass } = model.info;
  if (tauMicro > 0) {
    const margins = {
      greedy: [10_000, 0, 0, 0, 0, 0, 0, 0, 0],
      sampled: [10_000, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    return { seller: numericClass, verifier: numericClass, tauMicro, margins };
  }
  const own = readCalibration(dir, await modelId(dir), file);
  const pair = own && pairFor(own, numericClass, numericClass);
  if (pair) return pair;
  process.stderr.write('no calibration beside the model: measuring a short one\n');
  const setting = (threads) => ({
    name: `${threads}`,
    open: () => LanguageModel.open(dir, { file, threads }),
  });
  const settings = [setting(2), setting(1)];
  const plan = {
    prompts: ['The American people are', 'def fibonacci(n):\n'],
    samplings: SAMPLINGS.map(([, sampling]) => sampling),
    tokens: 16,
    blocks: [16, 128],
  };
  return calibratePair({ sellers: settings, verifiers: settings }, plan);
}

/** `npm run bench -- substitution`: how many tokens it takes to tell other models from the one paid for. */
export async function run(args) {
  if (args.includes('--help')) return void process.stdout.write(`${HELP}\n`);
  const options = optionsOf(args);
  const { dir, outputs, tokens, threads } = options;
  const verifier = await LanguageModel.open(dir, { threads });
  const { file, vocabularySize: vocabulary } = verifier.info;
  const pair = await pairOf(options, verifier);
  const tau = pair.tauMicro / 1e6;
  process.stdout.write(
    `${dir} ${file}: τ = ${tau}, ${outputs} outputs of ${tokens} tokens per line\n`,
  );
  const path = join(dir, file);
  const graph = inlineWeights(new Uint8Array(readFileSync(path)), dirname(path));
  const prompts = contextsOf(verifier.tokenizer, outputs);
  const own = await perplexityOf(verifier, options.held);
  process.stdout.write(`perplexity of held text: ${own.toFixed(3)}\n`);
  process.stdout.write(
    'model             sampling                       tokens  above beyond | single margin: median, 99 %, within 64, 300, 1,024 | test over jobs: the same | slashed by pool\n',
  );
  const texts = options.forced ? await textsOf(verifier, prompts, options) : [];
  const figures = [];
  for (const name of ['honest', ...options.variants]) {
    const seller =
      name === 'honest'
        ? await LanguageModel.open(dir, { file, threads: threads + 1, optimization: 'basic' })
        : await LanguageModel.open(
            dir,
            name.includes('/')
              ? { file: name, threads }
              : { file, threads, graph: GRAPH_VARIANTS[name](graph) },
          );
    try {
      const perplexity = await perplexityOf(seller, options.held);
      for (const [how, sampling] of SAMPLINGS) {
        const isGreedy = sampling.temperatureMilli === 0;
        const answers = [];
        for (let i = 0; i < prompts.length; i++) {
          const seed = seedOf(`${how}/${i}`);
          if (!options.forced) {
            answers.push(
              await answered(seller, verifier, prompts[i], sampling, seed, { tokens, tau }),
            );
            continue;
          }
          const { ids, from, rows } = texts[i];
          const seeds = Array.from({ length: isGreedy ? 1 : options.seeds }, (_, n) =>
            seedOf(`${how}/${i}/${n}`),
          );
          answers.push(...(await forced(seller, rows, ids, from, sampling, seeds, tau)));
        }
        const delta = isGreedy
          ? Number.POSITIVE_INFINITY
          : (1000 * tau) / sampling.temperatureMilli;
        const result = report(answers, pair, isGreedy, { vocabulary, delta });
        figures.push({ name, how, perplexity: perplexity / own, ...result });
        process.stdout.write(`${line(name, how, result)}\n`);
      }
      process.stdout.write(`  perplexity of ${name}: ${percent(perplexity / own - 1)} more\n`);
    } finally {
      await seller.close();
    }
  }
  await verifier.close();
  const honest = figures.filter(({ name }) => name === 'honest');
  const seen = honest.reduce((sum, each) => sum + each.tokens, 0);
  const accused = honest.reduce((sum, each) => sum + each.beyond, 0);
  const bound = clopperPearsonUpper(accused, seen, 0.95);
  process.stdout.write(
    `honest tokens beyond τ: ${accused} of ${seen}, at most ${bound.toExponential(2)} each (95 %)\n`,
  );
  return { dir, file, pair, tokens, outputs, forced: options.forced, figures };
}

/** Texts that the real model wrote, or held ones, with its rows of logits: what `--forced` goes by. */
async function textsOf(model, prompts, { tokens, prose }) {
  const texts = [];
  for (const [i, promptIds] of prompts.entries()) {
    const sampling = { temperatureMilli: 800, topK: 40, topPMilli: 950 };
    const request = { promptIds, sampling, seed: seedOf(`text/${i}`), maxTokens: tokens, stop: [] };
    const output = prose
      ? proseOf(model.tokenizer, i, prompts.length, tokens)
      : (await model.generate(request)).ids;
    const ids = [...promptIds, ...output.slice(0, -1)];
    const from = promptIds.length - 1;
    texts.push({ ids, from, rows: await rowsOf(model, ids, from) });
    process.stderr.write(`text ${i + 1} of ${prompts.length}\r`);
  }
  return texts;
}
