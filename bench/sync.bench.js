import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ourBlocks } from './connect.bench.js';
import { fillEmpty, fillFromFile, fillSmall } from './sync/chain.js';

const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url));
const member = fileURLToPath(new URL('sync/member.js', import.meta.url));
/** Spends per transaction of the large blocks. */
const EACH = 2;
const EMPTY = 10_000;
/** Transactions of a small block. */
const SMALL = 10;

/** What fills a new folder with the blocks of each chain. */
const CHAINS = {
  large: async (folder) => fillFromFile(folder, await ourBlocks(EACH)),
  small: async (folder) => fillSmall(folder, await ourBlocks(EACH), SMALL),
  empty: (folder) => fillEmpty(folder, EMPTY),
};

/** The folder of a chain, made once, and its height. */
async function chainOf(name, fill) {
  const folder = `${cache}sync-${name}`;
  const note = `${folder}.height`;
  if (!existsSync(note)) {
    process.stderr.write(`making the chain of ${name} blocks (once) …\n`);
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.new`, { recursive: true, force: true });
    const height = await fill(`${folder}.new`);
    renameSync(`${folder}.new`, folder);
    writeFileSync(note, String(height));
  }
  return { name, folder, height: Number(readFileSync(note, 'utf8')) };
}

function copyOf(folder, name) {
  const copy = `${tmpdir()}/bitmodel-bench-${process.pid}-${name}`;
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  return copy;
}

async function rebuilt({ folder }) {
  const copy = copyOf(folder, 'rebuild');
  const child = fork(member, ['rebuild', copy]);
  const [times] = await once(child, 'message');
  await once(child, 'exit');
  rmSync(copy, { recursive: true });
  return times;
}

async function reorganised({ folder }) {
  const copy = copyOf(folder, 'reorganise');
  const child = fork(member, ['reorganise', copy]);
  const [times] = await once(child, 'message');
  await once(child, 'exit');
  rmSync(copy, { recursive: true });
  return times;
}

async function synced({ height }, addresses) {
  const child = fork(member, ['follow']);
  await once(child, 'message');
  child.send({ addresses, height });
  const [times] = await once(child, 'message');
  await once(child, 'exit');
  return times;
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];

function row(name, values) {
  const list = sorted(values);
  const cells = [list[0], median(values), list.at(-1)].map((value) => value.toFixed(0).padStart(9));
  process.stdout.write(`${name.padEnd(44)}${cells.join('')}\n`);
}

/** Syncs a chain over loopback and connects it from the disk, in turn. */
async function compare(chain, rounds, peers) {
  const folders = Array.from({ length: peers }, (_, index) =>
    copyOf(chain.folder, `peer-${index}`),
  );
  const servers = folders.map((folder) => fork(member, ['serve', folder]));
  const addresses = await Promise.all(
    servers.map(async (server) => (await once(server, 'message'))[0]),
  );
  const sync = [];
  const disk = [];
  for (let round = 0; round < rounds; round++) {
    disk.push(await rebuilt(chain));
    sync.push(await synced(chain, addresses));
  }
  for (const server of servers) {
    server.send('close');
    await once(server, 'exit');
  }
  for (const folder of folders) rmSync(folder, { recursive: true });
  const wall = (times) => times.map((each) => each.wall);
  const cpu = (times) => times.map((each) => each.cpu);
  process.stdout.write(`\n${chain.name}: ${chain.height} blocks, ${peers} peers\n`);
  process.stdout.write(`${'milliseconds'.padEnd(44)}      min   median      max\n`);
  row('from the disk (--reindex)', wall(disk));
  row('from the disk, time of all cores together', cpu(disk));
  row('over the network', wall(sync));
  row('over the network, time of all cores together', cpu(sync));
  row(
    'over the network, longest time without a turn',
    sync.map(({ pause }) => pause),
  );
  const ratio = median(wall(disk)) / median(wall(sync));
  process.stdout.write(`${'speed against the disk, medians'.padEnd(62)}${ratio.toFixed(2)}\n`);
  return { blocks: chain.height, peers, disk, sync, ratio };
}

/** Leaves 200 blocks for a branch of empty ones, and comes back. */
async function moves(chain, rounds) {
  const all = [];
  for (let round = 0; round < rounds; round++) all.push(await reorganised(chain));
  for (const way of ['away', 'back']) {
    row(
      `200 blocks ${way}`,
      all.map((each) => each[way].wall),
    );
    row(
      'longest time without a turn for others',
      all.map((each) => each[way].pause),
    );
  }
  return all;
}

/**
 * `npm run bench -- sync [--rounds N] [--peers N] [--chain large|small|empty]`: a new node syncs from peers over loopback,
 * against connecting the same blocks from the disk: blocks of 10,000 P2PKH spends, of 10 transactions, and without any.
 * The peers are processes on the same cores. Then the same node leaves 200 blocks for a branch and comes back.
 */
export async function run(args) {
  const option = (name, usual) =>
    args.includes(name) ? Number(args[args.indexOf(name) + 1]) : usual;
  const rounds = option('--rounds', 5);
  const peers = option('--peers', 2);
  mkdirSync(cache, { recursive: true });
  const only = args.includes('--chain') ? args[args.indexOf('--chain') + 1] : undefined;
  const results = {};
  for (const [name, fill] of Object.entries(CHAINS)) {
    if (only !== undefined && name !== only) continue;
    const chain = await chainOf(name, fill);
    results[name] = await compare(chain, rounds, peers);
    // a branch of empty blocks is none upon empty ones: they are the same
    if (name === 'small') results.reorganised = await moves(chain, rounds);
  }
  return results;
}
