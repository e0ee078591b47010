import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renew, startNode } from './node-process.js';

const RUNS = 21;
const NODE_RUNS = 7;
const COMMAND_RUNS = 10;
const COMMANDS = [
  'keygen',
  'wallet balance',
  'chain info',
  'reward payout',
  'imo list',
  'job submit',
];
const CHAIN = 100_000;
const BATCH = 2_000;
const binary = fileURLToPath(new URL('../bin/bitmodel.js', import.meta.url));
const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url));

function milliseconds(args) {
  const started = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - started;
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];

/** A regtest chain of 100,000 blocks in a folder, made once. */
async function chainFolder() {
  const folder = `${cache}start-${CHAIN}`;
  if (existsSync(folder)) return folder;
  process.stderr.write(`making ${CHAIN} blocks (once; minutes) …\n`);
  const { ChainNode, blockHash, networkParameters } = await import('bitmodel/chain');
  const { checkBlock } = await import('../dist/chain/consensus/blockRules.js');
  const { blockOn } = await import('./connect/blocks.js');
  const { genesis } = networkParameters('regtest');
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  const node = await ChainNode.open({ datadir: made, network: 'regtest' });
  let { work } = node.store.tip();
  const each = work;
  let previous = blockHash(genesis.header);
  for (let height = 1; height <= CHAIN; height += BATCH) {
    // kept only: the next start connects them, many in one transaction
    node.store.transaction(() => {
      for (let at = height; at < height + BATCH && at <= CHAIN; at++) {
        const block = blockOn(previous, at, []);
        previous = blockHash(block.header);
        work += each;
        const entry = { hash: previous, header: block.header, height: at, work };
        node.store.putBlock(entry, checkBlock(block));
      }
    });
  }
  await node.close();
  const again = await ChainNode.open({ datadir: made, network: 'regtest' });
  if (again.tip.height !== CHAIN) throw new Error(`the chain has ${again.tip.height} blocks`);
  await again.close();
  renameSync(made, folder);
  return folder;
}

/** A node that is ready for calls, on a chain of 100,000 blocks and on a new one, in turn. */
async function nodeStarts() {
  mkdirSync(cache, { recursive: true });
  const folder = await chainFolder();
  const empty = `${cache}start-empty`;
  for (const datadir of [folder, empty]) await renew(datadir);
  const times = { long: [], empty: [] };
  const cpu = { long: [], empty: [] };
  for (let i = 0; i < NODE_RUNS; i++) {
    for (const [name, datadir] of [
      ['long', folder],
      ['empty', empty],
    ]) {
      const node = await startNode(datadir);
      times[name].push(node.milliseconds);
      cpu[name].push(node.cpu);
      await node.stop();
    }
  }
  const figures = {};
  for (const [name, values] of [
    [`bitmodel node, ${CHAIN} blocks, ms`, times.long],
    ['bitmodel node, new chain, ms', times.empty],
  ]) {
    figures[name] = median(values);
    figures[`${name}, least`] = Math.min(...values);
    figures[`${name}, most`] = Math.max(...values);
  }
  figures[`core time of ${CHAIN} blocks, ms`] = median(cpu.long);
  figures['core time of a new chain, ms'] = median(cpu.empty);
  return figures;
}

function versionStarts() {
  const ours = [];
  const node = [];
  for (let i = 0; i < RUNS; i++) {
    ours.push(milliseconds([binary, '--version']));
    node.push(milliseconds(['-e', '0']));
  }
  const ratios = ours.map((value, i) => value / node[i]);
  return {
    'bitmodel --version, ms': median(ours),
    'node -e 0, ms': median(node),
    ratio: median(ratios),
    'ratio, least': Math.min(...ratios),
    'ratio, most': Math.max(...ratios),
    runs: RUNS,
  };
}

/** The help of commands, which is what they load before they begin; `other` is the folder of another build, if any. */
function commandStarts(other) {
  const others = other === undefined ? [] : [resolve(other, 'bin/bitmodel.js')];
  const figures = {};
  for (const command of COMMANDS) {
    const args = [...command.split(' '), '--help'];
    const times = { ours: [], node: [], other: [] };
    for (let i = 0; i < COMMAND_RUNS; i++) {
      times.ours.push(milliseconds([binary, ...args]));
      times.node.push(milliseconds(['-e', '0']));
      for (const path of others) times.other.push(milliseconds([path, ...args]));
    }
    const over = (each) => median(times.ours.map((value, i) => value / times[each][i]));
    figures[`${command}, ms`] = median(times.ours);
    figures[`${command} / node -e 0`] = over('node');
    if (other !== undefined) figures[`${command} / the other build`] = over('other');
  }
  return figures;
}

/**
 * `npm run bench -- start`: `bitmodel --version` against `node -e 0`, in turn, whole processes. With `--commands [FOLDER]`
 * instead the help of six commands, also against another build; with `--blocks` a node on a chain of 100,000 blocks, until it
 * takes calls.
 */
export async function run(args) {
  const figures = args.includes('--blocks')
    ? await nodeStarts()
    : args[0] === '--commands'
      ? commandStarts(args[1])
      : versionStarts();
  for (const [name, value] of Object.entries(figures)) {
    process.stdout.write(`${name.padEnd(44)}${value.toFixed(2)}\n`);
  }
  return figures;
}
