import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { computePayout } from '../dist/reward/index.js';
import { ordered, shuffled, withCircles } from './payout/graphs.js';
import { graphologyPeer, ngraphPeer } from './payout/libraries.js';

/**
 * Payouts beside scipy, on a million sources and ten million uses, and beside graphology and ngraph on 100,000:
 * `npm run bench -- payout [ROUNDS] [SOURCES]`. Everyone has the graph in memory; ours and scipy's solver have a process each and take
 * turns. The venv is made in .cache; without Python scipy is left out.
 */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const CACHE = here('../.cache/payout');
const PYTHON = `${CACHE}/venv/bin/python`;
const DEGREE = 10;
/** A way of scipy's that takes longer is given up. */
const PATIENCE = 120_000;

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}
const shown = ({ min, median, max }, digits = 3) =>
  [min, median, max].map((value) => value.toFixed(digits)).join(' / ');
const say = (text) => process.stdout.write(`${text}\n`);

function makeVenv() {
  if (existsSync(PYTHON)) return true;
  try {
    mkdirSync(CACHE, { recursive: true });
    execFileSync('python3', ['-m', 'venv', `${CACHE}/venv`], { stdio: 'ignore' });
    const pip = ['-m', 'pip', 'install', '-q', 'numpy==2.4.6', 'scipy==1.17.1'];
    execFileSync(PYTHON, pip, { stdio: 'ignore' });
    return true;
  } catch {
    rmSync(`${CACHE}/venv`, { recursive: true, force: true });
    return false;
  }
}

/** A process that answers each line with a JSON object. */
function serve(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(line) {
      child.stdin.write(`${line}\n`);
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      const { value, done } = await lines.next();
      clearTimeout(timer);
      return done ? undefined : JSON.parse(value);
    },
    end: () => child.kill('SIGKILL'),
  };
}

function save(graph, demand) {
  const folder = `${CACHE}/graph`;
  mkdirSync(folder, { recursive: true });
  for (const [name, array] of Object.entries({ ...graph, demand })) {
    writeFileSync(
      `${folder}/${name}`,
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
  }
  return folder;
}

/** Every thousandth source is paid for: 1,000 coins each. */
function demandOf(graph, sources) {
  const demand = new BigUint64Array(graph.own.length);
  for (const source of sources) demand[source] = 100_000_000_000n;
  return demand;
}

async function compare(title, graph, demand, ways, rounds) {
  const folder = save(graph, demand);
  const ours = serve(process.execPath, [here('payout/ours.js'), folder]);
  const count = String(graph.own.length);
  const theirs = {};
  for (const way of ways)
    theirs[way] = serve(PYTHON, [here('payout/solve.py'), folder, count, way]);
  const seconds = { ours: [] };
  const ratios = {};
  let rss = 0;
  let difference;
  await ours.ask('warm');
  for (const way of ways) {
    if ((await theirs[way].ask(way)) === undefined) {
      say(`${title}: scipy's ${way} took longer than ${PATIENCE / 1000} s and is left out`);
      delete theirs[way];
      continue;
    }
    difference = (await ours.ask('compare')).difference;
    seconds[way] = [];
    ratios[way] = [];
  }
  for (let round = 0; round < rounds; round++) {
    const mine = await ours.ask('compute');
    seconds.ours.push(mine.seconds);
    rss = Math.max(rss, mine.rss);
    for (const way of Object.keys(theirs)) {
      const answer = await theirs[way].ask(way);
      seconds[way].push(answer.seconds);
      ratios[way].push(mine.seconds / answer.seconds);
    }
  }
  ours.end();
  for (const peer of Object.values(theirs)) peer.end();
  const figures = { rss, difference };
  say(
    `\n${title}: ${graph.parents.length} uses, resident memory of ours ${(rss / 2 ** 20).toFixed(0)} MiB`,
  );
  if (difference !== undefined)
    say(`  farthest from scipy's unrounded share: ${difference.toFixed(2)} units`);
  for (const [name, values] of Object.entries(seconds)) {
    figures[name] = spread(values);
    say(`  ${name.padEnd(12)} s ${shown(figures[name])}`);
  }
  for (const [way, values] of Object.entries(ratios)) {
    figures[`ours / ${way}`] = spread(values);
    say(`  ours / ${way}: ${shown(figures[`ours / ${way}`], 2)}`);
  }
  return figures;
}

function timed(run) {
  const begin = performance.now();
  run();
  return (performance.now() - begin) / 1000;
}

function libraries(rounds) {
  if (!existsSync(here('peers/node_modules/graphology'))) {
    say('graphology and ngraph are left out: npm --prefix bench/peers ci --ignore-scripts');
    return undefined;
  }
  const graph = ordered(100_000, DEGREE);
  const demand = demandOf(
    graph,
    Array.from({ length: 100 }, (_, i) => i),
  );
  const peers = { graphology: graphologyPeer(graph, demand), ngraph: ngraphPeer(graph, demand) };
  const computing = { ...graph, ids: { length: graph.own.length } };
  const runs = {
    ours: () => computePayout(computing, demand),
    ...Object.fromEntries(
      Object.entries(peers).flatMap(([name, { flow, pagerank }]) => [
        [name, flow],
        [`${name} PageRank`, pagerank],
      ]),
    ),
  };
  const seconds = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const value = timed(run);
      if (round >= 0) seconds[name].push(value);
    }
  }
  say('\n100,000 sources');
  const figures = {};
  for (const [name, values] of Object.entries(seconds)) {
    const ratio = spread(values.map((value, round) => value / seconds.ours[round]));
    figures[name] = { ...spread(values), ratio };
    say(`  ${name.padEnd(20)} s ${shown(figures[name], 4)}, times ours ${shown(ratio, 1)}`);
  }
  return figures;
}

async function updates(graph, demand) {
  const child = serve(process.execPath, [here('payout/ours.js'), save(graph, demand)]);
  const figures = await child.ask('engine');
  child.end();
  say(`\nengine: start ${figures.start.toFixed(2)} s`);
  for (const kind of ['weight', 'less', 'more', 'job']) {
    const of = figures.updates.filter((update) => update.kind === kind);
    const milliseconds = spread(of.map((update) => update.seconds * 1000));
    const divided = spread(of.map((update) => update.divided));
    say(`  ${kind.padEnd(8)} ms ${shown(milliseconds, 2)}, divided ${shown(divided, 0)}`);
  }
  return figures;
}

export async function run([rounds = '7', sources = '1000000']) {
  const python = makeVenv();
  if (!python) say('no Python with scipy can be set up, so scipy is left out');
  const turns = Number(rounds);
  const count = Number(sources);
  const graph = ordered(count, DEGREE);
  const paid = Array.from({ length: count / 1000 }, (_, i) => i);
  const demand = demandOf(graph, paid);
  const figures = {};
  const ways = (...names) => (python ? names : []);
  figures.ordered = await compare('ordered', graph, demand, ways('triangular', 'spsolve'), turns);
  const other = shuffled(graph);
  const elsewhere = paid.map((source) => other.number[source]);
  figures.shuffled = await compare(
    'shuffled',
    other,
    demandOf(other, elsewhere),
    ways('permuted'),
    turns,
  );
  const circles = withCircles(graph, 1000);
  figures.circles = await compare('circles', circles, demand, ways('spsolve'), turns);
  figures.libraries = libraries(turns);
  figures.engine = await updates(graph, demand);
  return figures;
}
