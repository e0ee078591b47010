import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { computePayout, PayoutEngine } from '../../dist/reward/index.js';
import { stream } from './graphs.js';

/** Computes payouts of a graph, once for each line on stdin, as bench/payout/solve.py does: ours.js FOLDER. */
const [folder] = process.argv.slice(2);
function read(name, Kind) {
  const { buffer, byteOffset, byteLength } = readFileSync(`${folder}/${name}`);
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}
const rows = read('rows', Uint32Array);
const own = read('own', Uint32Array);
const ids = Array.from(own, (_, i) => String(i).padStart(7, '0'));
const graph = {
  ids,
  rows,
  own,
  parents: read('parents', Uint32Array),
  weights: read('weights', Uint32Array),
};
const demand = read('demand', BigUint64Array);

function compute() {
  const begin = performance.now();
  const shares = computePayout(graph, demand);
  const seconds = (performance.now() - begin) / 1000;
  let paid = 0n;
  let total = 0n;
  for (let i = 0; i < own.length; i++) {
    paid += shares[i];
    total += demand[i];
  }
  if (paid !== total) throw new Error(`${paid} of ${total} units are paid`);
  return { seconds, shares };
}

/** How far scipy's shares are from ours, at most, in units. */
function difference(shares) {
  const theirs = read('shares', Float64Array);
  let most = 0;
  for (let i = 0; i < own.length; i++)
    most = Math.max(most, Math.abs(Number(shares[i]) - theirs[i]));
  return most;
}

/** Seconds of starting an engine, and of changes: a weight, a parent less, a parent more, a job. */
function engine() {
  const numberOf = new Map(ids.map((id, i) => [id, i]));
  let begin = performance.now();
  const running = new PayoutEngine({ ...graph, numberOf }, demand);
  const start = (performance.now() - begin) / 1000;
  const random = stream(99);
  const updates = [];
  const kinds = ['weight', 'less', 'more', 'job'];
  for (let k = 0; k < 40; k++) {
    const kind = kinds[k % kinds.length];
    const source = Math.floor(random() * (own.length - 100));
    const row = [];
    for (let e = rows[source]; e < rows[source + 1]; e++) {
      row.push({ id: ids[graph.parents[e]], ppm: graph.weights[e] });
    }
    if (kind === 'weight') row[0].ppm = Math.ceil(row[0].ppm / 2);
    if (kind === 'less') row.pop();
    const added = ids[source + 1 + Math.floor(random() * (own.length - source - 1))];
    if (kind === 'more' && !row.some(({ id }) => id === added)) row.push({ id: added, ppm: 10 });
    begin = performance.now();
    const update =
      kind === 'job'
        ? running.pay([[ids[source], 100_000_000n]])
        : running.setParents(ids[source], row);
    const seconds = (performance.now() - begin) / 1000;
    updates.push({ kind, seconds, divided: update.divided, changed: update.changes.length });
  }
  return { start, updates };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'engine') process.stdout.write(`${JSON.stringify(engine())}\n`);
  else {
    const { seconds, shares } = compute();
    const far = line === 'compare' ? difference(shares) : undefined;
    const rss = process.resourceUsage().maxRSS * 1024;
    process.stdout.write(`${JSON.stringify({ seconds, rss, difference: far })}\n`);
  }
}
