import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { blockHash, ChainNode } from 'bitmodel/chain';
import { ChainSync, createHost } from 'bitmodel/network';
import { blockOn } from '../connect/blocks.js';

/**
 * A process of its own with a node and its network. `serve FOLDER`: syncs others from the chain of a folder, and sends its
 * address. `follow`: with each address that it is sent syncs an empty folder from there, and sends how long it took.
 * `rebuild FOLDER`: connects the blocks of a folder anew, and sends how long that took. `reorganise FOLDER`: leaves the last
 * blocks of a folder for a branch of empty ones and comes back, and sends how long either took. All but `rebuild` send the
 * longest time for which nothing else had its turn, too.
 */
const [role, folder] = process.argv.slice(2);
const penalties = {
  penalise: (_peer, offence, detail) => process.stderr.write(`${offence} ${detail}\n`),
};

function stopwatch() {
  const started = performance.now();
  const before = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  return () => {
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    return { wall, cpu: (user + system) / 1000, pause: delay.max / 1e6 };
  };
}

async function open(datadir) {
  const node = await ChainNode.open({ datadir, network: 'regtest' });
  const host = await createHost({
    network: 'regtest',
    keyFile: join(datadir, 'key.json'),
    listen: ['127.0.0.1:0'],
  });
  const sync = new ChainSync({ node, host, penalties, agent: 'bench' });
  const close = async () => {
    sync.close();
    await host.close();
    await node.close();
  };
  return { node, host, close };
}

async function follow({ addresses, height }) {
  const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-bench-'));
  const { node, host, close } = await open(datadir);
  const done = new Promise((resolve) => {
    node.on('block', (tip) => {
      if (tip.height === height) resolve();
    });
  });
  const watch = stopwatch();
  await Promise.all(addresses.map((address) => host.dial(address)));
  await done;
  const times = watch();
  await close();
  rmSync(datadir, { recursive: true });
  return times;
}

/** Blocks that are left. */
const DEPTH = 200;

/** Hands in empty blocks above one; the last of them is timed. */
async function branchOff(node, entry, count) {
  let { height, hash } = entry;
  const blocks = Array.from({ length: count }, () => {
    const block = blockOn(hash, ++height, []);
    hash = blockHash(block.header);
    return block;
  });
  for (const block of blocks.slice(0, -1)) await node.submitBlock(block);
  const watch = stopwatch();
  await node.submitBlock(blocks.at(-1));
  const times = watch();
  if (node.tip.height !== height) throw new Error('the chain has not moved');
  return times;
}

async function reorganise() {
  const node = await ChainNode.open({ datadir: folder, network: 'regtest' });
  const top = node.store.tip();
  const away = await branchOff(node, node.store.headerAt(top.height - DEPTH), DEPTH + 1);
  const back = await branchOff(node, top, 2);
  await node.close();
  return { away, back };
}

if (role === 'reorganise') {
  process.send(await reorganise());
  process.disconnect();
} else if (role === 'rebuild') {
  const watch = stopwatch();
  const check = { level: 0, blocks: 1 };
  const node = await ChainNode.open({ datadir: folder, network: 'regtest', reindex: true, check });
  process.send(watch());
  await node.close();
  process.disconnect();
} else if (role === 'serve') {
  const { host, close } = await open(folder);
  process.on('message', async () => {
    await close();
    process.disconnect();
  });
  process.send(host.addresses()[0]);
} else {
  process.on('message', async (task) => {
    process.send(await follow(task));
    process.disconnect();
  });
  process.send('ready');
}
