import { readFileSync } from 'node:fs';

/** Blocks in one file: each behind its length as u32LE. */
export function readBlocks(file) {
  const bytes = readFileSync(file);
  const blocks = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return blocks;
}

/** Milliseconds on the clock and on all cores together since it was made; the latter tell more on a busy machine. */
export function stopwatch() {
  const started = performance.now();
  const before = process.cpuUsage();
  return () => {
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    return { wall, cpu: (user + system) / 1000 };
  };
}

/**
 * A process that connects the blocks of a file when it is told to: all but the last `timed` ones first, then one with each
 * message, answered by the milliseconds that it took, and those of all cores.
 */
export async function serve(open) {
  const [file, timed] = process.argv.slice(2);
  const blocks = readBlocks(file);
  const chain = await open();
  const first = blocks.length - Number(timed);
  let next = 0;
  while (next < first) await chain.connect(blocks[next++]);
  process.on('message', async (message) => {
    if (message === 'close') {
      await chain.close();
      process.disconnect();
      return;
    }
    const took = stopwatch();
    await chain.connect(blocks[next++]);
    const times = took();
    if (chain.height() !== next) throw new Error(`height ${chain.height()} instead of ${next}`);
    process.send(times);
  });
  process.send('ready');
}
