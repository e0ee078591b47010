import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LanguageModel } from '../dist/model/index.js';
import { drawMoves } from '../dist/model/protect/moves.js';
import { alignWithParent, fillFromParent } from './attack-shuffle/parent.js';
import { alignByStatistics } from './attack-shuffle/statistics.js';
import { perplexityOf, shuffled, WeightRow } from './attack-shuffle/stream.js';

/**
 * `npm run bench -- attack-shuffle [DIR FILE]`: tries to undo `model protect` in shuffle mode without a share, on the bundled
 * model and, where it lies in the cache, SmolLM2-135M: (1) from the shuffled weights and the public architecture alone, (2)
 * with a public parent that the secret model was tuned from, here the model itself under noise. Reports which part of
 * the parameters comes back to its place at which share of moved ones, and the perplexity of the model that results, on
 * 400 tokens that the model itself drew.
 */
const BUNDLED = fileURLToPath(new URL('../fixtures/bitmodel-tiny', import.meta.url));
const CACHE = process.env.BITMODEL_BENCH_CACHE ?? fileURLToPath(new URL('.cache', import.meta.url));
const SHARES = [0, 1e-4, 1e-3, 1e-2];
const LEAST_MOVES = 64;
/** Of a larger model, a part of so many weights is attacked by statistics, the rest left as it is. */
const PART = 4e6;
const TOKENS = 400;
/** Of a tuned model's change, against the spread of its weights. */
const TUNED = [0.001, 0.01];

function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

async function drawnText(dir, file) {
  const model = await LanguageModel.open(dir, { file, threads: 2 });
  const promptIds = model.tokenizer.encode('The American people');
  const { ids } = await model.generate({
    promptIds,
    sampling: { temperatureMilli: 1000, topK: 0, topPMilli: 1000 },
    seed: new Uint8Array(32).fill(7),
    maxTokens: Math.min(TOKENS, model.info.contextLength - promptIds.length - 1),
    stop: [],
  });
  await model.close();
  return [...promptIds, ...ids];
}

/** Weights at the places the attack found; zero where it found none. */
function rebuilt(out, origin) {
  const row = new Float32Array(out.length);
  origin.forEach((a, i) => {
    if (a >= 0) row[a] = out[i];
  });
  return row;
}

function rightShare(origin, truth) {
  let right = 0;
  origin.forEach((a, i) => {
    if (a === truth[i]) right++;
  });
  return right / truth.length;
}

const percent = (share) => `${(100 * share).toFixed(2)} %`.padStart(10);

/** Whole tensors of about as many weights as are attacked, without the largest, which is the embedding. */
function partOf({ tensors, total }) {
  if (total <= PART) return { tensors, start: 0, end: total };
  const largest = Math.max(...tensors.map(({ length }) => length));
  const first = tensors.findIndex(({ length }) => length === largest) + 1;
  const { start } = tensors[first];
  let count = 0;
  while (tensors[first + count].start + tensors[first + count].length - start <= PART) count++;
  const chosen = tensors.slice(first, first + count);
  const { start: last, length } = chosen.at(-1);
  return {
    tensors: chosen.map((tensor) => ({ ...tensor, start: tensor.start - start })),
    start,
    end: last + length,
  };
}

const zeros = (row) => row.length - row.filter((x) => x !== 0).length;

async function byStatistics(weights, row, at, shares) {
  const { tensors, start, end } = partOf(weights);
  const part = row.subarray(start, end);
  console.log(`by statistics, of ${part.length} weights:`);
  console.log('     moved  of all   in place  perplexity   found: in place  perplexity   s');
  const figures = [];
  for (const share of shares) {
    const moves = Math.max(LEAST_MOVES, Math.round(part.length * share));
    const { out, origin } = shuffled(part, drawMoves(moves, part.length));
    const within = (other) => {
      const whole = row.slice();
      whole.set(other, start);
      return at(whole);
    };
    const before = {
      right: rightShare(Uint32Array.from(origin.keys()), origin),
      perplexity: await within(out),
    };
    const started = performance.now();
    const found = alignByStatistics(out, tensors, moves / part.length);
    const seconds = (performance.now() - started) / 1000;
    const recovered = rebuilt(out, found);
    const after = { right: rightShare(found, origin), perplexity: await within(recovered) };
    figures.push({
      moves,
      share: moves / part.length,
      before,
      after,
      lost: zeros(recovered),
      seconds,
    });
    console.log(
      `${String(moves).padStart(10)}  ${(moves / part.length).toExponential(1)}  ${percent(before.right)}  ${before.perplexity.toExponential(2)}   ${percent(after.right)}  ${after.perplexity.toExponential(2)}  ${seconds.toFixed(0)}`,
    );
  }
  return figures;
}

async function byParent(row, at, spread) {
  console.log('with the public parent: change by tuning, moved of all, in place, perplexity, s');
  const figures = [];
  for (const change of TUNED) {
    const parent = row.map((x) => x + change * spread * gaussian());
    for (const share of [1e-3, 1e-2, 1e-1]) {
      const { out, origin } = shuffled(row, drawMoves(Math.round(row.length * share), row.length));
      const started = performance.now();
      const found = alignWithParent(out, parent, change * spread);
      fillFromParent(found, out, parent);
      const seconds = (performance.now() - started) / 1000;
      const right = rightShare(found, origin);
      const perplexity = await at(rebuilt(out, found));
      figures.push({ change, share, right, perplexity, seconds });
      console.log(
        `${change}  ${share}  ${percent(right)}  ${perplexity.toFixed(3)}  ${seconds.toFixed(0)}`,
      );
    }
  }
  return figures;
}

async function attackModel(dir, file, shares) {
  const weights = new WeightRow(dir, file);
  const row = weights.read();
  const ids = await drawnText(dir, file);
  const at = async (other) => perplexityOf(await weights.open(other), ids);
  const plain = await at(row);
  let square = 0;
  for (const x of row) square += x * x;
  console.log(`${dir}: ${row.length} weights, perplexity ${plain.toFixed(3)}`);
  const statistics = await byStatistics(weights, row, at, shares);
  const parent = await byParent(row, at, Math.sqrt(square / row.length));
  return { dir, parameters: row.length, plain, parent, statistics };
}

export async function run([dir, file = 'onnx/model.onnx']) {
  if (dir) return [await attackModel(dir, file, SHARES)];
  const figures = [await attackModel(BUNDLED, file, SHARES)];
  const larger = join(CACHE, 'smollm2-135m');
  if (existsSync(join(larger, file))) figures.push(await attackModel(larger, file, [1e-4, 1e-3]));
  else console.log(`SmolLM2-135M is not in ${CACHE}, so only the bundled model was attacked.`);
  return figures;
}
