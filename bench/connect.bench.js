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
const environment = { ...process.env, NODE_BACKEND: 'js', BCOIN_WORKERS: String(cores) };

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
async function ourBlocks(each) {
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
    const [milliseconds] = await once(child, 'message');
    return milliseconds;
  };
  const close = async () => {
    child.send('close');
    await once(child, 'exit');
  };
  return { ask, close };
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];

function row(name, values, note = '') {
  const list = sorted(values).map((value) => value.toFixed(0));
  const text = [list[0], median(values).toFixed(0), list.at(-1)];
  process.stdout.write(
    `${name.padEnd(34)}${text.map((each) => each.padStart(9)).join('')}  ${note}\n`,
  );
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

async function peer(file, ...flags) {
  const times = [];
  const child = await start('peers/bcoin.js', file, PEER_BLOCKS, ...flags);
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
  process.stdout.write(`${'milliseconds'.padEnd(34)}      min   median      max\n`);
  row('bitmodel, store on disk', ours);
  row(`libsecp256k1 alone, one core`, raw);
  const ideal = median(raw) / cores;
  const figures = {
    spends: SPENDS,
    spendsPerTransaction: each,
    bitmodel: sorted(ours),
    raw: sorted(raw),
    'share of the raw rate of all cores': ideal / median(ours),
    'share, best block against best': Math.min(...raw) / cores / Math.min(...ours),
  };
  if (peerFile) {
    for (const flags of [[], ['--workers']]) {
      const name = flags.length ? `bcoin, ${cores} worker processes` : 'bcoin, one process';
      const times = await peer(peerFile, ...flags);
      row(name, times, `${(Math.min(...times) / median(ours)).toFixed(1)} times ours`);
      figures[name] = times;
    }
  }
  process.stdout.write(
    `share of the raw rate of all cores: ${figures['share of the raw rate of all cores'].toFixed(2)} (best against best ${figures['share, best block against best'].toFixed(2)})\n`,
  );
  return figures;
}
