import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renew, startNode } from './node-process.js';

const OUTPUTS = 1_000_000;
const PER_BLOCK = 200_000;
const SPENDS = 10_000;
const cache = fileURLToPath(new URL('../.cache/bench/', import.meta.url));

/** MiB of a process: in all, of its own, and of pages of the chain's file, which the system takes back when it needs them. */
function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  const maps = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const mapped = maps
    .filter((map) => map.includes('chain.lmdb'))
    .map((map) => Number(/Rss:\s+(\d+)/.exec(map)[1]) / 1024);
  const file = mapped.reduce((sum, each) => sum + each, 0);
  const all = field('VmRSS');
  return { all, peak: field('VmHWM'), file, own: all - file };
}

/** A regtest chain with a million unspent outputs, and a block of 10,000 spends of them, made once. */
async function chainFolder() {
  const folder = `${cache}memory-${OUTPUTS}`;
  const blockFile = `${folder}/next-block.hex`;
  if (existsSync(folder)) return { folder, blockFile };
  process.stderr.write(`making ${OUTPUTS} outputs (once) …\n`);
  const { ChainNode, blockHash, encodeBlock, hash160, NO_JOB, p2pkhScript, transactionHash } =
    await import('bitmodel/chain');
  const { blockOn, keys, sign } = await import('./connect/blocks.js');
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  const node = await ChainNode.open({ datadir: made, network: 'regtest' });
  const parts = { version: 10, lockTime: 0, jobId: NO_JOB };
  const input = (hash, index) => ({
    outpoint: { hash, index },
    unlockingScript: new Uint8Array(0),
    sequence: 0xffff_ffff,
  });
  const add = async (transactions) => {
    const tip = node.store.tip();
    await node.submitBlock(blockOn(tip.hash, tip.height + 1, transactions));
  };
  for (let i = 0; i < 110; i++) await add([]);
  let spendable = [];
  for (let at = 0; at < OUTPUTS; at += PER_BLOCK) {
    const height = 1 + at / PER_BLOCK;
    const [first] = node.store.block(node.store.hashAt(height)).transactions;
    const value = first.outputs[0].value / BigInt(PER_BLOCK);
    const outputs = Array.from({ length: PER_BLOCK }, (_, index) => ({
      value,
      // the first ones can be spent; the others only take room
      lockingScript:
        at === 0 && index < SPENDS
          ? keys[index].lockingScript
          : p2pkhScript(hash160(Buffer.from(`${at} ${index}`))),
    }));
    const inputs = [input(transactionHash(first), 0)];
    const split = sign({ ...parts, inputs, outputs }, first.outputs, [keys[0]]);
    if (at === 0) {
      const hash = transactionHash(split);
      spendable = keys.map((owner, index) => ({ hash, index, owner, output: outputs[index] }));
    }
    await add([split]);
  }
  // a start verifies the last blocks: as on a real chain, they are not those that made all outputs
  for (let i = 0; i < 10; i++) await add([]);
  const spends = [];
  for (let at = 0; at < SPENDS; at += 2) {
    const used = spendable.slice(at, at + 2);
    const outputs = used.map(({ output }) => output);
    const inputs = used.map(({ hash, index }) => input(hash, index));
    spends.push(
      sign(
        { ...parts, inputs, outputs },
        outputs,
        used.map(({ owner }) => owner),
      ),
    );
  }
  const tip = node.store.tip();
  const next = blockOn(tip.hash, tip.height + 1, spends);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${made}/next-block.hex`, Buffer.from(encodeBlock(next)).toString('hex'));
  if (blockHash(next.header).length !== 32) throw new Error('no block');
  await node.close();
  renameSync(made, folder);
  return { folder, blockFile };
}

/**
 * `npm run bench -- memory`: resident memory of a `bitmodel node` with 1,000,000 unspent outputs, after its start, after it
 * read the whole set, and after it connected a block of 10,000 spends, which it then gives back.
 */
export async function run() {
  mkdirSync(cache, { recursive: true });
  const { folder, blockFile } = await chainFolder();
  await renew(folder);
  const node = await startNode(folder);
  const figures = {};
  const note = (name) => {
    const memory = memoryOf(node.pid);
    figures[name] = memory;
    const columns = [memory.all, memory.own, memory.file, memory.peak].map((each) =>
      each.toFixed(0).padStart(9),
    );
    process.stdout.write(`${name.padEnd(40)}${columns.join('')}\n`);
  };
  process.stdout.write(`${'MiB'.padEnd(40)}      all      own   mapped     peak\n`);
  note('after the start');
  const hex = readFileSync(blockFile, 'utf8');
  const { height } = await node
    .call('getblockchaininfo')
    .then(({ blocks }) => ({ height: blocks }));
  const refused = await node.call('submitblock', hex);
  if (refused !== null) throw new Error(`the block was refused: ${refused}`);
  note('after a block of 10,000 spends');
  const { txouts } = await node.call('gettxoutsetinfo');
  note(`after reading ${txouts} outputs`);
  await node.stop();
  const { ChainNode } = await import('bitmodel/chain');
  const again = await ChainNode.open({ datadir: folder, network: 'regtest' });
  while (again.tip.height > height) {
    const { hash } = again.store.tip();
    again.store.transaction(() => again.store.disconnect());
    again.store.transaction(() => again.store.forget(again.store.header(hash), true));
  }
  await again.close();
  return figures;
}
