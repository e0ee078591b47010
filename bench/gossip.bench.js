import { setTimeout } from 'node:timers/promises';
import { startBare } from './gossip/bare.js';
import { startOurs } from './gossip/ours.js';

/**
 * `npm run bench -- gossip [RATE] [COUNT]`: COUNT transactions (1,000) go in at RATE a second (50), each at the next of ten
 * nodes, all in this process, over real connections on loopback; the delay of each to each other node is taken. Beside it,
 * in turns of a hundred, as many random messages of that length through libp2p's gossipsub with no validation.
 */
const NODES = 10;
const LINKS_EACH = 3;
const TURN = 100;

/** A ring, and chords across it. */
function linksOf(count, each) {
  const links = [];
  for (let i = 0; i < count; i++) {
    for (let step = 1; step <= each; step++) links.push([i, (i + step) % count]);
  }
  return links;
}

/** Sends one turn, and waits until all have it or ten seconds have passed. */
async function turn(side, messages, interval) {
  for (const [i, message] of messages.entries()) {
    const due = performance.now() + interval;
    side.began.set(message.key, performance.now());
    await side.say(i % NODES, message);
    await setTimeout(Math.max(0, due - performance.now()));
  }
  const wanted = side.delays.length + side.missing(messages);
  const end = performance.now() + 10_000;
  while (side.delays.length < wanted && performance.now() < end) await setTimeout(20);
}

function watched(side) {
  const began = new Map();
  const delays = [];
  const arrivals = new Map();
  side.onArrival((node, key) => {
    const start = began.get(key);
    if (start === undefined) return;
    const who = arrivals.get(key) ?? new Set();
    if (who.has(node)) return;
    arrivals.set(key, who.add(node));
    // the first arrival of a transaction is where it went in
    if (side.countsOwn && who.size === 1) return;
    delays.push(performance.now() - start);
  });
  const missing = (messages) =>
    messages.reduce((sum, { key }) => {
      const heard = arrivals.get(key)?.size ?? 0;
      return sum + (NODES - 1) - Math.max(0, heard - (side.countsOwn ? 1 : 0));
    }, 0);
  return Object.assign(side, { began, delays, arrivals, missing });
}

function figuresOf({ delays, missing, messages }) {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] * 10) / 10;
  return {
    delivered: sorted.length,
    missing: missing(messages),
    least: at(0),
    median: at(0.5),
    p95: at(0.95),
    most: at(1),
  };
}

export async function run([rateText = '50', countText = '1000']) {
  const rate = Number(rateText);
  const count = Number(countText);
  const links = linksOf(NODES, LINKS_EACH);
  const ours = watched(Object.assign(await startOurs(NODES, links, count), { countsOwn: true }));
  const bare = watched(await startBare(NODES, links, count, ours.bytes));
  // meshes form within a few heartbeats
  await setTimeout(5_000);
  for (let at = 0; at < count; at += TURN) {
    await turn(ours, ours.messages.slice(at, at + TURN), 1000 / rate);
    await turn(bare, bare.messages.slice(at, at + TURN), 1000 / rate);
    process.stderr.write(`${at + TURN} of ${count}\r`);
  }
  const figures = {
    nodes: NODES,
    processes: 1,
    perSecond: rate,
    bytes: ours.bytes,
    ours: figuresOf(ours),
    bare: figuresOf(bare),
  };
  console.log(
    `${count} messages of ${ours.bytes} bytes, ${rate} a second, ${NODES} nodes, one process`,
  );
  for (const [name, side] of [
    ['bitmodel, validated', figures.ours],
    ['bare gossipsub', figures.bare],
  ]) {
    const { delivered, missing, least, median, p95, most } = side;
    console.log(
      `${name.padEnd(20)} ${delivered} deliveries, ${missing} missing; ms: min ${least}, median ${median}, 95% ${p95}, max ${most}`,
    );
  }
  await ours.close();
  await bare.close();
  return figures;
}
