import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_TAU, verifyOutput } from 'bitmodel/rastic';
import { BACK_ENDS, oneAtATime } from './rastic/back-ends.js';
import { Draw } from './rastic/draw.js';
import { findModels, openModel, toleranceOf } from './rastic/models.js';
import { searchNearTies } from './rastic/near-ties.js';
import { drawRequest } from './rastic/prompts.js';
import { bounds, describeScores, summarise, table } from './rastic/report.js';
import { honestRun } from './rastic/seller.js';

const OPTIONS = {
  runs: { type: 'string', default: '3200' },
  models: { type: 'string' },
  backends: { type: 'string' },
  seed: { type: 'string', default: '1' },
  resume: { type: 'boolean', default: false },
};
/** Runs under way at once. */
const LANES = 6;
const LOG = new URL('results/rastic-runs.jsonl', import.meta.url);

const say = (text) => process.stderr.write(`${text}\n`);
const round = (value) => Number(value.toPrecision(3));

function chosen(list, names) {
  if (names === undefined) return list;
  const wanted = names.split(',');
  const unknown = wanted.find((name) => !list.some((one) => one.name === name));
  if (unknown)
    throw new Error(`There is no ${unknown}; there are: ${list.map((one) => one.name).join(', ')}`);
  return list.filter(({ name }) => wanted.includes(name));
}

/** Which back ends run on which models, and how often, so that it comes to `total`. */
function plan(models, backEnds, total) {
  const pairs = models.flatMap((model) =>
    backEnds
      .filter(({ quick }) => !(quick && model.big))
      .map((backEnd) => ({ model, backEnd, missing: backEnd.missing?.(model) })),
  );
  for (const { model, backEnd, missing } of pairs) {
    if (missing) say(`${model.name}: skips ${backEnd.name}: ${missing}`);
  }
  const able = pairs.filter(({ missing }) => missing === undefined);
  const share = ({ model, backEnd }) => model.share * backEnd.share;
  // what lies outside the class comes on top
  const whole = able.reduce((sum, pair) => sum + (pair.backEnd.outside ? 0 : share(pair)), 0);
  const count = (pair) => Math.max(2, Math.ceil((total * share(pair)) / whole));
  return able.map((pair) => ({ ...pair, count: count(pair) }));
}

/** Runs that an interrupted bench has left, by model, back end and number. */
function startLog(resume) {
  mkdirSync(new URL('.', LOG), { recursive: true });
  if (!resume) rmSync(LOG, { force: true });
  const lines = existsSync(LOG) ? readFileSync(LOG, 'utf8').split('\n').filter(Boolean) : [];
  return new Map(lines.map((line) => JSON.parse(line)).map((run) => [run.id, run]));
}

async function oneRun(id, { model, seller, verifier, tau, ties, outside }) {
  const { info, tokenizer } = verifier;
  const { kind, request } = drawRequest(new Draw(id), { ...model, info, tokenizer }, ties);
  const { claim, verification, shifts, differing, margins, flips } = await honestRun(
    seller,
    verifier,
    request,
    tau,
  );
  const verdict = verification.verdict.result;
  const again = outside || verdict !== 'valid';
  const atDefault = again
    ? await verifyOutput(verifier, claim, { tau: DEFAULT_TAU })
    : verification;
  if (verdict !== 'valid' && !outside) {
    say(`ACCUSED ${id}: ${JSON.stringify({ verdict: verification.verdict, request })}`);
  }
  return {
    id,
    kind,
    sampling: request.sampling,
    tokens: claim.outputIds.length,
    shifts: shifts.map(round),
    differing,
    margins: margins.map(round),
    flips,
    score: round(verification.pooled.score),
    verdict,
    verdictAtDefault: atDefault.verdict.result,
  };
}

/** Makes `count` runs, a few at a time, so that no thread waits for another. @returns them in order */
async function inLanes(count, lanes, one) {
  const runs = new Array(count);
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const number = next++;
      runs[number] = await one(number);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return runs;
}

/** All runs of one model. @returns a row for each back end */
async function runModel(model, jobs, seed, left) {
  const verifier = await openModel(model, { threads: 1 });
  const rows = [];
  try {
    const { tau, from } = await toleranceOf(model, verifier.info);
    const draw = new Draw(`${seed}/${model.name}/ties`);
    const ties = await searchNearTies(verifier, draw, model.search);
    const closest = (kind) =>
      Math.min(...ties.filter((tie) => tie.kind === kind).map(({ gap }) => gap)).toExponential(1);
    say(
      `${model.name}: ${verifier.info.numericClass}, τ ${tau} of ${from}; near-ties down to ` +
        `${closest('near-tie of logits')} of logits, ${closest('near-tie of scores')} of scores, ` +
        `${closest('near-tie at top-p')} of probability`,
    );
    for (const { backEnd, count } of jobs) {
      const started = performance.now();
      const opened = await backEnd.open(model);
      const seller = backEnd.manyStreams ? opened : oneAtATime(opened);
      const { outside } = backEnd;
      const setting = { model, seller, verifier, tau, ties, outside };
      const one = async (number) => {
        const id = `${seed}/${model.name}/${backEnd.name}/${number}`;
        if (left.has(id)) return left.get(id);
        const run = await oneRun(id, setting);
        appendFileSync(LOG, `${JSON.stringify(run)}\n`);
        return run;
      };
      let runs;
      try {
        runs = await inLanes(count, backEnd.lanes ?? LANES, one);
      } finally {
        await seller.close();
      }
      const seconds = (performance.now() - started) / 1000;
      say(`${model.name}: ${backEnd.name}: ${count} runs in ${seconds.toFixed(0)} s`);
      rows.push({
        model: model.name,
        numericClass: verifier.info.numericClass,
        backEnd: backEnd.name,
        outside,
        tau,
        ...summarise(runs),
      });
    }
  } finally {
    await verifier.close();
  }
  return rows;
}

function print(rows) {
  for (const name of new Set(rows.map(({ model }) => model))) {
    const own = rows.filter(({ model }) => model === name);
    const { numericClass, tau } = own[0];
    process.stdout.write(`\n${name}: ${numericClass}, τ/2 = ${tau / 2}\n${table(own)}\n`);
  }
  const inside = rows.filter(({ outside }) => !outside);
  const sum = (of) => inside.reduce((total, row) => total + row[of], 0);
  const bound = bounds(sum('accused'), sum('counted'));
  process.stdout.write(
    `\n${bound.verifications} honest verifications over ${sum('positions')} positions, ${bound.accused} accused; ` +
      `false accusations per verification: at most ${bound.upper95.toExponential(2)} at 95 % confidence, ` +
      `${bound.upper999.toExponential(2)} at 99.9 %\n`,
  );
  const scores = inside.flatMap((row) => row.scores);
  process.stdout.write(`${describeScores(scores, bound.verifications)}\n`);
  process.stdout.write(
    `a check for equal tokens would have accused in ${sum('flippedRuns')} of them\n`,
  );
  for (const row of rows.filter(({ outside }) => outside)) {
    process.stdout.write(
      `outside the class: ${row.model}, ${row.backEnd} ${row.outside}: accused in ${row.accused} of ` +
        `${row.counted} at τ = ${row.tau}, in ${row.accusedAtDefault} at the default ${DEFAULT_TAU}\n`,
    );
  }
  return bound;
}

/**
 * `npm run bench -- rastic [--runs N] [--models A,B] [--backends A,B] [--seed S] [--resume]`: honest sellers with other
 * arithmetic, checked by the product's verifier. Each run is fixed by the seed; `--resume` goes on with an interrupted bench.
 */
export async function run(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const models = chosen(await findModels(), values.models);
  const backEnds = chosen(BACK_ENDS, values.backends);
  const jobs = plan(models, backEnds, Number(values.runs));
  const left = startLog(values.resume);
  const rows = [];
  for (const model of models) {
    const own = jobs.filter((job) => job.model === model);
    if (own.length > 0) rows.push(...(await runModel(model, own, values.seed, left)));
  }
  return { bound: print(rows), rows };
}
