import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { BLOCKS, perTransaction, SPENDS } from './connect/shape.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url));
const cores = availableParallelism();
/** Bitcoin's peer needs so long for a block that few must do. */
const PEER_BLOCKS = 2;
// bcoin without its native parts, which --ignore-scripts leaves out; its worker processes never answer on Node.js 20
const environment = { ...process.env, NODE_BACKEND: 'js' };

function withLengths(blocks) {
  return Buffer.concat(
    blocks.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** The file of our blocks, made once. */
export async function ourBlocks(each) {
  const file = `${cache}connect-${each}.bin`;
  if (existsSync(file)) return file;
  process.stderr.write('making the blocks (once) …\n');
  const { makeBlocks } = await import('./connect/blocks.js');
  writeFileSync(`${file}.new`, withLengths(makeBlocks(each)));
  renameSync(`${file}.new`, file);
  return file;
}

/** The file of bcoin's blocks, made once; undefined where bcoin isn't installed. */
function peerBlocks(each) {
  const file = `${cache}connect-${each}-bcoin.bin`;
  if (!existsSync(new URL('peers/node_modules/bcoin', import.meta.url))) return undefined;
  if (existsSync(file)) return file;
  process.stderr.write("making bcoin's blocks (once; minutes) …\n");
  const args = [here('peers/bcoin-blocks.cjs'), `${file}.new`, SPENDS, PEER_BLOCKS, each].map(
    String,
  );
  const made = spawnSync(process.execPath, args, { env: environment, stdio: 'inherit' });
  if (made.status !== 0) throw new Error('bcoin could not make its blocks');
  renameSync(`${file}.new`, file);
  return file;
}

async function start(script, ...args) {
  const child = fork(here(script), args.map(String), { env: environment });
  await once(child, 'message');
  const ask = async () => {
    child.send('next');
    const [times] = await once(child, 'message');
    return times;
  };
  const close = async () => {
    child.send('close');
    await once(child, 'exit');
  };
  return { ask, close };
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];
const wall = (times) => times.map((each) => each.wall);
const cpu = (times) => times.map((each) => each.cpu);

function row(name, values, note = '') {
  const list = sorted(values);
  const cells = [list[0], median(values), list.at(-1)].map((value) => value.toFixed(0).padStart(9));
  process.stdout.write(`${name.padEnd(44)}${cells.join('')}  ${note}\n`);
}

/** Times blocks of ours and as many raw signature checks, in turn. */
async function againstRaw(file, rounds) {
  const ours = [];
  const raw = [];
  for (let round = 0; round < rounds; round++) {
    const node = await start('connect/bitmodel.js', file, BLOCKS);
    const verifier = await start('connect/raw.js', SPENDS);
    for (let block = 0; block < BLOCKS; block++) {
      raw.push(await verifier.ask());
      ours.push(await node.ask());
    }
    await node.close();
    await verifier.close();
  }
  return { ours, raw };
}

async function peer(file) {
  const times = [];
  const child = await start('peers/bcoin.js', file, PEER_BLOCKS);
  for (let block = 0; block < PEER_BLOCKS; block++) times.push(await child.ask());
  await child.close();
  return times;
}

/**
 * `npm run bench -- connect [--single] [--no-peer] [--rounds N]`: connects blocks of 10,000 P2PKH spends, each of a key of
 * its own and none of them known before, to a node whose store is on disk. `--single`: one input and output per
 * transaction instead of two.
 */
export async function run(args) {
  mkdirSync(cache, { recursive: true });
  const each = perTransaction(args);
  const rounds = args.includes('--rounds') ? Number(args[args.indexOf('--rounds') + 1]) : 3;
  const peerFile = args.includes('--no-peer') ? undefined : peerBlocks(each);
  const file = await ourBlocks(each);
  const { ours, raw } = await againstRaw(file, rounds);
  process.stdout.write(`${SPENDS} spends per block, ${each} per transaction; ${cores} cores\n`);
  process.stdout.write(`${'milliseconds'.padEnd(44)}      min   median      max\n`);
  row('bitmodel, store on disk', wall(ours));
  row('bitmodel, time of all cores together', cpu(ours));
  row('libsecp256k1 alone, one core', wall(raw));
  row('libsecp256k1 alone, time of the core', cpu(raw));
  const figures = {
    spends: SPENDS,
    spendsPerTransaction: each,
    bitmodel: ours,
    raw,
    'share of the raw rate of all cores, medians': median(wall(raw)) / cores / median(wall(ours)),
    'share, best block against best': Math.min(...wall(raw)) / cores / Math.min(...wall(ours)),
    'share of core time that checks signatures': median(cpu(raw)) / median(cpu(ours)),
  };
  if (peerFile) {
    const times = await peer(peerFile);
    row('bcoin, database in memory', wall(times));
    row('bcoin, time of the core', cpu(times));
    figures.bcoin = times;
    figures['times as fast as bcoin, its best against our median'] =
      Math.min(...wall(times)) / median(wall(ours));
    figures['times less core time than bcoin, its best against our median'] =
      Math.min(...cpu(times)) / median(cpu(ours));
  }
  for (const [name, value] of Object.entries(figures)) {
    if (name.startsWith('share') || name.startsWith('times')) {
      process.stdout.write(`${name.padEnd(62)}${value.toFixed(2)}\n`);
    }
  }
  return figures;
}
